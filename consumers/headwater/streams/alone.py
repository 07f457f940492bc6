"""One member of a group has all partitions, the others stand by: for a step whose state knows no partitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor


class Alone(cast("Any", PartitionAssignor)):  # type: ignore[misc] # Faust is untyped
    """Faust's assignor, asked as if there were one member: the one that had the partitions before, else the first.

    Who stands by is told that it has none, and takes over at the rebalance that the other's end brings.
    """

    def _perform_assignment(self, cluster: Any, member_metadata: Mapping[str, Any]) -> Any:
        asked = {member: self._get_client_metadata(one) for member, one in member_metadata.items()}
        holding = [member for member, one in asked.items() if any(one.assignment.actives.values())]
        active = min(holding or asked)
        base: Any = super()
        given: dict[str, Any] = base._perform_assignment(  # noqa: SLF001 — ours by inheritance
            cluster, {active: member_metadata[active]}
        )
        self._update_member_urls(asked)
        none: Any = {member: ClientAssignment(actives={}, standbys={}) for member in asked if member != active}
        return {**given, **self._protocol_assignments(none, {}, {}, {})}
