"""Whole upgrades of a simulated meter in virtual time, both ends in this process: what a test author pays.

One upgrade is everything: the container is read and its signature verified, a new meter gets its memory and
its power, a client associates, 64 blocks go over one by one or as the strategy wants it, the meter verifies
them and the vendor's signature, activates, reboots and is found running the new version. Nothing is kept from
one upgrade to the next but the octets of the image, the keys and the configuration. Seconds are CPU seconds
of this process. Where others use the same core, each of them is worth less, for minutes or for milliseconds,
and no clock tells. So three figures stand side by side: the best upgrade of all is what the core does while
it is left alone, the median is what it did mostly, and the fastest tenth lies between. The same is told of
the verification of one signature, which is work that everybody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from statistics import median
from time import process_time
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from pytest_benchmark.fixture import BenchmarkFixture

from benches.conftest import ROUNDS, WARM_UP_ROUNDS
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.events import Event, PhaseFinished, PhaseStarted
from dlms_fw.image import Image
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import MeterConnection
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import Profile
from dlms_fw.signing_keys import PrivateKey, PublicKey, generate
from dlms_fw.simulation import CIPHERED, PLAIN, Framing, Simulation, VirtualMeter
from dlms_fw.transfer import TransferPolicy, TransferResult

BLOCKS = 64
BLOCK_SIZE = 64
UPGRADES = 10
VERIFICATIONS = 20
"""Of a round."""
PROFILES = {"plain": PLAIN, "ciphered": CIPHERED}


@cache
def vendor() -> PrivateKey:
    return generate()


@cache
def trusted() -> tuple[PublicKey, ...]:
    return (vendor().public_key(),)


@cache
def container() -> bytes:
    """A signed container of exactly so many blocks."""

    def of(payload: bytes) -> bytes:
        return dfw.build(
            payload,
            image_identifier=b"BENCH1",
            part=1,
            meter_type="MCS301",
            firmware_version=Version(2, 0, 0),
            key=vendor(),
        )

    return of(bytes(BLOCKS * BLOCK_SIZE - (len(of(b"x")) - 1)))


@cache
def config(protection: str, *, objects_act: bool = False) -> MeterConfig:
    """What each of the meters is: an MCS301 with all its objects.

    They act from power-up on, or from when a client asks for them, as for who is after firmware alone.
    """
    return mcs301.configured(
        PROFILES[protection],
        trusted=trusted(),
        image_block_size=BLOCK_SIZE,
        objects_act=objects_act,
    )


@cache
def policy(strategy: Any) -> TransferPolicy:
    return TransferPolicy(allow_insecure=True, strategy=strategy)


def meter_of(
    profile: Profile, protection: str, framing: Framing, *, objects_act: bool = False
) -> VirtualMeter:
    return Simulation().meter(profile, config=config(protection, objects_act=objects_act), framing=framing)


def upgrade(protection: str, framing: Framing, strategy: str, *, objects_act: bool = False) -> TransferResult:
    """One upgrade, from nothing to the new version."""
    image = Image.from_bytes(container())
    image.verify(trusted())
    meter = meter_of(PROFILES[protection], protection, framing, objects_act=objects_act)
    with meter.client() as client:
        return client.upgrade(image, policy(strategy))


def seconds_of_a_verification() -> float:
    """What the machine is worth at this moment: one ECDSA verification by ``cryptography``."""
    data, algorithm, key = container(), ec.ECDSA(SHA256()), vendor().public_key()
    signature = vendor().sign(data, algorithm)
    start = process_time()
    for _ in range(VERIFICATIONS):
        key.verify(signature, data, algorithm)
    return (process_time() - start) / VERIFICATIONS


@pytest.mark.parametrize(
    ("protection", "framing", "strategy", "objects_act"),
    [
        ("plain", "wrapper", "automatic", False),
        ("ciphered", "wrapper", "automatic", False),
        ("ciphered", "wrapper", "automatic", True),
        ("ciphered", "wrapper", "sequential", False),
        ("ciphered", "hdlc", "automatic", False),
    ],
)
@pytest.mark.benchmark(timer=process_time)
@pytest.mark.filterwarnings("ignore")
def test_upgrades(
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    report: Callable[[str], None],
    protection: str,
    framing: Framing,
    strategy: str,
    objects_act: bool,
) -> None:
    """Whole upgrades by the CPU second."""

    count = pytestconfig.getoption("--operations") or UPGRADES
    upgrades: list[float] = []

    def run() -> None:
        for _ in range(count):
            start = process_time()
            result = upgrade(protection, framing, strategy, objects_act=objects_act)
            upgrades.append(process_time() - start)
            assert (result.outcome, result.blocks_sent) == ("activated", BLOCKS)

    verifications: list[float] = []
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        run,
        setup=lambda: verifications.append(seconds_of_a_verification()),
        rounds=ROUNDS,
        warmup_rounds=WARM_UP_ROUNDS,
    )
    if benchmark.stats is None:
        return
    seconds, verification = Spread.of(upgrades[count * WARM_UP_ROUNDS :]), Spread.of(verifications)
    worth = median(
        median(upgrades[count * number : count * (number + 1)]) / verifications[number]
        for number in range(WARM_UP_ROUNDS, len(verifications))
    )
    benchmark.extra_info.update(
        upgrades_per_cpu_second=1 / seconds.median,
        upgrades_per_cpu_second_best=1 / seconds.best,
        upgrades_per_cpu_second_fastest_tenth=1 / seconds.fastest_tenth,
        reference_seconds=verification.median,
        ratio=worth,
    )
    name = f"upgrade, {framing}, {protection}, {strategy}{', objects act' * objects_act}"
    rates, milliseconds = (
        [f"{each:.{digits}f}" for each in values]
        for values, digits in (([1 / each for each in seconds], 0), ([each * 1e3 for each in seconds], 2))
    )
    report(
        f"{name:<55} {' / '.join(rates)} upgrades a CPU second ({' / '.join(milliseconds)} ms); "
        f"one ECDSA verification {verification.best * 1e6:.0f} / {verification.fastest_tenth * 1e6:.0f} / "
        f"{verification.median * 1e6:.0f} µs, "
        f"an upgrade {worth:.0f} of them"
    )


class Spread(NamedTuple):
    """What many rounds took, in seconds."""

    best: float
    fastest_tenth: float
    """What they took at most."""
    median: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Spread:
        ordered = sorted(rounds)
        return cls(ordered[0], ordered[len(ordered) // 10], median(ordered))


class Breakdown:
    """CPU seconds by section; a section lasts until the next one begins."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.meter_seconds = 0.0
        self._section = ""
        self._since = process_time()

    def enter(self, section: str) -> None:
        now = process_time()
        if self._section:
            self.seconds[self._section] = self.seconds.get(self._section, 0.0) + now - self._since
        self._section, self._since = section, now

    def event(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self.enter(event.phase.value)
        elif isinstance(event, PhaseFinished):
            self.enter("between phases")


@pytest.mark.parametrize("protection", ["plain", "ciphered"])
@pytest.mark.filterwarnings("ignore")
def test_where_the_time_goes(
    pytestconfig: pytest.Config,
    report: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    protection: str,
) -> None:
    """The sections of an upgrade, and the share of the meter where a client talks to it."""
    parts = Breakdown()
    receive = MeterConnection.receive

    def timed(connection: MeterConnection, data: bytes) -> bytes:
        start = process_time()
        try:
            return receive(connection, data)
        finally:
            parts.meter_seconds += process_time() - start

    monkeypatch.setattr(MeterConnection, "receive", timed)
    count = pytestconfig.getoption("--operations") or 100
    for _ in range(count):
        parts.enter("image")
        image = Image.from_bytes(container())
        image.verify(trusted())
        parts.enter("meter")
        meter = meter_of(PROFILES[protection], protection, "wrapper")
        parts.enter("client")
        client = meter.client()
        parts.enter("associate")
        with client:
            parts.enter("begin")
            result = client.upgrade(image, policy("automatic"), on_event=parts.event)
            parts.enter("release")
        assert result.outcome == "activated"
    parts.enter("")
    total = sum(parts.seconds.values())
    shares = ", ".join(f"{name} {seconds / count * 1e6:.0f}" for name, seconds in parts.seconds.items())
    report(
        f"{protection}, µs of CPU: {shares}; all {total / count * 1e6:.0f}, of these in the meter's answers "
        f"{parts.meter_seconds / count * 1e6:.0f}"
    )
