"""The suite against a meter that nobody here wrote: built on gurux-dlms, in a process of its own.

It is a referee of other tests, not a product, and takes one connection at a time. Where it falls short is
known, with a reason; what else it does, or does no longer, is a failure here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dlms_fw._core import Key
from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.catalogue import cases, groups
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.expectations import judged, load_expectations
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.endpoint import Endpoint
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy
from interop import CLIENT_TITLE, KEYS, gurux_meter

SNAPSHOTS = Path(__file__).parent / "snapshots"
SCHEMES = {"wrapper": "tcp", "hdlc": "hdlc+tcp"}
HDLC = HdlcSettings(inter_octet_timeout_s=0.2)
CLIENTS = {
    "none": Profile(client_sap=1, hdlc=HDLC),
    "hls-gmac": Profile(
        client_sap=1,
        hdlc=HDLC,
        mechanism=5,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        system_title=CLIENT_TITLE,
        keys=Keys(**{name: Key(bytes.fromhex(octets)) for name, octets in KEYS.items()}),
        first_invocation_counter=1,
    ),
}
_NUMBERS = (1, 2, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 21, 23, 25, 31, 33, 35, 45)
ANSWERED = [
    "WR-01",
    "WR-03",
    "WR-06",
    *(f"AP-{number:02}" for number in _NUMBERS),
    "OB-02",
    "OB-05",
    "OB-07",
    "OB-08",
]
"""Cases that wait for no silence, so that a slow machine cannot be taken for one."""


def results(
    folder: Path, framing: str, security: str, chosen: list[str], *, silence_s: float
) -> list[Result]:
    with gurux_meter(folder, framing=framing, security=security, catalogue=True) as meter:
        place = Endpoint.parse(f"{SCHEMES[framing]}://127.0.0.1:{meter.report()['port']}")
        declaration = Declaration(
            name="gurux-dlms",
            clients={"management": CLIENTS[security]},
            endpoints={framing: place},
            silence_s=silence_s,
            mutations=500,
        )
        return Runner(declaration, Bench(), MemoryJournal()).run(chosen)


def holds(found: list[Result], framing: str) -> None:
    known = load_expectations(SNAPSHOTS / f"conformance-gurux-{framing}.toml", cases())
    surprises = {
        one.result.case.id: (one.result.verdict.value, one.result.reason)
        for one in judged(found, known)
        if one.is_surprise
    }
    assert surprises == {}


def test_what_is_answered_over_the_wrapper(tmp_path: Path) -> None:
    found = results(tmp_path, "wrapper", "none", ANSWERED, silence_s=5.0)
    holds(found, "wrapper")
    verdicts = [result.verdict for result in found]
    assert (verdicts.count(Verdict.PASS), verdicts.count(Verdict.FAIL)) == (15, 11)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("framing", "security"), [("wrapper", "none"), ("wrapper", "hls-gmac"), ("hdlc", "none")]
)
def test_everything(tmp_path: Path, framing: str, security: str) -> None:
    idle = {"HD-03", "AP-49"}  # two minutes of silence each
    names = ("hdlc", "wrapper", "application", "objects", "security")
    chosen = [number for name in names for number in groups()[name].cases]
    found = results(tmp_path, framing, security, [one for one in chosen if one not in idle], silence_s=1.0)
    holds(found, framing)
