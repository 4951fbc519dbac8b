"""Topics are made once, and those that are there are checked, whoever made them."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from collectors.publish.topics import TopicMismatch, ensure_topics
from pipeline.schema import topics
from tests.broker.broker import Broker, free_ports, unique


async def test_topics_are_made_by_whoever_is_first(broker: Broker) -> None:
    prefix = unique()
    wanted = [topics.packets(prefix, "0123456789ab", 3), *topics.fleet_topics(prefix)]
    await asyncio.gather(*(ensure_topics(broker.address, wanted) for _ in range(4)))
    await ensure_topics(broker.address, wanted)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        there = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics([t.name for t in wanted])}
        (answer,) = await admin.describe_configs([
            ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.settings, "")) for topic in wanted
            if topic.settings
        ])
    finally:
        await admin.close()
    assert there == {topic.name: topic.partitions for topic in wanted}
    assert there[f"{prefix}.packets.0123456789ab"] == 3
    settings = {name: {key: value for key, value, *_ in entries} for _, _, _, name, entries in answer.resources}
    assert settings == {topic.name: topic.settings for topic in wanted if topic.settings}


async def test_a_topic_that_is_otherwise_is_named_and_left_alone(broker: Broker) -> None:
    prefix = unique()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    await admin.create_topics([NewTopic(f"{prefix}.packets.x", 2, 1), NewTopic(f"{prefix}.control", 1, 1)])
    await admin.close()
    with pytest.raises(TopicMismatch, match="has 2 partitions, not 4; use that number, or another prefix"):
        await ensure_topics(broker.address, [topics.packets(prefix, "x")])
    with pytest.raises(TopicMismatch, match=r"max.message.bytes=\d+, not 16777216; alter it"):
        await ensure_topics(broker.address, [topics.packets(prefix, "x", 2)])
    with pytest.raises(TopicMismatch, match=r"cleanup.policy=delete, not compact"):
        await ensure_topics(broker.address, [topics.control(prefix)])


async def test_what_the_broker_refuses_to_make_is_an_error(broker: Broker) -> None:
    with pytest.raises(KafkaError, match=re.escape("topic a/b: ")):
        await ensure_topics(broker.address, [topics.Topic("a/b")], wait=5)


async def test_brokers_that_do_not_answer_are_an_error(shaky_broker: Broker) -> None:
    with pytest.raises(KafkaError):
        await ensure_topics(f"127.0.0.1:{free_ports()}", [topics.Topic("a")], wait=5)
    shaky_broker.pause()
    with pytest.raises(KafkaError, match=r"did not answer within 0.5 s"):
        await ensure_topics(shaky_broker.address, [topics.Topic("a")], wait=0.5)
    shaky_broker.resume()


@pytest.mark.parametrize("wrong", ["", "a b", "a/b", "ä", ".", "..", "a" * 201])
def test_prefixes_that_kafka_would_not_take_are_refused(wrong: str) -> None:
    assert topics.check_prefix("shoal.test_1-2") == "shoal.test_1-2"
    with pytest.raises(ValueError, match="can't begin a topic's name"):
        topics.check_prefix(wrong)
