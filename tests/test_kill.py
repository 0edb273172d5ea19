"""kill -9 of the client or of the meter at any message, and the same command again.

Every message between the two is a point; the line between them sees each of them and ends the victim there. A
small sample of the points is tried each time, another one each day; all of them in the long campaign.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator import CLIENT_TITLE, IDENTIFIER, METER_TITLE, Ended, Meter, Workshop, workshop
from wiretap import Cut, Way, Wiretap, is_activation

pytestmark = pytest.mark.rotating(2)

__all__ = ["workshop"]

SEED = int(os.environ.get("DLMS_FW_SEED", datetime.now(UTC).toordinal()))
BLOCKS = 40
ON_THEIR_WAY = 16
"""Blocks at most that may be sent again after a kill: as many requests as there are invoke ids."""
MESSAGES = 155
"""As many messages as an upgrade with so many blocks surely has; today's points are among them."""
POINTS = 180
"""More than it ever has, so that the long campaign reaches the last one."""
SECURITY = "hls-gmac"
TRIES = 4


def sample(what: str, count: int) -> list[int]:
    """Today's points, one in each part of an upgrade, so that each phase has its turn."""
    chosen = random.Random(f"{SEED} {what}")
    width = MESSAGES // count
    return [number * width + chosen.randrange(width) for number in range(count)]


def run_to_the_end(workshop: Workshop, line: Wiretap, image: Path) -> list[Ended]:
    """The same command again and again, as an operator would; the last one has succeeded."""
    ended = []
    for _ in range(TRIES):
        ended.append(workshop.upgrade(line.url, image, profile=SECURITY))
        if ended[-1].code == 0:
            break
    return ended


def check(line: Wiretap, meter: Meter, image: Path, ended: list[Ended], *, kills: int) -> None:
    """Finished, nothing acknowledged sent again, no counter used twice, the firmware activated as it is."""
    told = f"seed {SEED}: {[(run.code, run.stdout, run.stderr) for run in ended]}"
    assert ended[-1].code == 0, told
    assert meter.stop().code == 0
    assert meter.bank() == image.read_bytes(), told
    assert meter.state().parts[1].identifiers.count(IDENTIFIER) == 1, told
    notes = line.notes
    assert notes.counters.keys() == {CLIENT_TITLE, METER_TITLE}, told
    assert notes.repeated_counters == {}, told
    assert notes.sent_after_acknowledgement == [], told
    assert set(notes.blocks) == set(range(BLOCKS)), told
    assert notes.blocks.total() <= BLOCKS + kills * ON_THEIR_WAY, told


def client_killed_at(workshop: Workshop, point: int) -> bool:
    """kill -9 of the client when a message has been sent, or before an answer has arrived.

    Returns whether the upgrade had so many messages.
    """
    image = image_of(workshop)
    meter = workshop.meter(profile=SECURITY)
    running: list[subprocess.Popen[str]] = []

    def strike(number: int, way: Way, apdu: bytes) -> None:
        if number == point:
            running[0].kill()

    with Wiretap(meter.url, strike) as line:
        running.append(workshop.popen(*workshop.upgrade_arguments(line.url, image, profile=SECURITY)))
        running[0].communicate(timeout=60)
        reached = point < line.notes.passed
        assert running[0].returncode == (-9 if reached else 0), f"seed {SEED}"
        ended = run_to_the_end(workshop, line, image)
        check(line, meter, image, ended, kills=1)
    return reached


def meter_killed_at(workshop: Workshop, point: int) -> bool:
    """kill -9 of the meter before it gets a message, or when its answer is on its way; it starts again.

    Returns whether the upgrade had so many messages.
    """
    image = image_of(workshop)
    meter = workshop.meter(profile=SECURITY)
    struck: list[int] = []

    def strike(number: int, way: Way, apdu: bytes) -> None:
        if number == point:
            struck.append(number)
            meter.kill()
            meter.start()
            raise Cut

    with Wiretap(meter.url, strike) as line:
        ended = run_to_the_end(workshop, line, image)
        check(line, meter, image, ended, kills=1)
    return bool(struck)


def meter_killed_after_activation(workshop: Workshop, milliseconds: int) -> None:
    """kill -9 of the meter while it activates, when nobody talks to it."""
    image = image_of(workshop)
    meter = workshop.meter("--reboot-seconds", 0.3, profile=SECURITY)
    killers: list[threading.Timer] = []

    def strike(number: int, way: Way, apdu: bytes) -> None:
        if not killers and is_activation(way, apdu):
            killers.append(threading.Timer(milliseconds / 1000, restart))
            killers[0].start()

    def restart() -> None:
        meter.kill()
        meter.start()

    with Wiretap(meter.url, strike) as line:
        ended = run_to_the_end(workshop, line, image)
        killers[0].join()
        check(line, meter, image, ended, kills=1)


def image_of(workshop: Workshop) -> Path:
    """An image of exactly so many blocks of 960 octets."""
    return workshop.image(random.Random(SEED).randbytes(BLOCKS * 960 - 168))


@pytest.mark.fault("T-31")
@pytest.mark.fault("S-20")
@pytest.mark.parametrize("turn", range(2))
def test_the_client_is_killed_and_run_again(workshop: Workshop, turn: int) -> None:
    client_killed_at(workshop, sample("client", 2)[turn])


@pytest.mark.fault("T-10")
@pytest.mark.fault("M-22")
@pytest.mark.parametrize("turn", range(2))
def test_the_meter_is_killed_and_starts_again(workshop: Workshop, turn: int) -> None:
    meter_killed_at(workshop, sample("meter", 2)[turn])


@pytest.mark.fault("T-28")
@pytest.mark.parametrize("turn", range(2))
def test_the_meter_is_killed_while_it_activates(workshop: Workshop, turn: int) -> None:
    meter_killed_after_activation(workshop, random.Random(f"{SEED} activation").sample(range(1000), 2)[turn])


@pytest.mark.fault("T-31")
def test_both_are_killed_again_and_again(workshop: Workshop) -> None:
    """Five times in one upgrade: nothing is lost, and what is sent again stays within one block a time."""
    image = image_of(workshop)
    meter = workshop.meter(profile=SECURITY)
    running: list[subprocess.Popen[str]] = []
    chosen = random.Random(f"{SEED} both")
    points = sorted(chosen.sample(range(30, 110), 5))

    def strike(number: int, way: Way, apdu: bytes) -> None:
        if not points or number < points[0]:
            return
        if points.pop(0) % 2:
            running[-1].kill()
        else:
            meter.kill()
            meter.start()
            raise Cut

    with Wiretap(meter.url, strike) as line:
        ended = []
        for _ in range(2 * TRIES):
            running.append(workshop.popen(*workshop.upgrade_arguments(line.url, image, profile=SECURITY)))
            stdout, stderr = running[-1].communicate(timeout=60)
            ended.append(Ended(running[-1].returncode, stdout, stderr))
            if ended[-1].code == 0:
                break
        check(line, meter, image, ended, kills=5)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("victim", ["client", "meter"])
def test_every_point(tmp_path: Path, victim: str) -> None:
    for point in range(POINTS):
        made = Workshop(tmp_path / str(point))
        try:
            struck = (client_killed_at if victim == "client" else meter_killed_at)(made, point)
        finally:
            made.close()
    assert not struck, "an upgrade has more messages than there are points"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_any_moment(tmp_path: Path) -> None:
    """kill -9 of the client at random times: inside a write of its records as well as anywhere else."""
    chosen = random.Random(SEED)
    for number in range(200):
        made = Workshop(tmp_path / str(number))
        try:
            image = image_of(made)
            meter = made.meter(profile=SECURITY)
            with Wiretap(meter.url) as line:
                process = made.popen(*made.upgrade_arguments(line.url, image, profile=SECURITY))
                time.sleep(chosen.uniform(0.2, 2.0))
                process.kill()
                process.communicate(timeout=60)
                check(line, meter, image, run_to_the_end(made, line, image), kills=1)
        finally:
            made.close()
