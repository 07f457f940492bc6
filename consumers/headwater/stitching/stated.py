"""What events state about where outputs come from: explicit sources and column lineage."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.stitching.facts import ColumnRow, Node, Written


class Stated:
    """Sources and rows of column lineage by output, as they were said."""

    def __init__(self) -> None:
        self.sources: dict[Node, set[Node]] = {}
        self.rows: dict[Node, set[tuple[Node, ColumnRow]]] = {}
        #: Outputs whose sources name a dataset without a version, by its namespace and name.
        self.unversioned: dict[tuple[str, str], set[Node]] = {}

    def take(self, written: Written) -> Written:
        """Note explicit sources and column lineage of an output; those of them that are new."""
        sources = self.sources.setdefault(written.node, set())
        rows = self.rows.setdefault(written.node, set())
        new_sources = tuple(raw for raw in dict.fromkeys(written.sources) if raw not in sources)
        new_rows = tuple(row for row in dict.fromkeys(written.columns) if row not in rows)
        sources.update(new_sources)
        rows.update(new_rows)
        for raw in {*new_sources, *(raw for raw, _ in new_rows)}:
            if raw.version is None:
                self.unversioned.setdefault((raw.namespace, raw.name), set()).add(written.node)
        return Written(written.node, new_sources, written.complete, new_rows)

    def named(self) -> Iterator[Node]:
        """All that is stated as a source."""
        for sources in self.sources.values():
            yield from sources
        for rows in self.rows.values():
            yield from (raw for raw, _ in rows)
