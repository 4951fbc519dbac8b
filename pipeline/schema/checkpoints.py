"""The records of the workers' own: `checkpoints`, from which one goes on after another, and `dead_letters`.

A checkpoint of a partition of a topic is the bytes of a snapshot and the offset at which to go on. It is cut into
`shoal.parts` rows and stored in one of a few slots, of which the oldest is taken next: in a slot a greater offset
replaces a smaller one, so that the newest few are kept, and one that comes late, from a worker that has lost the
partition, replaces nothing that is newer. A slot may for a while hold parts of two offsets; whoever reads takes those
of one offset, and that only where all are there and the digest is right.

Rows go in as Native blocks (`pipeline.store.native.NativeEncoder`), in which the bytes stand as they are:
`shoal.data` of row i is a slice of `Columns.raw_buffer`.
"""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.column import Record

CHECKPOINTS = Record(
    name="checkpoints",
    meaning="One row for each part of each checkpoint of a worker; a slot's newest offset counts",
    columns=(
        C("shoal.topic", "text", "Kafka topic"),
        C("shoal.partition", "u32", "Partition of the topic"),
        C("shoal.slot", "u8", "Which of the places for the partition's newest checkpoints this is, from 0"),
        C("shoal.part", "u32", "Which part of the snapshot this is, from 0"),
        C("shoal.parts", "u32", "Parts that the snapshot has"),
        C("shoal.offset", "u64", "Offset of the next message; the version of the row"),
        C("shoal.time", "time", "When the checkpoint was written", unit="ns since 1970-01-01 UTC"),
        C("shoal.digest", "text", "BLAKE2b of all parts one after the other, in hex"),
        C("shoal.data", "raw", "The part's bytes; all of them are the snapshot as an LZ4 frame", unit="bytes",
          codec="ZSTD(1)"),
    ),
    order_by=("shoal.topic", "shoal.partition", "shoal.slot", "shoal.part"),
    partition_by="(`shoal.topic`, `shoal.partition`)",
    engine="ReplacingMergeTree",
    version="shoal.offset",
)

DEAD_LETTERS = Record(
    name="dead_letters",
    meaning="One row for each message that was no valid batch; the message itself is in the dead-letter topic",
    columns=(
        C("shoal.topic", "text", "Kafka topic from which the message was taken"),
        C("shoal.partition", "u32", "Partition of the topic"),
        C("shoal.offset", "u64", "Offset of the message"),
        C("shoal.day", "day", "UTC day of the first message of the insert; the partition of the table"),
        C("shoal.time", "time", "The message's time by the broker's clock", unit="ns since 1970-01-01 UTC"),
        C("sensor", "text", "Sensor that the message names; empty where that can't be told"),
        C("shoal.reason", "text", "Why it is no valid batch, in a word"),
        C("shoal.message", "string", "Why, in a sentence"),
        C("shoal.size", "u64", "Size of the message", unit="bytes"),
    ),
    order_by=("shoal.topic", "shoal.partition", "shoal.offset"),
    partition_by="toMonday(`shoal.day`)",
    engine="ReplacingMergeTree",
    time="shoal.time",
)
