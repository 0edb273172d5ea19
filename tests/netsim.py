"""How long images take over links of the field: the grid, and the table of its times.

The times are virtual, so they are the same on every machine; the table is kept in a file, and a change of it
is a change of the library.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from dlms_fw.events import Event, Phase, PhaseFinished, PhaseStarted
from dlms_fw.journal import Journal
from dlms_fw.profiles import HdlcSettings
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transfer.strategies import WantedStrategy
from dlms_fw.transports.faults import LINKS, LinkProfile
from link_site import SECONDS_PER_BLOCK, LinkSite, image_of

IMAGE_OCTETS = 512 * 1024
SMALL_IMAGE_OCTETS = 16 * 1024
SNAPSHOT = Path(__file__).parent / "snapshots" / "netsim.txt"
BLOCK_SIZES = (128, 256, 512, 1024)
HDLC_SETTINGS = ((128, 1), (128, 7), (2030, 1), (2030, 7))
"""Information field in octets, window in frames."""
OFTEN_MET = (2030, 7)
OTHER_LOSSES = {"gprs": (0.0, 0.05), "nbiot": (0.0, 0.05), "lte-m": (0.02,)}
"""Shares of pieces lost that are tried beside that of the profile, with blocks of 256 octets."""
STRATEGIES: dict[str, tuple[WantedStrategy, ...]] = {
    "line": ("sequential", "with-list", "general-block-transfer", "unconfirmed", "automatic"),
    "stream": (
        "sequential",
        "with-list",
        "pipelined",
        "general-block-transfer",
        "unconfirmed",
        "automatic",
    ),
    "datagram": ("sequential", "unconfirmed", "automatic"),
}
"""Those that make a difference, by the flavour of the link."""
TRIED_MOST = {"sequential", "automatic"}
"""Strategies that are tried with each block size and each loss in every run."""
UNTRIED = {"rs485-19200"}
"""Links that are tried only when the page is drawn."""

HEAD = (
    f"{'link':13} {'loss':>5}  {'strategy':22} {'info/window':>11} {'block':>5} {'seconds':>9} {'octets':>8} "
    f"{'line efficiency':>15} {'share of optimum':>16}"
)


@dataclass(frozen=True)
class Case:
    """One image over one link in one way."""

    link: str
    loss: float
    strategy: WantedStrategy
    hdlc: tuple[int, int] | None
    block_size: int


@dataclass(frozen=True)
class Row:
    """What came out: seconds for the blocks, to four digits; octets that both ends sent meanwhile."""

    case: Case
    image_octets: int
    seconds: float
    octets: int

    @property
    def line_efficiency(self) -> float:
        """The image's bits, of all bits that the medium could have carried in that time."""
        return self.image_octets * 8 / LINKS[self.case.link].rate / self.seconds

    @property
    def share_of_optimum(self) -> float:
        """The time of the bare image at the full rate, of the time that it took."""
        link = replace(LINKS[self.case.link], loss=self.case.loss)
        return link.optimum_s(self.image_octets) / self.seconds


def grid(*, whole: bool) -> Iterator[Case]:
    """The cases in the order of the table; without ``whole`` those that are tried in every run."""
    for name, link in LINKS.items():
        if not whole and name in UNTRIED:
            continue
        for strategy in STRATEGIES[link.flavour]:
            tried = whole or strategy in TRIED_MOST
            for hdlc in _settings(link, strategy):
                sizes = BLOCK_SIZES if whole or (tried and hdlc in {None, OFTEN_MET}) else (256,)
                for block_size in sizes:
                    yield Case(name, link.loss, strategy, hdlc, block_size)
            for loss in OTHER_LOSSES.get(name, ()) if tried else ():
                yield Case(name, loss, strategy, None, 256)


def _settings(link: LinkProfile, strategy: WantedStrategy) -> Sequence[tuple[int, int] | None]:
    if link.flavour != "line":
        return (None,)
    return HDLC_SETTINGS if strategy == "sequential" else (OFTEN_MET,)


def run(case: Case, image_octets: int, journal: Journal, seed: int = 1) -> Row:
    """The blocks of one image, through the public client into the simulated meter."""
    site = LinkSite(
        replace(LINKS[case.link], loss=case.loss),
        hdlc=hdlc_settings(case),
        image_block_size=case.block_size,
        seed=seed,
    )
    marks: list[tuple[float, int]] = []

    def note(event: Event) -> None:
        if isinstance(event, PhaseStarted | PhaseFinished) and event.phase is Phase.TRANSFER:
            marks.append((event.at, sum(site.line.octets.values())))

    policy = TransferPolicy(activate="never", strategy=case.strategy)
    with site.client(journal) as client:
        client.upgrade(image_of(image_octets), policy, on_event=note)
    (began, before), (ended, after) = marks
    return Row(case, image_octets, float(significant(ended - began)), after - before)


def hdlc_settings(case: Case) -> HdlcSettings | None:
    """What both ends of a line agree to."""
    if case.hdlc is None:
        return None
    length, window = case.hdlc
    return HdlcSettings(max_info_field_length=length, window_size=window)


def rows(cases: Iterable[Case], image_octets: int) -> list[Row]:
    """All of them, with records of their own."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        return [run(case, image_octets, journal) for case in cases]


def table(rows: Iterable[Row], image_octets: int) -> str:
    """The rows for people, and for :func:`parsed`."""
    lines = [
        f"an image of {image_octets} octets, ciphered, {SECONDS_PER_BLOCK * 1000:g} ms for each block",
        HEAD,
    ]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def parsed(text: str) -> list[Row]:
    """The rows of a table."""
    about, _, *lines = text.splitlines()
    image_octets = int(about.split()[3])
    return [_row(line.split(), image_octets) for line in lines]


def _line(row: Row) -> str:
    case = row.case
    hdlc = "-" if case.hdlc is None else f"{case.hdlc[0]}/{case.hdlc[1]}"
    measured = f"{significant(row.seconds):>9} {row.octets:8}"
    shares = f"{row.line_efficiency:15.1%} {row.share_of_optimum:16.1%}"
    way = f"{case.link:13} {case.loss:5.1%}  {case.strategy:22} {hdlc:>11} {case.block_size:5}"
    return f"{way} {measured} {shares}"


def _row(words: list[str], image_octets: int) -> Row:
    link, loss, strategy, hdlc, block_size, seconds, octets, *_ = words
    settings = None
    if hdlc != "-":
        length, _, window = hdlc.partition("/")
        settings = (int(length), int(window))
    share = round(float(loss.rstrip("%")) / 100, 4)
    case = Case(link, share, cast("WantedStrategy", strategy), settings, int(block_size))
    return Row(case, image_octets, float(seconds), int(octets))


def significant(value: float) -> str:
    """Four digits that count."""
    return f"{value:.{max(0, 3 - math.floor(math.log10(value)))}f}"
