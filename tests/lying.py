"""Upgrades of meters that misbehave, from any state of the image transfer, and what must hold then."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Final

import meters
from dlms_fw.cosem import ImageTransfer
from dlms_fw.cosem.well_known import IMAGE_TRANSFER
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.lies.kinds import KINDS, Value
from dlms_fw.simulation import CIPHERED, Simulation, VirtualMeter
from dlms_fw.transfer import TransferPolicy

BLOCKS: Final = 12
LONGEST_S: Final = 4 * 3600.0
"""No upgrade may take longer, whatever the meter does: all deadlines of the policy together."""
_OBJECT = ImageTransfer(IMAGE_TRANSFER)


@cache
def image(fill: int = 0, version: str = "2.0.0", identifier: bytes = meters.IDENTIFIER) -> Image:
    return Image.from_bytes(
        meters.container(blocks=BLOCKS, fill=fill, version=version, identifier=identifier)
    )


def _earlier() -> Image:
    return image(1, "1.5.0", b"MCS101")


# The states from which a client begins


def _fresh(meter: VirtualMeter) -> None:
    """Status 0."""


def _interrupted(meter: VirtualMeter) -> None:
    """Status 1, half of our image is there and our journal knows it."""
    _run_with(meter, "reboot", at_block=6, away=36_000.0)


def _incomplete(meter: VirtualMeter) -> None:
    """Status 1, and the meter has lost blocks in the middle since."""
    _run_with(meter, "reboot", at_block=8, away=36_000.0)
    meter.powered.units.firmware.image_store.lose("half")


def _foreign(meter: VirtualMeter) -> None:
    """Status 1, somebody else's."""
    with meter.client(journal=MemoryJournal()) as client:
        client.action(_OBJECT.image_transfer_initiate(b"OTHER1", 1000))


def _verified(meter: VirtualMeter) -> None:
    """Status 3, ours."""
    _upgrade(meter, image(), activate="never")


def _verified_other(meter: VirtualMeter) -> None:
    """Status 3, of another image that we sent."""
    _upgrade(meter, _earlier(), activate="never")


def _found_wrong(meter: VirtualMeter) -> None:
    """Status 4, ours."""
    _run_with(meter, "block-spoiled")


def _upgraded(meter: VirtualMeter) -> None:
    """Status 6, an earlier version."""
    _upgrade(meter, _earlier())


def _failed(meter: VirtualMeter) -> None:
    """Status 7: an earlier version did not boot."""
    meter.powered.set_behaviour(FirmwareBehaviour.NO_BOOT)
    _upgrade(meter, _earlier())
    meter.powered.set_behaviour(FirmwareBehaviour.GOOD)


STATES: Final[dict[str, Callable[[VirtualMeter], None]]] = {
    "fresh": _fresh,
    "interrupted": _interrupted,
    "incomplete": _incomplete,
    "foreign": _foreign,
    "verified": _verified,
    "another verified": _verified_other,
    "found wrong": _found_wrong,
    "upgraded before": _upgraded,
    "failed before": _failed,
}

WAYS: Final = ("now", "told to verify", "scheduled")
"""What the client does: activate at once, the same at a meter that verifies only when told, or schedule."""


@dataclass(frozen=True, slots=True)
class Case:
    """One upgrade.

    Attributes:
        lies: How the meter misbehaves: name and parameters.
        state: Where it begins.
        way: What the client does.
    """

    lies: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...]
    state: str = "fresh"
    way: str = "now"

    def __str__(self) -> str:
        return f"{' and '.join(name for name, _ in self.lies)}, {self.state}, {self.way}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an upgrade ended.

    Attributes:
        said: What the client said: the outcome, or the code of the error.
        runs: What the meter runs: ``new``, ``old``, or ``other``.
        told: How often the lies were told.
        seconds: Virtual time.
    """

    said: str
    runs: str
    told: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.said}, the {self.runs} firmware runs"


def one(name: str, state: str = "fresh", way: str = "now", **parameters: Value) -> Case:
    return Case(((name, tuple(parameters.items())),), state, way)


def _policy(way: str, simulation: Simulation) -> TransferPolicy:
    activate = simulation.now() + timedelta(hours=1) if way == "scheduled" else "immediate"
    return TransferPolicy(activate=activate)  # type: ignore[arg-type]


def _upgrade(
    meter: VirtualMeter, what: Image, policy: TransferPolicy | None = None, **policies: object
) -> str:
    try:
        with meter.client() as client:
            return client.upgrade(what, policy or TransferPolicy(**policies)).outcome  # type: ignore[arg-type]
    except DlmsError as error:
        return error.code


def _run_with(meter: VirtualMeter, name: str, **parameters: Value) -> None:
    """An upgrade that such a lie ends; the meter is honest afterwards."""
    honest = meter.config
    meter.lie(name, **parameters)
    _upgrade(meter, image(), strategy="sequential")
    meter.config = honest
    meter.power_up()


def run(case: Case, seed: int = 0) -> Ending:
    """Carries a case out, and raises AssertionError where something happened that never may."""
    simulation = Simulation(seed=seed)
    meter = simulation.meter(
        CIPHERED,
        trusted=(meters.VENDOR_KEY.public_key(),),
        image_block_size=meters.BLOCK_SIZE,
        self_verify=case.way != "told to verify",
    )
    STATES[case.state](meter)
    before = meter.powered.units.firmware.running(1).sha256
    tellings = [meter.lie(name, **dict(parameters)) for name, parameters in case.lies]
    began = simulation.time.elapsed
    said = _upgrade(meter, image(), _policy(case.way, simulation))
    seconds = simulation.time.elapsed - began
    ran = _runs(meter, before)
    simulation.sleep(2 * 3600.0)  # a schedule that was left behind fires
    runs = _runs(meter, before)
    told = sum(telling.told for telling in tellings)
    _check(case, said, ran, runs, seconds)
    return Ending(said, runs, told, seconds)


def _runs(meter: VirtualMeter, before: bytes) -> str:
    running = meter.powered.units.firmware.running(1).sha256
    return "new" if running == image().sha256 else "old" if running == before else "other"


_NEVER_ACTIVATED: Final = frozenset(name for name in KINDS if name.startswith("info-"))


def _check(case: Case, said: str, ran: str, runs: str, seconds: float) -> None:
    names = {name for name, _ in case.lies}
    if "activates-by-itself" not in names:
        assert "other" not in {ran, runs}, f"{case}: it runs what nobody wanted"
    if said == "activated":
        assert ran == "new", f"{case}: done, and the old firmware runs"
    if names & _NEVER_ACTIVATED and "activates-by-itself" not in names:
        assert runs == "old", f"{case}: activated although the meter told of another image"
    if said in {"transfer.verification-failed", "transfer.foreign"} and "activates-by-itself" not in names:
        assert runs == "old", f"{case}: {said}, and the new firmware runs"
    assert seconds <= LONGEST_S, f"{case}: it took {seconds:.0f} s"


_TELLING: Final = {
    "block-size-half": ("interrupted", "now"),
    "verify-busy": ("fresh", "told to verify"),
    "verify-refused": ("fresh", "told to verify"),
    "schedule-not-kept": ("fresh", "scheduled"),
    "script-elsewhere": ("fresh", "scheduled"),
    "clock-wrong": ("fresh", "scheduled"),
}


def telling_case(name: str) -> Case:
    """The case in which a lie matters most."""
    state, way = _TELLING.get(name, ("fresh", "now"))
    if name.startswith(("bitmap-", "first-missing-")):
        state = "incomplete"
    return one(name, state, way)


def all_cases() -> Iterator[Case]:
    """Every lie in every state and way."""
    for name, state, way in product(KINDS, STATES, WAYS):
        yield one(name, state, way)


def pair(seed: int) -> Case:
    """Two lies at once, in some state and way."""
    dice = random.Random(seed)
    first, second = dice.sample(list(KINDS), 2)
    return replace(one(first, dice.choice(list(STATES)), dice.choice(WAYS)), lies=((first, ()), (second, ())))


def outcomes() -> str:
    """A line for each lie: where it matters most, and what comes of it."""
    lines = []
    for name in KINDS:
        case = telling_case(name)
        ending = run(case)
        assert ending.told, f"{case}: it was not told"
        lines.append(f"{name} | {case.state}, {case.way} | {ending.said} | {ending.runs}\n")
    return "".join(lines)
