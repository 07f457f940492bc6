"""Numbers as bars, one below the other: an SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from headwater.audit.picture import Picture
from headwater.audit.render import printable

_ROW, _WIDTH, _LETTERS, _LETTER = 24, 420, 40, 7.0
_FONT = "font:11.5px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def bars(values: Iterable[tuple[str, float | None]], *, title: str = "", unit: str = "") -> Picture:
    """A bar for each (name, number); negative and unknown numbers have none, and say so."""
    rows = [(_short(name), value) for name, value in values]
    largest = max((value for _, value in rows if value is not None), default=0.0) or 1.0
    left = max((len(name) for name, _ in rows), default=0) * _LETTER + 20
    height = (len(rows) + bool(title)) * _ROW + 16
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{left + _WIDTH + 150:.0f}" height="{height}">'
            f'<rect width="100%" height="100%" fill="#fff"/><g style="{_FONT}" fill="#1f2933">'
        )
    ]
    if title:
        parts.append(f'<text x="10" y="18" font-weight="600">{escape(printable(title))}</text>')
    for number, (name, value) in enumerate(rows, bool(title)):
        y = number * _ROW + 8
        wide = 0.0 if value is None else max(value, 0.0) / largest * _WIDTH
        said = "not known" if value is None else f"{value:,.6g} {unit}".rstrip()
        parts.append(
            f'<text x="10" y="{y + 14}">{escape(name)}</text>'
            f'<rect x="{left:.0f}" y="{y + 3}" width="{wide:.1f}" height="14" rx="3" fill="#5b87b8"/>'
            f'<text x="{left + wide + 6:.0f}" y="{y + 14}">{escape(said)}</text>'
        )
    svg = "\n".join([*parts, "</g></svg>"])
    html = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"></head><body>{svg}</body></html>\n'
    return Picture(svg, html, truncated=False, reason="")


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
