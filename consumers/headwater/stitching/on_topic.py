"""Runs put on the state topic and taken back from it.

A run in one record replaces the one before. Of a run in several (`Part`) no record replaces another: what stood is
taken back behind the last record of what replaces it. So wherever a worker dies between two records, and whatever the
broker compacts then, one of the two stands whole. What it leaves, the next one takes back (`rejoining.py`).
"""

from __future__ import annotations

import os

from headwater.stitching import parked, state_records
from headwater.stitching.state_records import Part
from headwater.streams import Output


class OnTopic:
    """What the state topic has of a partition's runs in several records."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        #: By identity: the name of the write that stands, how many records it has.
        self._large: dict[bytes, tuple[bytes, int]] = {}

    def stands(self, identity: bytes, write: bytes, count: int) -> None:
        """Note what another worker wrote."""
        self._large[identity] = (write, count)

    def put(self, identity: bytes, packed: bytes) -> list[Output]:
        """A run that is kept, and what it replaces taken back."""
        records = parked.records(packed)
        if len(records) == 1:
            return [state_records.run(self._partition, identity, records[0]), *self._parts_gone(identity)]
        write = os.urandom(8)
        outputs = [
            state_records.run(self._partition, identity, record, Part(write, number))
            for number, record in enumerate(records)
        ]
        # Before, it may have stood in one record.
        outputs += self._parts_gone(identity) or [state_records.gone(self._partition, identity)]
        self._large[identity] = (write, len(records))
        return outputs

    def take_back(self, identity: bytes) -> list[Output]:
        """A run that is not kept there any more."""
        return self._parts_gone(identity) or [state_records.gone(self._partition, identity)]

    def _parts_gone(self, identity: bytes) -> list[Output]:
        write, count = self._large.pop(identity, (b"", 0))
        return [state_records.gone(self._partition, identity, Part(write, number)) for number in range(count)]
