"""Checkpoints: where every chain of the ledger ended at a moment, signed, for somebody else to keep.

The history's keeper could rewrite rows and every ledger entry after them. They cannot rewrite a copy that somebody
else holds: its chain digests are then in no ledger. A checkpoint is a JSON document; the signature is Ed25519 over
the document without `signature`, as JSON with sorted keys and no blanks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.errors import MissingExtra, SettingsError
from headwater.ledger.chain import Lane
from headwater.ledger.report import Finding

FORMAT: Final = "headwater-checkpoint-1"
_ENDS: Final = (
    "SELECT kafka_topic, kafka_generation, kafka_partition, max(l.last_offset) AS last_offset, "
    "hex(argMax(l.chain, (l.last_offset, l.chain))) AS chain, sum(l.messages) AS messages FROM ledger AS l "
    "GROUP BY kafka_topic, kafka_generation, kafka_partition "
    "ORDER BY kafka_topic, kafka_generation, kafka_partition"
)
_THERE: Final = (
    "SELECT count() AS there FROM ledger WHERE kafka_topic = {topic:String} AND kafka_generation = {generation:String} "
    "AND kafka_partition = {partition:Int32} AND last_offset = {last:Int64} AND chain = unhex({chain:String})"
)


@dataclass(frozen=True)
class End:
    """Where a lane's chain ended. `chain`: hexadecimal."""

    topic: str
    generation: str
    partition: int
    last_offset: int
    chain: str
    messages: int

    @property
    def lane(self) -> Lane:
        return Lane(self.topic, self.generation, self.partition)


@dataclass(frozen=True)
class Checkpoint:
    """All ends at one moment. `checked`: the history was found whole just before. `signer`: hex; empty: unsigned."""

    made: str
    database: str
    checked: bool
    ends: tuple[End, ...]
    signer: str = ""
    signature: str = ""

    @property
    def messages(self) -> int:
        """How many messages the ledger had."""
        return sum(end.messages for end in self.ends)

    def signed(self) -> bytes:
        """The bytes that a signature is of."""
        document = {"format": FORMAT, **asdict(self), "ends": [asdict(end) for end in self.ends]}
        del document["signature"]
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """Names it: SHA-256 of what is signed, hexadecimal."""
        return sha256(self.signed()).hexdigest()

    def text(self) -> str:
        """The document, as it is kept."""
        return json.dumps({"format": FORMAT, **asdict(self), "digest": self.digest}, indent=1) + "\n"


@dataclass(frozen=True)
class Kept:
    """A checkpoint that the history remembers having given out."""

    made: datetime
    digest: str
    messages: int
    checked: bool
    signer: str


def make(client: Client, database: str, *, checked: bool, key: Path | None = None) -> Checkpoint:
    """A checkpoint of now. `key`: an Ed25519 private key in PEM. Raises SettingsError for a key that is none."""
    ends = tuple(
        End(
            row["kafka_topic"],
            row["kafka_generation"],
            row["kafka_partition"],
            row["last_offset"],
            row["chain"].lower(),
            row["messages"],
        )
        for row in select(client, _ENDS)
    )
    made = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    bare = Checkpoint(made, database, checked, ends)
    if key is None:
        return bare
    private = _private(key)
    ready = Checkpoint(made, database, checked, ends, signer=private.public_key().public_bytes_raw().hex())
    return Checkpoint(made, database, checked, ends, ready.signer, private.sign(ready.signed()).hex())


def remember(client: Client, checkpoint: Checkpoint) -> None:
    """Let the history say when it was exported last; needs a user who may write."""
    row = {
        "made": checkpoint.made.removesuffix("Z").replace("T", " "),
        "digest": checkpoint.digest,
        "messages": checkpoint.messages,
        "checked": checkpoint.checked,
        "signer": checkpoint.signer,
    }
    client.raw_insert("checkpoints", insert_block=json.dumps(row).encode(), fmt="JSONEachRow", settings={})


def last(client: Client) -> Kept | None:
    """The newest checkpoint that the history remembers."""
    for row in select(
        client, "SELECT made, digest, messages, checked, signer FROM checkpoints ORDER BY made DESC LIMIT 1"
    ):
        return Kept(row["made"], row["digest"], row["messages"], bool(row["checked"]), row["signer"])
    return None


def read(path: Path, public: Path | None = None) -> Checkpoint:
    """A checkpoint from a file. `public`: the Ed25519 public key (PEM) that must have signed it.

    Raises SettingsError where it is none, was altered, or is not signed by that key.
    """
    try:
        document = cast("Mapping[str, Any]", json.loads(path.read_text("utf-8")))
        if document["format"] != FORMAT:
            raise SettingsError(f"{path} is a checkpoint of another version: {document['format']}")
        found, digest = _from(document), str(document["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is no checkpoint of the ledger: {error}") from None
    if digest != found.digest:
        raise SettingsError(f"{path} was altered: its digest is {found.digest}")
    if found.signer and not _signature_holds(found):
        raise SettingsError(f"{path} was altered: its signature is not of what it says")
    if public is not None and found.signer != _public(public):
        raise SettingsError(f"{path} is not signed by the key in {public}")
    return found


def _from(document: Mapping[str, Any]) -> Checkpoint:
    ends = tuple(End(**end) for end in cast("Sequence[Mapping[str, Any]]", document["ends"]))
    return Checkpoint(
        str(document["made"]),
        str(document["database"]),
        bool(document["checked"]),
        ends,
        str(document["signer"]),
        str(document["signature"]),
    )


def compare(client: Client, checkpoint: Checkpoint) -> list[Finding]:
    """Which of a checkpoint's chains the ledger does not have: it was rewritten since, or cut off before."""
    found: list[Finding] = []
    for end in checkpoint.ends:
        asked = {**end.lane._asdict(), "last": end.last_offset, "chain": end.chain}
        if not select(client, _THERE, asked)[0]["there"]:
            says = (
                f"the checkpoint of {checkpoint.made} has a chain that the ledger has not: it was rewritten or cut off"
            )
            found.append(Finding("ledger", end.lane, end.last_offset, says))
    return found


def _ed25519() -> tuple[Any, Any]:
    try:
        return (
            import_module("cryptography.hazmat.primitives.asymmetric.ed25519"),
            import_module("cryptography.hazmat.primitives.serialization"),
        )
    except ModuleNotFoundError:
        raise MissingExtra("audit", "cryptography") from None


def _private(path: Path) -> Any:
    ed25519, serialization = _ed25519()
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{path} is no private key in PEM: {error}") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SettingsError(f"{path} is no Ed25519 key; `openssl genpkey -algorithm ed25519 -out {path}` makes one")
    return key


def _public(path: Path) -> str:
    ed25519, serialization = _ed25519()
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} is no public key in PEM: {error}") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise SettingsError(f"{path} is no Ed25519 key")
    return str(key.public_bytes_raw().hex())


def _signature_holds(checkpoint: Checkpoint) -> bool:
    ed25519, _ = _ed25519()
    invalid = import_module("cryptography.exceptions").InvalidSignature
    try:
        public = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint.signer))
        public.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed())
    except (invalid, ValueError):
        return False
    return True
