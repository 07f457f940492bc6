"""The root of a fault in graphs of 200 nodes: a short version of the benchmark's A6."""

from __future__ import annotations

from tests.benchmarks.detection.roots import a6


def test_the_true_root_stands_first() -> None:
    """In most of a few seeded graphs, far more often than the most upstream alarmed node is it, and few incidents."""
    found = a6(12)
    assert found["root"] >= 0.75
    assert found["root"] > found["upstream"] + 0.2
    assert found["all incidents"] <= 2.2
