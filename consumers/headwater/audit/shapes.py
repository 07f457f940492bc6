"""Two distributions beside each other, as text for a terminal and as SVG, from the samples that a verdict carries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from headwater.audit.render import printable

#: Bars of a numeric distribution.
_BINS = 32
_BLOCKS = " ▁▂▃▄▅▆▇█"
_NOW, _BEFORE = "#c2513f", "#5b87b8"
_FONT = "font:11.5px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_ROW, _WIDTH, _TALL = 40, 512, 120


@dataclass(frozen=True)
class Shapes:
    """Shares of rows, now and before. `labels`: the values, or the two ends of a numeric range."""

    kind: str
    labels: tuple[str, ...]
    now: tuple[float, ...]
    before: tuple[float, ...]


def shapes(evidence: Mapping[str, str]) -> Shapes | None:
    """What a verdict's or alert's evidence shows of both sides; None where it holds no samples."""
    for name in ("quantiles", "shares", "nulls"):
        if name not in evidence:
            continue
        sides = json.loads(evidence[name])
        now, before = sides["now"], sides["before"]
        if name == "quantiles":
            return _numeric(now, before)
        if name == "nulls":
            return Shapes("values", ("null",), (float(now),), (float(before),))
        labels = tuple(str(label) for label in now)
        return Shapes("values", labels, *(tuple(float(side[label]) for label in labels) for side in (now, before)))
    return None


def text(found: Shapes) -> list[str]:
    """Lines for a terminal, at most 80 wide."""
    if found.kind == "range":
        top = max(*found.now, *found.before) or 1.0
        return [
            f"before │{_blocks(found.before, top)}│",
            f"now    │{_blocks(found.now, top)}│",
            f"        {found.labels[0]:<{_BINS // 2}}{found.labels[1]:>{_BINS - _BINS // 2}}",
        ]
    width = min(24, max(len(printable(label)) for label in found.labels))
    top = max(*found.now, *found.before) or 1.0
    lines: list[str] = []
    for label, now, before in zip(found.labels, found.now, found.before, strict=True):
        name = f"{printable(label)[:24]:<{width}}"
        lines.append(f"{name} before {_bar(before / top)} {before:7.2%}")
        lines.append(f"{'':<{width}} now    {_bar(now / top)} {now:7.2%}")
    return lines


def svg(found: Shapes, title: str = "") -> str:
    """The same as an SVG that needs nothing else: before in blue, now in red."""
    bars = _columns(found) if found.kind == "range" else _rows(found)
    height = 60 + (_TALL + 30 if found.kind == "range" else _ROW * len(found.labels))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH + 240}" height="{height}">'
        f'<rect width="100%" height="100%" fill="#fff"/><g style="{_FONT}" fill="#1f2933">'
        f'<text x="10" y="18" font-weight="600">{escape(printable(title))}</text>'
        f'<rect x="10" y="28" width="10" height="10" fill="{_BEFORE}"/><text x="24" y="37">before</text>'
        f'<rect x="90" y="28" width="10" height="10" fill="{_NOW}"/><text x="104" y="37">now</text>'
    )
    return "\n".join([head, *bars, "</g></svg>"])


def _numeric(now: Sequence[float], before: Sequence[float]) -> Shapes:
    """The share of the rows in each of equal steps between the outermost values but the wildest 3 % of each side."""
    edge = max(1, len(now) // 32)
    low = min(now[edge], before[edge])
    high = max(now[-1 - edge], before[-1 - edge])
    if not high > low:
        low, high = low - 0.5, high + 0.5
    steps = [low + (high - low) * step / _BINS for step in range(_BINS + 1)]
    return Shapes("range", (f"{low:.6g}", f"{high:.6g}"), _shares(now, steps), _shares(before, steps))


def _shares(quantiles: Sequence[float], steps: Sequence[float]) -> tuple[float, ...]:
    heights = [_below(quantiles, step) for step in steps]
    return tuple(after - until for until, after in pairwise(heights))


def _below(quantiles: Sequence[float], value: float) -> float:
    """The share of the rows at or below a value, straight between two quantiles."""
    last = len(quantiles) - 1
    below = sum(quantile <= value for quantile in quantiles)
    if below == 0 or below > last:
        return float(below > last)
    first, second = quantiles[below - 1], quantiles[below]
    return (below - 1 + (value - first) / (second - first)) / last


def _blocks(shares: Sequence[float], top: float) -> str:
    return "".join(_BLOCKS[min(8, -int(-share / top * 8 // 1))] for share in shares)


def _bar(share: float) -> str:
    eighths = round(share * 24 * 8)
    whole, rest = divmod(eighths, 8)
    return f"{'█' * whole}{' ▏▎▍▌▋▊▉'[rest] if rest else ''}".ljust(24)


def _columns(found: Shapes) -> list[str]:
    top = max(*found.now, *found.before) or 1.0
    wide = _WIDTH / len(found.now)
    parts: list[str] = []
    for number, (now, before) in enumerate(zip(found.now, found.before, strict=True)):
        for share, colour, shift in ((before, _BEFORE, 0.0), (now, _NOW, wide / 2)):
            tall = share / top * _TALL
            parts.append(
                f'<rect x="{10 + number * wide + shift:.1f}" y="{50 + _TALL - tall:.1f}" width="{wide / 2 - 0.5:.1f}" '
                f'height="{tall:.1f}" fill="{colour}"/>'
            )
    y = 50 + _TALL + 16
    parts.append(f'<text x="10" y="{y}">{escape(found.labels[0])}</text>')
    parts.append(f'<text x="{10 + _WIDTH}" y="{y}" text-anchor="end">{escape(found.labels[1])}</text>')
    return parts


def _rows(found: Shapes) -> list[str]:
    top = max(*found.now, *found.before) or 1.0
    parts: list[str] = []
    for number, (label, now, before) in enumerate(zip(found.labels, found.now, found.before, strict=True)):
        y = 50 + number * _ROW
        parts.append(f'<text x="10" y="{y + 18}">{escape(printable(label)[:18])}</text>')
        for share, colour, shift in ((before, _BEFORE, 0), (now, _NOW, 14)):
            wide = share / top * _WIDTH * 0.8
            parts.append(
                f'<rect x="150" y="{y + shift}" width="{wide:.1f}" height="12" fill="{colour}"/>'
                f'<text x="{156 + wide:.1f}" y="{y + shift + 10}">{share:.2%}</text>'
            )
    return parts
