"""Pictures of walks: everything is drawn, readable, and no name is more than a name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.audit import Answer, Clocks, Node, WalkNode, bars, picture
from headwater.audit.drawing import FEW, MOST, drawing, merged
from headwater.audit.layers import laid_out
from headwater.audit.render import dot, mermaid, tree
from tests.consumers.audit.walks import HOSTILE, RUN, WHEN, node, walk_of

SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg: str) -> list[str]:
    """The full name in each box's title."""
    root = ET.fromstring(svg)
    titles = [one.findtext(f"{SVG}title") or "" for one in root.iter(f"{SVG}g")]
    return [title.split("\n", maxsplit=1)[0] for title in titles]


def test_a_picture_shows_every_box_and_edge() -> None:
    """A box a node with its whole name, a path an edge, the root marked, in SVG and in HTML."""
    a, b, c, d = (node(text) for text in ("a@1", "b@1", "c@1", "d@1"))
    made = picture(walk_of([d], [(a, b), (b, d), (c, d), (a, d)]), clocks=Clocks(at=WHEN))
    assert Counter(boxes(made.svg)) == Counter(str(one) for one in (a, b, c, d))
    root = ET.fromstring(made.svg)
    assert len([one for one in root.iter(f"{SVG}path") if one.get("class") == "way"]) == 4
    assert sorted(one.get("stroke-width") or "" for one in root.iter(f"{SVG}rect")) == ["1.2"] * 3 + ["2.6"]
    assert "4 boxes, 4 edges, as true at 2026-03-01T08:00:00Z" in made.html
    assert made.html.count("<tr><td>") == 4
    assert made.svg in made._repr_html_()  # pyright: ignore[reportPrivateUsage]  # what Jupyter calls
    assert not made.truncated


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_more_than_a_name(name: str) -> None:
    """In SVG and HTML no element, attribute or address but ours; in Mermaid and dot within its quotes."""
    one, other = Node(name, name, name), Node("ns", "other", "1", name)
    walk = walk_of([other], [(one, other)], reason=name, job=name)
    plain = picture(walk_of([node("b@1")], [(node("a@1"), node("b@1"))], reason="x"))
    made = picture(walk, title=name)
    found, ours = (Counter(part.tag for part in ET.fromstring(one.svg).iter()) for one in (made, plain))
    assert found == ours
    for text in (made.svg, made.html):
        assert "<script" not in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
        assert {address for address in re.findall(r"https?://[^\s\"'<&]+", text) if "x" not in address} <= {
            "http://www.w3.org/2000/svg"
        }
        assert re.findall(r"<[^>]*\b(?:href|src|on\w+)=", text) == []
    assert "default-src 'none'" in made.html
    assert made.html.encode()
    for line in (mermaid(walk) + "\n" + dot(walk)).splitlines():
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert '"' not in bare
        assert re.fullmatch(r"[\w\s\[\]|>=;{},-]*", bare), bare
    assert len(dot(walk).splitlines()) == 3 + 2 + 1 + 1 + 1


def test_what_was_cut_is_said_in_every_form() -> None:
    """Tree, Mermaid, dot, SVG, HTML and JSON name the reason; of several walks each with its direction."""
    cut = walk_of([node("b@1")], [(node("a@1"), node("b@1"))], reason="the depth of 1 was reached")
    made = picture(cut)
    for text in (tree(cut), mermaid(cut), dot(cut), made.svg, made.html):
        assert "the depth of 1 was reached" in text
    assert (cut.as_dict()["truncated"], made.truncated) == (True, True)
    both = merged([cut, replace(cut, direction="down", truncated=False, reason="")])
    assert (both.truncated, both.reason) == (True, "up: the depth of 1 was reached")
    many = walk_of([node("r@1")], [(node(f"n{n}@1"), node("r@1")) for n in range(MOST + 9)])
    assert "10 of 1010 boxes" in picture(many).reason


def test_many_versions_stand_in_one_box() -> None:
    """Beyond a few nodes a box is a dataset and says how many versions; asked for, each version has its own."""
    edges = [(node(f"raw@{n}"), node("model@1")) for n in range(FEW)]
    walk = walk_of([node("model@1")], edges)
    drawn = drawing([walk])
    assert [(box.name, box.version, box.root) for box in drawn.boxes] == [
        ("model", "@1", True),
        ("raw", f"{FEW} versions", False),
    ]
    assert [way.says for way in drawn.ways] == ["job, run 00000000-0000-0000-0000-000000000007"]
    assert len(drawing([walk], versions=True).boxes) == FEW + 1


def test_column_edges_of_a_walk_from_a_dataset_are_drawn() -> None:
    """An edge into a column of the root ends at the root; one that holds for every column, at each one reached."""
    root = node("features@1")
    edges = [
        (node("clean@1[x]"), node("features@1[f]")),
        (node("clean@1[y]"), node("features@1[g]")),
        (node("filter@1[k]"), node("clean@1")),
    ]
    nodes = [root, node("clean@1[x]"), node("clean@1[y]"), node("filter@1[k]")]
    walk = replace(walk_of([root], edges), nodes=tuple(WalkNode(one, "table", n) for n, one in enumerate(nodes)))
    drawn = drawing([walk])
    pairs = {(drawn.boxes[way.source].name, drawn.boxes[way.target].name) for way in drawn.ways}
    assert pairs == {
        ("clean[x]", "features"),
        ("clean[y]", "features"),
        ("filter[k]", "clean[x]"),
        ("filter[k]", "clean[y]"),
    }
    assert mermaid(walk).count("-->") == dot(walk).count("->") == 4


@given(st.integers(1, 14), st.data())
def test_a_layout_is_readable(count: int, data: st.DataObject) -> None:
    """Whatever the graph, cycles too: no two boxes overlap, every edge goes one way but those that close a cycle."""
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = data.draw(st.lists(ends, max_size=40))
    layout = laid_out(count, edges)
    assert layout == laid_out(count, edges[::-1])
    layers: dict[int, list[float]] = defaultdict(list)
    for box in range(count):
        layers[layout.layer[box]].append(layout.row[box])
    # Two edges between the same boxes, there and back, share their way.
    for layer, row in {place for points in layout.through.values() for place in points}:
        layers[layer].append(row)
    for rows in layers.values():
        rows.sort()
        assert rows[0] >= -1e-9
        assert all(after - before > 1 - 1e-9 for before, after in pairwise(rows))
    assert set(layout.through) == {edge for edge in edges if edge[0] != edge[1]}
    for (source, target), points in layout.through.items():
        way = [layout.layer[source], *(layer for layer, _ in points), layout.layer[target]]
        step = -1 if (source, target) in layout.back else 1
        assert way == list(range(way[0], way[-1] + step, step))


def test_a_long_chain_and_a_wide_hub_are_laid_out() -> None:
    """2,000 boxes in a row, and 400 that lead into one: no recursion, the hub beside the middle of them."""
    chain = laid_out(2000, [(n, n + 1) for n in range(1999)])
    assert [chain.layer[n] for n in range(2000)] == list(range(2000))
    assert chain.height == 0
    hub = laid_out(401, [(n, 400) for n in range(400)])
    assert abs(hub.row[400] - 199.5) < 1


def test_bars_show_every_number() -> None:
    """A bar a number, as long as it is large; what is not known says so; a name is only a name."""
    made = bars([("a", 2.0), ("b", 1.0), ("none", None), (HOSTILE[2], 0.5)], title=HOSTILE[3], unit="s")
    root = ET.fromstring(made.svg)
    wide = [float(one.get("width") or 0) for one in root.iter(f"{SVG}rect") if one.get("rx")]
    assert wide == [420.0, 210.0, 0.0, 105.0]
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {"2 s", "1 s", "not known", "0.5 s"} <= set(texts)
    assert "<script" not in made.html
    assert ET.fromstring(bars([]).svg).tag == f"{SVG}svg"


def test_an_answer_as_a_frame_and_in_a_notebook() -> None:
    """Polars takes any values an answer has; a notebook shows a table in which a name is only a name."""
    rows: tuple[tuple[object, ...], ...] = (
        (RUN, "x", WHEN, {"a": 1.0}, [b"\x01"], None),
        (RUN, HOSTILE[2], WHEN, {}, [], 3),
    )
    answer = Answer("q", ("run", "name", "at", "map", "list", "n"), rows, "SELECT 1", {})
    frame = answer.polars()
    assert frame.shape == (2, 6)
    assert (frame["run"][0], frame["at"][0], frame["n"].to_list()) == (str(RUN), WHEN, [None, 3])
    shown = answer._repr_html_()  # pyright: ignore[reportPrivateUsage]  # what Jupyter calls
    assert shown.count("<tr>") == 3
    assert "<script" not in shown
    assert Answer("q", ("a",), (), "", {}).polars().shape == (0, 1)
