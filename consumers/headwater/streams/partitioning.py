"""Which partition a key's messages stand on, as Kafka's own clients and librdkafka's murmur2 partitioners say."""

from __future__ import annotations

_SEED, _FACTOR, _BITS = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of so many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The hash as `org.apache.kafka.common.utils.Utils.murmur2` computes it, as an unsigned number."""
    length = len(data)
    value = _SEED ^ length
    whole = length & ~3
    for place in range(0, whole, 4):
        mixed = int.from_bytes(data[place : place + 4], "little") * _FACTOR & _BITS
        mixed = (mixed ^ mixed >> 24) * _FACTOR & _BITS
        value = (value * _FACTOR & _BITS) ^ mixed
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _FACTOR & _BITS
    value = (value ^ value >> 13) * _FACTOR & _BITS
    return value ^ value >> 15
