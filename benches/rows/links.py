"""Rows 20 to 22: images over emulated links in virtual time, beside a model, and beside one block at a time.

Real clients and real simulated meters; the seconds are those of the link, not of this machine, and come out
the same on any. The model (:mod:`benches.link_model`) knows neither. Where pieces get lost, both sides are
means of several runs with other losses.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches import link_model, street
from benches.rows import Options, row
from dlms_fw.bench.table import Figure, Line, Row, Target
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.transfer.strategies import WantedStrategy
from dlms_fw.transports.faults import LINKS

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import netsim

IMAGE_OCTETS = 512 * 1024
BLOCK_SIZE = 256
QUICK_IMAGE_OCTETS = 4 * 1024
RUNS, RUNS_AHEAD = 3, 15
"""Of each case where pieces get lost; chance weighs more where requests do not wait for answers."""
MODEL_RUNS = 25
REPEAT_AFTER_S = 3.0
"""After so long the client repeats a datagram at the latest, with its usual time-out."""
_RUNS = {"sequential": RUNS, "with-list": RUNS}
WITHIN = 1.1
ADAPTIVE_LINKS = ("gprs", "lte-m")
ADAPTIVE_GAIN = 8
MEMBERS, QUICK_MEMBERS = 1000, 12
MULTICAST_GAIN = 300
OF_BEST = 1.5


def rows(options: Options) -> Iterator[Row]:
    """The rows that are wanted."""
    if 20 in options.wanted:
        yield row(20, _beside_the_model(options))
    if 21 in options.wanted:
        yield row(21, _adaptive(options))
    if 22 in options.wanted:
        yield row(22, _multicast(options))


def transfer_seconds(link: str, strategy: WantedStrategy, options: Options) -> float:
    """How long the blocks take over an emulated link; the mean of several runs where pieces get lost."""
    profile = LINKS[link]
    hdlc = netsim.OFTEN_MET if profile.flavour == "line" else None
    case = netsim.Case(link, profile.loss, strategy, hdlc, BLOCK_SIZE)
    octets = QUICK_IMAGE_OCTETS if options.quick else IMAGE_OCTETS
    runs = 1 if options.quick or not profile.loss else _RUNS.get(strategy, RUNS_AHEAD)
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        return statistics.fmean(
            netsim.run(case, octets, journal, seed).seconds for seed in range(1, runs + 1)
        )


def _beside_the_model(options: Options) -> Iterator[Line]:
    octets = QUICK_IMAGE_OCTETS if options.quick else IMAGE_OCTETS
    info, window = netsim.OFTEN_MET
    task = link_model.Task(
        octets, BLOCK_SIZE, netsim.SECONDS_PER_BLOCK, info, window, repeat_after_s=REPEAT_AFTER_S
    )
    for name, link in link_model.LINKS.items():
        for strategy in link_model.STRATEGIES[type(link)]:
            ours = transfer_seconds(name, strategy, options)
            model = link_model.seconds(name, strategy, task, seeds=1 if options.quick else MODEL_RUNS)
            apart = max(ours / model, model / ours)
            what = f"{name}, {strategy}"
            yield Line(what, Figure(ours), "model", Figure(model), apart, Target.at_most(WITHIN))


def _adaptive(options: Options) -> Iterator[Line]:
    for name in ADAPTIVE_LINKS:
        ours = transfer_seconds(name, "automatic", options)
        one_by_one = transfer_seconds(name, "sequential", options)
        gain = one_by_one / ours
        yield Line(name, Figure(ours), "one by one", Figure(one_by_one), gain, Target.at_least(ADAPTIVE_GAIN))


def _multicast(options: Options) -> Iterator[Line]:
    members = QUICK_MEMBERS if options.quick else MEMBERS
    what = street.image(QUICK_IMAGE_OCTETS if options.quick else IMAGE_OCTETS)
    medium = street.POWER_LINE
    one, report = street.to_one(medium, what, "sequential"), street.to_group(medium, what, members)
    alone, blocks = members * street.seconds_for_blocks(one), street.seconds_for_blocks(report)
    enough = Target.at_least(MULTICAST_GAIN)
    yield Line(
        "blocks and looks", Figure(blocks), "one after the other", Figure(alone), alone / blocks, enough
    )
    best, _ = link_model.best_group_seconds(_power_line(), _group_task(what), link_model.Group(members))
    yield Line(
        "the same", Figure(blocks), "model's best", Figure(best), blocks / best, Target.at_most(OF_BEST)
    )
    alone, whole = members * street.seconds_altogether(one), street.seconds_altogether(report)
    what_else = "initiated and verified as well"
    yield Line(what_else, Figure(whole), "one after the other", Figure(alone), alone / whole)


def _power_line() -> link_model.Datagrams:
    link = link_model.LINKS["plc"]
    assert isinstance(link, link_model.Datagrams)
    return link


def _group_task(what: Image) -> link_model.Task:
    """Without the meter's time for a block, which passes while the line carries the next one."""
    repeat_after_s = street.POWER_LINE.response_timeout_s / 4
    return link_model.Task(len(what.data), street.BLOCK_SIZE, 0.0, repeat_after_s=repeat_after_s)
