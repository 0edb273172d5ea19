"""Whole image transfers beside gurux-dlms: the client's CPU seconds for a MiB, in blocks of 1,024 octets.

Each client has a simulated meter of ours in a process of its own, over loopback TCP, and the blocks alone are
counted. Ours sends one block after the other, as theirs has to; over the wrapper there is another line in
which ours transfers as it does by itself, with several requests on their way. `dlms-cosem` has no part in it:
it cannot carry a ciphered block of that size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benches.joined import AUTHENTICATION_KEY, CLIENT_TITLE, ENCRYPTION_KEY
from benches.parties import IDENTIFIER, image, profile
from benches.rivals.peers import GURUX, Peer, peer
from benches.two_processes import MIB, POLICY, Meter, Sample, meter_process
from dlms_fw.bench.table import Figure, Line, Target
from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.journal import Journal
from dlms_fw.profiles import HdlcSettings
from dlms_fw.transfer import TransferPolicy

BLOCK = 1024
ROUNDS = 9
SHORT_INFORMATION = 128
UNIT = "CPU s/MiB"


@dataclass(frozen=True)
class Case:
    """One way to carry an image.

    Attributes:
        their_octets: Of the image that the other client sends: enough for it to be busy for a while.
        target: How many times less CPU ours needs.
        by_itself: Whether ours has its own strategy, not one block after the other.
    """

    scheme: str
    ciphered: bool
    their_octets: int
    target: float
    by_itself: bool = False

    @property
    def measure(self) -> str:
        framing = f"HDLC, information of {SHORT_INFORMATION}" if self.hdlc else "wrapper"
        way = ", ours by itself" if self.by_itself else ""
        return f"image transfer, client, {framing}, {'ciphered' if self.ciphered else 'plain'}{way}"

    @property
    def policy(self) -> TransferPolicy:
        return replace(POLICY, strategy="automatic") if self.by_itself else POLICY

    @property
    def hdlc(self) -> bool:
        return self.scheme != "tcp"


CASES = (
    Case("tcp", ciphered=False, their_octets=MIB // 2, target=10.0),
    Case("tcp", ciphered=True, their_octets=MIB // 32, target=300.0),
    Case("tcp", ciphered=False, their_octets=MIB // 2, target=10.0, by_itself=True),
    Case("tcp", ciphered=True, their_octets=MIB // 32, target=300.0, by_itself=True),
    Case("hdlc+tcp", ciphered=False, their_octets=MIB // 8, target=1.0),
    Case("hdlc+tcp", ciphered=True, their_octets=MIB // 32, target=1.0),
)


def transfers(*, quick: bool) -> Iterator[tuple[str, Iterator[Line]]]:
    """The name of each case and its line."""
    for case in CASES:
        yield case.measure, lines(case, quick=quick)


def lines(case: Case, *, quick: bool) -> Iterator[Line]:
    our_octets, their_octets = (8 * BLOCK, 2 * BLOCK) if quick else (MIB, case.their_octets)
    ours, theirs = turns(case, our_octets, their_octets, rounds=1 if quick else ROUNDS)
    yield Line(
        "", Figure(ours, UNIT), GURUX, Figure(theirs, UNIT), theirs / ours, Target.at_least(case.target)
    )


def turns(case: Case, our_octets: int, their_octets: int, *, rounds: int) -> tuple[float, float]:
    """CPU seconds for a MiB, ours and theirs: the medians of transfers that take turns."""
    protection = "ciphered" if case.ciphered else "plain"
    with ExitStack() as open_things:
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory()))
        meters = [
            open_things.enter_context(meter_process(case.scheme, protection, BLOCK, folder / str(number)))
            for number in range(2)
        ]
        other = open_things.enter_context(peer("gurux_transfer.py"))
        journal = open_things.enter_context(Journal(folder / "journal.sqlite3"))
        client = open_things.enter_context(our_client(case, meters[0], journal))
        sample, theirs, firmware = Sample(meters[0]), [], image(our_octets)
        for _ in range(rounds + 1):
            client.upgrade(firmware, case.policy, on_event=sample)
            theirs.append(their_seconds(other, case, meters[1], their_octets))
    # The first one warms up where there is more than one.
    first = 1 if rounds > 1 else 0
    return median(sample.client_cpu[first:]) * MIB / our_octets, median(theirs[first:]) * MIB / their_octets


def our_client(case: Case, meter: Meter, journal: Journal) -> Client:
    ours = profile(ciphered=case.ciphered)
    hdlc = HdlcSettings(max_info_field_length=SHORT_INFORMATION, window_size=1)
    return Client(meter.url, replace(ours, hdlc=hdlc), journal=journal)


def their_seconds(other: Peer, case: Case, meter: Meter, octets: int) -> float:
    endpoint = Endpoint.parse(meter.url)
    other.send(
        {
            "host": endpoint.host,
            "port": endpoint.port,
            "framing": "hdlc" if case.hdlc else "wrapper",
            "client_sap": 1,
            "server_sap": 1,
            "max_pdu_size": 8192,
            "max_info": SHORT_INFORMATION,
            "authentication": "hls-gmac" if case.ciphered else "none",
            "password": "",
            "counter_object": "0.0.43.1.0.255",
            "system_title": CLIENT_TITLE.hex(),
            "global_unicast_encryption_key": ENCRYPTION_KEY.hex(),
            "authentication_key": AUTHENTICATION_KEY.hex(),
            "identifier": IDENTIFIER.hex(),
            "size": octets,
        }
    )
    report: dict[str, Any] = other.report(300.0)
    return float(report["seconds"])
