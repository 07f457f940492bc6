"""What a check of the history says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from headwater.ledger.chain import Lane

#: altered: a row's bytes are not those that were archived; missing: archived, not there, and no twin of it is;
#: added: there, never archived; ledger: the ledger itself was altered.
Kind = Literal["altered", "missing", "added", "ledger"]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was archived. `offset`: of the message, or of an entry's first one."""

    kind: Kind
    lane: Lane
    offset: int
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.lane} offset {self.offset}: {self.says}"


@dataclass
class Report:
    """A full check. Counts of messages; `findings` holds the first MOST_FINDINGS, `found` counts all."""

    messages: int = 0
    entries: int = 0
    rows: int = 0
    #: Messages whose content came before or after under another offset: the history keeps one of them.
    merged: int = 0
    #: Rows that arrived after the newest ledger entry of their partition: not covered yet.
    newer: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether nothing was altered."""
        return self.found == 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it while there are few."""
        self.found += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        findings = [{**asdict(one), "lane": str(one.lane), "text": str(one)} for one in self.findings]
        return {**asdict(self), "findings": findings, "whole": self.whole}


#: Findings that are told one by one.
MOST_FINDINGS = 100
