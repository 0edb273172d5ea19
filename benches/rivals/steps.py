"""Single steps beside the other implementations: encoding, framing, ciphering, decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import Any

from benches.joined import (
    AUTHENTICATION_KEY,
    CLIENT_TITLE,
    ENCRYPTION_KEY,
    IMAGE_TRANSFER,
    METER_TITLE,
    security,
)
from benches.profile_rows import profile
from benches.rivals.peers import COSEM, GURUX, Peer, peer
from benches.rows.ciphering import opening, sealing
from dlms_fw._core import ActionRequest, Data, HdlcAddress, HdlcFrame, ImageBlocks, fcs16
from dlms_fw.bench.measure import ROUNDS, MeasurementFailed, Work, calls, operations_of_a_round, timed
from dlms_fw.bench.table import Figure, Line, Target

SCRIPTS = {GURUX: "gurux_steps.py", COSEM: "cosem_steps.py"}
GURUX_C = "Gurux C, published"
"""Its library in C at -O2 was measured beside gurux-dlms on another day, on the same kind of machine. What is
taken is how many times as fast it was then, so a machine that is slower today makes no difference."""
BLOCK, LONGEST, ROWS = 1024, 2030, 1000
INFORMATION = (b"\xe6\xe7\x00" + bytes(range(256)) * 8)[:LONGEST]
BLOCKS = ImageBlocks(bytes(range(256)) * 32, BLOCK)
NUMBER = 7
BLOCK_SENT = BLOCKS[NUMBER]


@dataclass(frozen=True)
class Step:
    """One step of ours and what is asked of it.

    Attributes:
        name: In the scripts of the others.
        measure: In the table.
        ours: Makes the work of so many operations.
        made: What the others make too: octets, or a number; None where their result has another form.
        targets: Where it is not enough to be no slower.
        c_times: How many times as fast as gurux-dlms Gurux' library in C was; see ``GURUX_C``.
    """

    name: str
    measure: str
    ours: Callable[[int], Work]
    made: bytes | int | None = None
    targets: dict[str, Target] = field(default_factory=dict)
    c_times: float | None = None


def action() -> bytes:
    """As it is written down; without an Invoke-Id-And-Priority it has C1, which the others are told.

    The block has been cut from its image before, as theirs has.
    """
    return ActionRequest(18, IMAGE_TRANSFER, 2, BLOCK_SENT).encode()


def frame(size: int, control: int = 0x10) -> HdlcFrame:
    return HdlcFrame(HdlcAddress(1), HdlcAddress(1), control, INFORMATION[:size])


def built(size: int) -> bytes:
    return frame(size).encode()


@cache
def octets_of_profile() -> bytes:
    return profile(ROWS)


def all_steps() -> Iterator[Step]:
    thousand = {COSEM: Target.at_least(1000.0)}
    yield Step("action", "ACTION request of 1 KiB encoded", calls(action), action(), c_times=26 / 0.36)
    yield Step("fcs", "FCS of 2,030 octets", calls(fcs16, INFORMATION), c_times=235 / 4.1)
    for size, c_times in ((BLOCK, 131 / 2.5), (LONGEST, None)):
        measure = f"HDLC frame of {size:,} octets built"
        yield Step(f"build {size}", measure, calls(built, size), built(size), thousand, c_times)
    for size in (BLOCK, LONGEST):
        work = calls(HdlcFrame.decode, frame(size, 0x30).encode())
        yield Step(f"parse {size}", f"HDLC frame of {size:,} octets parsed", work, targets=thousand)
    fifty = {COSEM: Target.at_least(50.0)}
    work = calls(Data.decode_plain, octets_of_profile())
    yield Step("profile", "profile of 1,000 rows decoded, all values", work, ROWS, fifty, 16.4 / 0.29)
    yield Step("seal", "APDU of 1 KiB protected", sealing(BLOCK), sealed(), c_times=3700 / 86)
    yield Step("open", "APDU of 1 KiB unprotected", opening(BLOCK), action())


def sealed() -> bytes:
    return security(CLIENT_TITLE, METER_TITLE).seal(action())


def operands() -> dict[str, Any]:
    """What the scripts work on, octets as hex."""
    return {
        "value": BLOCK_SENT.image_block_value.hex(),
        "parameter": BLOCK_SENT.encode().hex(),
        "information": INFORMATION.hex(),
        "frames": {str(size): frame(size, 0x30).encode().hex() for size in (BLOCK, LONGEST)},
        "title": CLIENT_TITLE.hex(),
        "key": ENCRYPTION_KEY.hex(),
        "authentication_key": AUTHENTICATION_KEY.hex(),
        "plain": action().hex(),
        "sealed": sealed().hex(),
        "profile": octets_of_profile().hex(),
    }


def steps(*, quick: bool) -> Iterator[tuple[str, Iterator[Line]]]:
    """The name of each step and its lines; the scripts run as long as these are asked for."""
    with ExitStack() as running:
        others = {name: running.enter_context(peer(script, operands())) for name, script in SCRIPTS.items()}
        made = {name: other.report()["made"] for name, other in others.items()}
        for step in all_steps():
            yield step.measure, lines(step, others, made, rounds=1 if quick else ROUNDS)


def lines(
    step: Step, others: dict[str, Peer], made: dict[str, dict[str, Any]], *, rounds: int
) -> Iterator[Line]:
    for name in others:
        same(step, name, made[name][step.name])
    ours, theirs = turns(step, others, rounds)
    for name, seconds in theirs.items():
        target = step.targets.get(name, Target.at_least(1.0))
        yield Line("", Figure(ours), name, Figure(seconds), seconds / ours, target)
    if step.c_times is not None:
        seconds = theirs[GURUX] / step.c_times
        yield Line("", Figure(ours), GURUX_C, Figure(seconds), seconds / ours, Target.at_least(1.0))


def same(step: Step, name: str, made: str | int) -> None:
    """Raises MeasurementFailed where another implementation does not make what we make."""
    if step.made is None:
        return
    # One of them makes the ciphered text alone, without the header.
    agrees = made == step.made if isinstance(made, int) else step.made.endswith(bytes.fromhex(made))
    if not made or not agrees:
        raise MeasurementFailed(f"{name} makes something else")


def turns(step: Step, others: dict[str, Peer], rounds: int) -> tuple[float, dict[str, float]]:
    """Seconds of one operation, ours and theirs: the medians of rounds that take turns."""
    operations = 1 if rounds == 1 else operations_of_a_round(step.ours)
    counts = dict.fromkeys(others, 1)
    if rounds > 1:
        counts = {name: ask(other, step.name)["operations"] for name, other in others.items()}
    work, ours = step.ours(operations), []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(rounds):
        ours.append(timed(work))
        for name, other in others.items():
            theirs[name].append(ask(other, step.name, counts[name])["seconds"])
    found = {name: median(seconds) / counts[name] for name, seconds in theirs.items()}
    return median(ours) / operations, found


def ask(other: Peer, step: str, operations: int | None = None) -> dict[str, Any]:
    other.send({"step": step} if operations is None else {"step": step, "operations": operations})
    return other.report()
