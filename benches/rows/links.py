"""Rows 20 to 22: images over emulated links in virtual time, beside a model, and beside one block at a time.

Real clients and real simulated meters; the seconds are those of the link, not of this machine, and come out
the same on any. The model (:mod:`benches.link_model`) knows neither. Where pieces get lost, both sides are
medians of several runs with other losses.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches import link_model
from benches.rows import Options, row
from dlms_fw.bench.table import Figure, Line, Row, Target
from dlms_fw.journal import Journal
from dlms_fw.transfer.strategies import WantedStrategy
from dlms_fw.transports.faults import LINKS

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import netsim

IMAGE_OCTETS = 512 * 1024
BLOCK_SIZE = 256
QUICK_IMAGE_OCTETS = 8 * 1024
SEEDS = tuple(range(1, 10))
MODEL_SEEDS = 25
REPEAT_AFTER_S = 3.0
"""After so long the client repeats a datagram at the latest, with its usual time-out."""
WITHIN = 1.1
ADAPTIVE_LINKS = ("gprs", "lte-m")
ADAPTIVE_GAIN = 8


def rows(options: Options) -> Iterator[Row]:
    """The rows that are wanted."""
    if 20 in options.wanted:
        yield row(20, _beside_the_model(options))
    if 21 in options.wanted:
        yield row(21, _adaptive(options))


def transfer_seconds(link: str, strategy: WantedStrategy, options: Options) -> float:
    """How long the blocks take over an emulated link; the median of several runs where pieces get lost."""
    profile = LINKS[link]
    hdlc = netsim.OFTEN_MET if profile.flavour == "line" else None
    case = netsim.Case(link, profile.loss, strategy, hdlc, BLOCK_SIZE)
    octets = QUICK_IMAGE_OCTETS if options.quick else IMAGE_OCTETS
    seeds = SEEDS if profile.loss and not options.quick else SEEDS[:1]
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        return statistics.median(netsim.run(case, octets, journal, seed).seconds for seed in seeds)


def _beside_the_model(options: Options) -> Iterator[Line]:
    octets = QUICK_IMAGE_OCTETS if options.quick else IMAGE_OCTETS
    info, window = netsim.OFTEN_MET
    task = link_model.Task(
        octets, BLOCK_SIZE, netsim.SECONDS_PER_BLOCK, info, window, repeat_after_s=REPEAT_AFTER_S
    )
    for name, link in link_model.LINKS.items():
        for strategy in link_model.STRATEGIES[type(link)]:
            ours = transfer_seconds(name, strategy, options)
            model = link_model.seconds(name, strategy, task, seeds=1 if options.quick else MODEL_SEEDS)
            apart = max(ours / model, model / ours)
            what = f"{name}, {strategy}"
            yield Line(what, Figure(ours), "model", Figure(model), apart, Target.at_most(WITHIN))


def _adaptive(options: Options) -> Iterator[Line]:
    for name in ADAPTIVE_LINKS:
        ours = transfer_seconds(name, "automatic", options)
        one_by_one = transfer_seconds(name, "sequential", options)
        gain = one_by_one / ours
        yield Line(name, Figure(ours), "one by one", Figure(one_by_one), gain, Target.at_least(ADAPTIVE_GAIN))
