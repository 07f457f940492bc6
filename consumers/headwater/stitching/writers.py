"""The writer schemas that runs' messages are of, by number."""

from __future__ import annotations

from headwater.errors import InvalidMessage
from headwater.schemas.codec import Program
from headwater.schemas.framing import read_header
from headwater.schemas.records import Schema
from headwater.stitching import columns, ordinary
from headwater.streams import Past, Retry

#: What stands first in an event and is different in what a sender repeats; the id follows.
_SENT = ("emit_time", "producer_id", "sequence", "event_id")


class Writers:
    """Schemas with the programs of those whose runs can take the compiled path."""

    def __init__(self) -> None:
        self.schemas: list[Schema] = []
        self.programs: list[Program | None] = []
        #: What reads the messages of long runs.
        self.columns: list[Program | None] = []
        #: Whether what a sender repeats is told by what follows emit time, producer id and sequence.
        self.heads: list[bool] = []
        self._by_header: dict[bytes, int] = {}
        self.past: Past | None = None

    def number(self, schema: Schema) -> int:
        """The number of a schema."""
        if schema not in self.schemas:
            fields = schema.definition["fields"]
            self.schemas.append(schema)
            self.programs.append(ordinary.program(schema))
            self.columns.append(columns.program(schema))
            self.heads.append(tuple(field["name"] for field in fields[: len(_SENT)]) == _SENT)
        return self.schemas.index(schema)

    def learn(self, message: bytes, number: int) -> None:
        """Note what schema a header names."""
        self._by_header[message[: read_header(message).length]] = number

    def of(self, message: bytes) -> int:
        """The number of the schema that a kept message names. Raises Retry while nobody knows it."""
        try:
            header = message[: read_header(message).length]
        except InvalidMessage as error:
            raise Retry(1.0, f"a kept message cannot be read: {error}") from error
        number = self._by_header.get(header)
        if number is None:
            schema = self.past.schema(message) if self.past is not None else None
            if schema is None:
                raise Retry(1.0, f"the schema of a kept message is not known yet: {header.hex()}")
            number = self._by_header[header] = self.number(schema)
        return number
