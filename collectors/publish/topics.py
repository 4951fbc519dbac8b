"""Sees to it that the topics of a fleet exist and are as declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from pipeline.schema.topics import Topic


class TopicMismatch(Exception):
    """A topic is there, and is not as declared; one line that says what to do. A retry does not help."""


async def ensure_topics(brokers: str, topics: Iterable[Topic], wait: float = 15) -> None:
    """Creates the topics that are missing, and checks the others: number of partitions, and the declared settings.

    Safe when several do it at once. New topics get up to three replicas, as many as there are brokers. KafkaError when
    the brokers (`HOST:PORT[,HOST:PORT...]`) don't answer within `wait` seconds; TopicMismatch for a topic that is
    otherwise than declared: nothing is changed then, as it may hold other people's data.
    """
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers, request_timeout_ms=int(wait * 1000))
    try:
        async with asyncio.timeout(wait):
            await admin.start()
            there = await _there(admin, wanted)
            missing = [wanted[name] for name in wanted if name not in there]
            if missing:
                await _create(admin, missing)
                # Metadata takes a moment to hold a new topic, wherever it was created from.
                while len(there := await _there(admin, wanted)) < len(wanted):
                    await asyncio.sleep(0.05)
            for name, partitions in there.items():
                if partitions != wanted[name].partitions:
                    raise TopicMismatch(
                        f"topic {name} has {partitions} partitions, not {wanted[name].partitions}; "
                        "use that number, or another prefix"
                    )
            await _check_settings(admin, [wanted[name] for name in there if wanted[name].settings])
    except TimeoutError as error:
        raise KafkaError(f"{brokers} did not answer within {wait:g} s") from error
    finally:
        await admin.close()


async def _there(admin: AIOKafkaAdminClient, wanted: dict[str, Topic]) -> dict[str, int]:
    """Partitions of those topics that exist."""
    found = await admin.describe_topics(list(wanted))
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in found
        if not topic["error_code"] and all(part["leader"] >= 0 for part in topic["partitions"])
    }


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    new = [NewTopic(topic.name, topic.partitions, min(brokers, 3), topic_configs=topic.settings) for topic in topics]
    answer: Any = await admin.create_topics(new)
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name}: {message[0] if message else error.description}")


async def _check_settings(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    wanted = {topic.name: topic.settings for topic in topics}
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.settings, "")) for topic in topics
    ]
    for answer in await admin.describe_configs(asked):
        resources: Any = answer.resources
        for code, _, _, name, entries in resources:
            if code:
                # A broker that does not let us read settings may well let us publish.
                continue
            for key, value, *_ in entries:
                if key in wanted[name] and wanted[name][key] != value:
                    raise TopicMismatch(
                        f"topic {name} has {key}={value}, not {wanted[name][key]}; alter it, or use another prefix"
                    )
