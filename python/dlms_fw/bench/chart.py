"""The table as a picture: for each line with a target, how far its ratio is on the good side of it.

A bar begins at the target. To the right it is better, to the left it is missed; the scale is logarithmic, so
twice as good is as long as half as good. The picture follows the reader's light or dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from dlms_fw.bench.table import Line, Row, Table

__all__ = ["svg"]

_WIDTH, _LABELS, _FIGURES, _LINE, _TOP = 1140, 560, 190, 20, 62
_MOST = 16.0
"""A bar ends here, however much better it is."""
_LEAST = 1 / 4
_STYLE = """\
text { font: 12px sans-serif; fill: #24292f; } .title { font-size: 15px; } .faint { fill: #6e7681; }
.right { text-anchor: end; } .middle { text-anchor: middle; }
.ground { fill: #ffffff; } .good { fill: #1a7f37; } .bad { fill: #cf222e; }
line { stroke: #8c959f; stroke-dasharray: 2 3; } .target { stroke: #24292f; stroke-dasharray: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .faint { fill: #8b949e; }
.ground { fill: #0d1117; } .good { fill: #3fb950; } .bad { fill: #f85149; }
line { stroke: #6e7681; } .target { stroke: #e6edf3; }
}"""


def svg(tables: Sequence[Table]) -> str:
    """A picture that stands alone, one table below the other."""
    inner: list[str] = []
    height = 0
    for table in tables:
        bars = list(_bars(table.rows))
        inner.append(f'<text class="title" x="16" y="{height + 24}">{escape(table.title)}</text>')
        inner += _axis(height + _TOP, _LINE * len(bars))
        for place, (label, line) in enumerate(bars):
            inner += _bar(height + _TOP + _LINE * place, label, line)
        height += _TOP + _LINE * len(bars) + 14
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    ground = f'<rect class="ground" width="{_WIDTH}" height="{height}"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>\n{_STYLE}\n</style>\n{ground}\n'
    return head + "\n".join(inner) + "\n</svg>\n"


def _bars(rows: Sequence[Row]) -> Iterator[tuple[str, Line | None]]:
    """What is drawn, in order; no line where a row could not be measured."""
    for row in rows:
        measured = [line for line in row.lines if line.target is not None]
        for line in measured:
            what = f", {line.what}" if line.what else ""
            beside = f" / {line.baseline_name}" if line.baseline_name else ""
            yield f"{row.number}  {row.measure}{what}{beside}", line
        if row.error or not measured:
            yield f"{row.number}  {row.measure}", None


def _place(margin: float) -> float:
    """Where a margin lies from left to right."""
    share = math.log(min(max(margin, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _LABELS + share * (_WIDTH - _LABELS - _FIGURES)


def _axis(top: int, height: int) -> Iterator[str]:
    names = {1 / 4: "¼", 1 / 2: "½", 1: "target", 2: "2", 4: "4", 8: "8", 16: "16 x better"}
    for margin, name in names.items():
        x = _place(margin)
        kind = ' class="target"' if margin == 1 else ""
        yield f'<text class="faint middle" x="{x:.1f}" y="{top - 18}">{name}</text>'
        yield f'<line{kind} x1="{x:.1f}" x2="{x:.1f}" y1="{top - 12}" y2="{top + height + 6}"/>'


def _bar(top: int, label: str, line: Line | None) -> Iterator[str]:
    foot = top + 13
    shortened = label if len(label) <= 90 else f"{label[:89]}…"
    yield f'<text class="right" x="{_LABELS - 10}" y="{foot}">{escape(shortened)}</text>'
    if line is None or line.target is None or line.ratio is None:
        yield f'<text class="bad" x="{_place(1) + 6:.1f}" y="{foot}">not measured</text>'
        return
    here, target = _place(line.target.margin(line.ratio)), _place(1.0)
    kind = "good" if line.met else "bad"
    left, width = min(here, target), max(abs(here - target), 1.0)
    yield f'<rect class="{kind}" x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{_LINE - 7}"/>'
    figures = escape(f"{line.ratio_text} ({line.target})")
    yield f'<text x="{_WIDTH - _FIGURES + 12}" y="{foot}">{figures}</text>'
