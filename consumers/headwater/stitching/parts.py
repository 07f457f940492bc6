"""Events in parts: what they claim counts once all of their parts are there."""

from __future__ import annotations

from headwater.stitching.facts import Facts, Node

#: How an event ends its run: its event time, its id, the state.
End = tuple[int, bytes, str]


class Parts:
    """Of events in parts: parts seen, outputs said to be complete, how it ends its run."""

    def __init__(self) -> None:
        self._of: dict[tuple[bytes, int], tuple[set[int], set[Node], list[End]]] = {}

    def take(self, facts: Facts) -> tuple[set[Node], list[End], bool]:
        """The outputs whose explicit sources are all said, and how the run ends: both once all parts are there.
        And whether the part, or what it claims, is new.
        """
        finished = {written.node for written in facts.writes if written.complete}
        ends = [(facts.event.event_time, facts.event.event_id, facts.state)] if facts.ends else []
        if facts.parts <= 1:
            return finished, ends, False
        seen, claimed, claimed_ends = self._of.setdefault((facts.event.event_id, facts.parts), (set(), set(), []))
        new_ends = [end for end in ends if end not in claimed_ends]
        is_new = facts.part not in seen or not finished <= claimed or bool(new_ends)
        seen.add(facts.part)
        claimed |= finished
        claimed_ends += new_ends
        return (set(claimed), claimed_ends, is_new) if len(seen) >= facts.parts else (set(), [], is_new)
