"""Measures how long images take over the links of the field, and draws the page about it.

``--small`` measures only the small grid that is tried in every run (``tests/snapshots/netsim.txt``),
``--page`` draws the page and its picture from the times that are there (``times.txt``), ``--check`` only says
whether these are fresh. Without an option all of it is done, which takes minutes.

Run it when the library, or the model of the links, has become faster or slower.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from drawn_pages import redrawn

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
sys.path.insert(0, str(TESTS))

import netsim  # noqa: E402 (it lies beside the tests that use it)

TIMES = HERE / "times.txt"
PAGE = HERE / "how_long.md"
PICTURE = HERE / "how_long.svg"

_LINK_NAMES = {
    "optical-9600": "optical head, 9,600 bit/s",
    "rs485-19200": "RS-485, 19,200 bit/s",
    "rs485-115200": "RS-485, 115,200 bit/s",
    "gprs": "GPRS",
    "nbiot": "NB-IoT",
    "lte-m": "LTE-M",
    "plc": "power line",
    "ethernet": "Ethernet",
}
_COLOURS = {"sequential": "#c2571a", "automatic": "#1f77b4"}
_LEFT, _RIGHT, _ROW, _TOP = 190, 30, 46, 64
_WIDTH = 860


def measure(whole: bool) -> str:
    """A table, measured now."""
    octets = netsim.IMAGE_OCTETS if whole else netsim.SMALL_IMAGE_OCTETS
    return netsim.table(netsim.rows(netsim.grid(whole=whole), octets), octets)


def page(rows: list[netsim.Row]) -> str:
    """The page with the tables put in."""
    return redrawn(PAGE.read_text(encoding="utf-8"), {"times": _tables(rows)})


def _tables(rows: list[netsim.Row]) -> str:
    return "\n".join((*_by_strategy(rows), "", *_by_block_size(rows)))


def _usual(rows: Iterable[netsim.Row], block_size: int | None = None) -> Iterator[netsim.Row]:
    """At the loss of the profile, and over a line with the settings that are often met."""
    for row in rows:
        case = row.case
        is_usual = case.loss == netsim.LINKS[case.link].loss and case.hdlc in {None, netsim.OFTEN_MET}
        if is_usual and block_size in {None, case.block_size}:
            yield row


def _by_strategy(rows: list[netsim.Row]) -> Iterator[str]:
    found = {(row.case.link, row.case.strategy): row for row in _usual(rows, 256)}
    names = netsim.STRATEGIES["stream"]
    yield f"| blocks of 256 octets | optimum | {' | '.join(names)} |"
    yield "|---|---:|" + "---:|" * len(names)
    for link in dict.fromkeys(link for link, _ in found):
        optimum = netsim.LINKS[link].optimum_s(rows[0].image_octets)
        cells = [_cell(found.get((link, name))) for name in names]
        yield f"| {_LINK_NAMES[link]} | {duration(optimum)} | {' | '.join(cells)} |"


def _cell(row: netsim.Row | None) -> str:
    if row is None:
        return ""
    share = row.share_of_optimum
    return (
        f"{duration(row.seconds)} ({share:.0%})" if share >= 0.1 else f"{duration(row.seconds)} ({share:.1%})"
    )


def _by_block_size(rows: list[netsim.Row]) -> Iterator[str]:
    sizes = netsim.BLOCK_SIZES
    yield f"| one block at a time | {' | '.join(f'{size:,} octets' for size in sizes)} |"
    yield "|---|" + "---:|" * len(sizes)
    found: dict[tuple[str, tuple[int, int] | None], dict[int, netsim.Row]] = {}
    for row in rows:
        case = row.case
        if case.strategy == "sequential" and case.loss == netsim.LINKS[case.link].loss:
            found.setdefault((case.link, case.hdlc), {})[case.block_size] = row
    for (link, hdlc), by_size in found.items():
        settings = "" if hdlc is None else f", information field {hdlc[0]:,}, window {hdlc[1]}"
        yield f"| {_LINK_NAMES[link]}{settings} | {' | '.join(_cell(by_size.get(size)) for size in sizes)} |"


def duration(seconds: float) -> str:
    """Three digits that count, in the unit that people would take."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{_three(seconds / unit)} {name}"
    return f"{_three(seconds)} s" if seconds >= 1 else f"{_three(seconds * 1000)} ms"


def _three(value: float) -> str:
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def picture(rows: list[netsim.Row]) -> str:
    """A row for each link: a tick for the optimum, and a dot for each block size and strategy."""
    usual = [row for row in _usual(rows) if row.case.strategy in _COLOURS]
    links = list(dict.fromkeys(row.case.link for row in usual))
    height = _TOP + _ROW * len(links) + 40
    body = [*_axis(height), *_legend()]
    for number, link in enumerate(links):
        y = _TOP + _ROW * number + _ROW // 2
        body.append(_text(_LEFT - 14, y + 4, _LINK_NAMES[link], "end"))
        x = _x(netsim.LINKS[link].optimum_s(rows[0].image_octets))
        body.append(f'<path d="M{x:.1f} {y - 15}v30" stroke="#2a9d4a" stroke-width="3"/>')
        for place, strategy in enumerate(_COLOURS):
            dots = [row for row in usual if row.case.link == link and row.case.strategy == strategy]
            body += _dots(dots, y - 7 + 14 * place, _COLOURS[strategy])
    inner = "\n".join(body)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{inner}\n</svg>\n'


_FIRST_S, _LAST_S = 0.01, 20_000.0
_TICKS = {0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h"}


def _x(seconds: float) -> float:
    share = math.log(seconds / _FIRST_S) / math.log(_LAST_S / _FIRST_S)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" fill="#808080" text-anchor="{anchor}">{words}</text>'
    )


def _axis(height: int) -> Iterator[str]:
    for seconds, name in _TICKS.items():
        x = _x(seconds)
        yield f'<path d="M{x:.1f} {_TOP}V{height - 34}" stroke="#808080" stroke-opacity="0.3"/>'
        yield _text(x, height - 16, name, "middle")


def _legend() -> Iterator[str]:
    yield f'<path d="M{_LEFT} 18v16" stroke="#2a9d4a" stroke-width="3"/>'
    yield _text(_LEFT + 10, 31, "optimum", "start")
    for place, (strategy, colour) in enumerate(_COLOURS.items()):
        x = _LEFT + 110 + 240 * place
        yield f'<circle cx="{x}" cy="26" r="5" fill="{colour}"/>'
        yield _text(x + 12, 31, f"{strategy}, 1,024 to 128 octets", "start")


def _dots(rows: list[netsim.Row], y: int, colour: str) -> Iterator[str]:
    if not rows:
        return
    first, last = (_x(limit(row.seconds for row in rows)) for limit in (min, max))
    yield f'<path d="M{first:.1f} {y}H{last:.1f}" stroke="{colour}" stroke-width="2"/>'
    for row in rows:
        radius = 3 + netsim.BLOCK_SIZES.index(row.case.block_size)
        yield f'<circle cx="{_x(row.seconds):.1f}" cy="{y}" r="{radius}" fill="{colour}"/>'


def drawn() -> dict[Path, str]:
    """Page and picture as they should be."""
    rows = netsim.parsed(TIMES.read_text(encoding="utf-8"))
    return {PAGE: page(rows), PICTURE: picture(rows)}


def main(arguments: list[str]) -> int:
    """Measure, draw, or with ``--check`` compare."""
    if arguments == ["--check"]:
        stale = [
            path.name
            for path, text in drawn().items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
        for name in stale:
            sys.stderr.write(f"{name} is stale: run {Path(__file__).name} --page\n")
        return int(bool(stale))
    if arguments != ["--page"]:
        netsim.SNAPSHOT.write_text(measure(whole=False), encoding="utf-8")
    if not arguments:
        TIMES.write_text(measure(whole=True), encoding="utf-8")
    if arguments != ["--small"]:
        for path, text in drawn().items():
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
