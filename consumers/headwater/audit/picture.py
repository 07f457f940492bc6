"""A walk as a picture: one SVG or HTML file that needs nothing else, no script in it, data flow from left to right.

Names may hold anything: each text is escaped, cut where it is long, and stands in full in its title (what a mouse
shows) and in the list below the picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from headwater.audit.clocks import NOW, Clocks
from headwater.audit.drawing import Box, Drawing, drawing
from headwater.audit.layers import Layout, laid_out
from headwater.audit.model import Walk, show_time
from headwater.audit.render import printable

#: Letters of a text in the picture at most.
LETTERS: Final = 34
_LETTER, _HEIGHT, _ROW, _GAP, _MARGIN = 7.0, 52, 70, 60, 24
#: Fill and line of a box by the dataset's kind; others are as tables.
_COLOURS: Final = {
    "table": ("#eef4fb", "#5b87b8"),
    "file": ("#f3f4f6", "#7b8794"),
    "stream": ("#eaf7f5", "#3d9488"),
    "feature_view": ("#eef8ec", "#5a9c4e"),
    "model": ("#fdf1e3", "#cf8a2e"),
    "deployment": ("#fbeaea", "#c25b5b"),
    "prediction_stream": ("#f5eefa", "#8e65b3"),
    "report": ("#faf7e5", "#a89532"),
}
_STYLE: Final = (
    "svg.lineage{background:#fff}svg.lineage text{font:11.5px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "fill:#1f2933}svg.lineage .name{font-weight:600}svg.lineage .more{fill:#616e7c}svg.lineage .way{fill:none;"
    "stroke:#9aa5b1;stroke-width:1.3}svg.lineage .back{stroke:#c25b5b;stroke-dasharray:5 3}svg.lineage "
    ".cut{fill:#a61b1b;font-weight:600}"
)


@dataclass(frozen=True)
class Picture:
    """A picture; Jupyter shows it. `truncated`: the walk was cut, or not all of it is drawn; `reason` says what."""

    svg: str
    html: str
    truncated: bool
    reason: str

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f'<div style="overflow:auto">{self.svg}</div>'


def picture(
    walks: Walk | Sequence[Walk], *, title: str = "", clocks: Clocks = NOW, versions: bool | None = None
) -> Picture:
    """A picture of a walk, or of several in one. versions: a box for each version, or one for each dataset with the
    number of its versions; None: a box each while there are few. clocks: those of the walk, to be told.
    """
    every = (walks,) if isinstance(walks, Walk) else tuple(walks)
    drawn = drawing(every, versions=versions)
    about = title or "Lineage of " + ", ".join(str(root) for root in drawn.roots[:3])
    svg = _svg(drawn, about)
    return Picture(svg, _html(drawn, svg, about, clocks), bool(drawn.reason), drawn.reason)


def _svg(drawn: Drawing, about: str) -> str:
    layout = laid_out(len(drawn.boxes), [(way.source, way.target) for way in drawn.ways])
    widths: dict[int, float] = {}
    for number, box in enumerate(drawn.boxes):
        wide = max(_wide(text) for text in _texts(box)) * _LETTER + 22
        widths[layout.layer[number]] = max(widths.get(layout.layer[number], 0.0), wide)
    left: dict[int, float] = {}
    x = float(_MARGIN)
    for layer in range(min(widths, default=0), max(widths, default=0) + 1):
        left[layer] = x
        x += widths.get(layer, 0.0) + _GAP
    top = _MARGIN + (26 if drawn.reason else 0)
    width, height = max(x - _GAP + _MARGIN, 360.0), layout.height * _ROW + _HEIGHT + top + _MARGIN
    parts = [_head(about, width, height)]
    if drawn.reason:
        parts.append(f'<text class="cut" x="{_MARGIN}" y="{_MARGIN}">truncated: {_safe(drawn.reason)}</text>')
    parts += [_way(drawn, layout, number, left, widths, top) for number in range(len(drawn.ways))]
    parts += [_box(box, left[layout.layer[n]], widths[layout.layer[n]], layout.row[n] * _ROW + top)
              for n, box in enumerate(drawn.boxes)]  # fmt: skip
    return "\n".join([*parts, "</svg>"])


def _head(about: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<title>{_safe(about)}</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#9aa5b1"/></marker></defs>'
    )


def _way(
    drawn: Drawing, layout: Layout, number: int, left: dict[int, float], widths: dict[int, float], top: float
) -> str:
    way = drawn.ways[number]
    middle = _HEIGHT / 2 + top
    places = layout.through.get((way.source, way.target), ())
    start, end = layout.layer[way.source], layout.layer[way.target]
    backwards = (way.source, way.target) in layout.back
    # Out of the right side and into the left one; an edge that leads back goes the other way round.
    points = [(left[start] + (0 if backwards else widths[start]), layout.row[way.source] * _ROW + middle)]
    for layer, row in places:
        ends = [left[layer], left[layer] + widths[layer]]
        points += [(at, row * _ROW + middle) for at in (ends[::-1] if backwards else ends)]
    points.append((left[end] + (widths[end] if backwards else 0), layout.row[way.target] * _ROW + middle))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend = (x1 - x0) / 2
        path += f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    says = _title(f"{drawn.boxes[way.source].full} → {drawn.boxes[way.target].full}", way.says)
    kind = "way back" if backwards else "way"
    return f'<path class="{kind}" d="{path}" marker-end="url(#tip)"><title>{says}</title></path>'


def _box(box: Box, x: float, width: float, y: float) -> str:
    fill, line = _COLOURS.get(box.kind, _COLOURS["table"])
    name, second, third = _texts(box)
    thick = 2.6 if box.root else 1.2
    return (
        f"<g><title>{_title(box.full, box.kind)}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="7" fill="{fill}" stroke="{line}" '
        f'stroke-width="{thick}"/>'
        f'<text class="name" x="{x + 11:.1f}" y="{y + 17:.1f}">{_safe(name)}</text>'
        f'<text x="{x + 11:.1f}" y="{y + 31:.1f}">{_safe(second)}</text>'
        f'<text class="more" x="{x + 11:.1f}" y="{y + 45:.1f}">{_safe(third)}</text></g>'
    )


def _texts(box: Box) -> tuple[str, str, str]:
    third = " · ".join(text for text in (box.kind, f"by {box.job}" if box.job else "") if text)
    return _short(box.name), _short(box.version), _short(third)


def _short(text: str) -> str:
    text = printable(text)
    half = (LETTERS - 1) // 2
    return text if len(text) <= LETTERS else f"{text[:half]}…{text[-half:]}"


def _wide(text: str) -> int:
    """Letters of one width; those of Chinese, of emoji and the like are two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _title(first: str, second: str) -> str:
    return "\n".join(_safe(line) for line in (first, second) if line)


def _safe(text: str) -> str:
    """Escaped, on one line, control characters as escapes."""
    return escape(printable(text))


def _html(drawn: Drawing, svg: str, about: str, clocks: Clocks) -> str:
    said = [f"{len(drawn.boxes)} boxes, {len(drawn.ways)} edges"]
    said += [f"as true at {show_time(clocks.at)}"] if clocks.at else []
    said += [f"as known at {show_time(clocks.known_at)}"] if clocks.known_at else []
    cut = f'<p class="cut">Truncated: {_safe(drawn.reason)}</p>' if drawn.reason else ""
    rows = "\n".join(
        f"<tr><td>{_safe(drawn.boxes[way.source].full)}</td><td>{_safe(drawn.boxes[way.target].full)}</td>"
        f"<td>{_safe(way.says)}</td></tr>"
        for way in drawn.ways
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_safe(about)}</title>
<style>body{{font:14px/1.45 system-ui,sans-serif;color:#1f2933;margin:24px}}h1{{font-size:18px;overflow-wrap:anywhere}}
.cut{{color:#a61b1b;font-weight:600}}.picture{{overflow:auto;border:1px solid #e4e7eb;border-radius:8px}}
table{{border-collapse:collapse;margin-top:8px}}td,th{{text-align:left;padding:3px 14px 3px 0;
border-bottom:1px solid #e4e7eb;overflow-wrap:anywhere;vertical-align:top}}
summary{{cursor:pointer;margin-top:16px}}</style></head>
<body><h1>{_safe(about)}</h1><p>{_safe(", ".join(said))}.</p>{cut}
<div class="picture">{svg}</div>
<details><summary>All edges</summary><table><tr><th>from</th><th>to</th><th>by</th></tr>
{rows}
</table></details></body></html>
"""
