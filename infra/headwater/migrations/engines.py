"""Every clause that differs between a single server (or chDB) and a cluster, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.errors import StateError

#: Blocks whose deduplication token a table remembers; inserts come about once a second a table.
DEDUPLICATION_WINDOW = 1000


@dataclass(frozen=True)
class Engines:
    """The clauses of a single server."""

    def clause(self, name: str, argument: str | None) -> str:
        """The text for `${name}` or `${name(argument)}`. Raises StateError for an unknown name."""
        match name, argument:
            case "on_cluster", None:
                return ""
            case "replacing", str(version):
                return f"ReplacingMergeTree({version})"
            case "appending", None:
                return "MergeTree"
            case "settings", None:
                return (
                    f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}, "
                    "ttl_only_drop_parts = 1, index_granularity = 8192"
                )
            case _:
                raise StateError(f"a migration has a place that nobody fills: {name}({argument or ''})")
