"""Two distributions beside each other, as text and as SVG."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from headwater.audit.shapes import Shapes, shapes, svg, text


def numeric(factor: float) -> dict[str, str]:
    values = np.quantile(np.random.default_rng(1).gamma(4, 250, 10_000), np.linspace(0, 1, 33))
    return {"quantiles": json.dumps({"now": (values * factor).tolist(), "before": values.tolist()})}


def found(evidence: dict[str, str]) -> Shapes:
    made = shapes(evidence)
    assert made is not None
    return made


def middle(shares: tuple[float, ...]) -> float:
    return float(np.dot(range(len(shares)), shares) / sum(shares))


def test_a_shift_shows_in_the_bars() -> None:
    """The shares are of all rows but a few at the ends, and the drifted side lies to the right."""
    made = found(numeric(1.6))
    assert 0.9 < sum(made.now) <= 1.0
    assert 0.9 < sum(made.before) <= 1.0
    assert middle(made.now) > middle(made.before) + 4
    lines = text(made)
    assert [line[:6] for line in lines[:2]] == ["before", "now   "]
    assert max(len(line) for line in lines) <= 80


def test_one_value_alone_is_a_bar() -> None:
    """A constant column has no range; it is drawn all the same."""
    evidence = {"quantiles": json.dumps({"now": [7.0] * 33, "before": [7.0] * 33})}
    made = found(evidence)
    assert sum(made.now) == pytest.approx(1.0)
    assert "█" in text(made)[0]


def test_values_have_a_line_a_side() -> None:
    """Each value with both shares, names that hold anything printed safely."""
    evidence = {"shares": json.dumps({"now": {"AA": 0.1, "\x1b[31m": 0.9}, "before": {"AA": 0.6, "\x1b[31m": 0.4}})}
    lines = text(found(evidence))
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)
    assert "60.00%" in lines[0]
    assert "10.00%" in lines[1]


@pytest.mark.parametrize("evidence", [numeric(2.0), {"nulls": json.dumps({"now": 0.2, "before": 0.01})}])
def test_the_picture_is_well_formed(evidence: dict[str, str]) -> None:
    """SVG that a parser takes, with the title and bars of both colours."""
    root = ET.fromstring(svg(found(evidence), "distance <drifted> & more"))
    words = [element.text for element in root.iter() if element.text]
    assert "distance <drifted> & more" in words
    assert len({element.get("fill") for element in root.iter() if element.tag.endswith("rect")}) == 3


def test_without_samples_there_is_nothing_to_draw() -> None:
    """A failed run compares no distributions."""
    assert shapes({"verdict": '"failed"'}) is None
