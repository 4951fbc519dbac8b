"""What a topic holds, read back by aiokafka's consumer."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition


async def read_topic(address: str, topic: str, partitions: int, wait: float = 60) -> list[list[ConsumerRecord]]:
    """Every message of each partition, in the order of the log."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest",
                                max_partition_fetch_bytes=32 << 20, fetch_max_bytes=64 << 20)
    await consumer.start()
    try:
        there = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(there)
        ends = await consumer.end_offsets(there)
        got: list[list[ConsumerRecord]] = [[] for _ in there]
        async with asyncio.timeout(wait):
            while any([await consumer.position(each) < ends[each] for each in there]):
                for each, messages in (await consumer.getmany(timeout_ms=500)).items():
                    got[each.partition].extend(messages)
        return got
    finally:
        await consumer.stop()


def first_arrivals(messages: list[ConsumerRecord]) -> list[int]:
    """The numbers in the values' first four bytes, without what was delivered before."""
    return list(dict.fromkeys(int.from_bytes((message.value or b"")[:4], "big") for message in messages))
