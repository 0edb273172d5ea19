"""IT-53 and IT-54: what a meter tells about a transfer as a whole: its log, and the steps of its status."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.images import sent
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, expect

_SEED: Final = 54
_CALLS: Final = 200
_MOSTLY: Final = 0.85
_PAUSE_S: Final = 0.15
_NONE, _INITIATED, _VERIFYING, _VERIFIED, _BAD, _ACTIVATING, _ACTIVE, _FAILED = Status

WEIGHTS: Final = {_INITIATED: (1, 20, 2, 1), _VERIFYING: (1, 3, 2, 6)}
"""How often initiate, block, verify and wait come, by the status."""
_OTHERWISE: Final = (2, 4, 3, 1)

STEPS: Final[Mapping[str, Mapping[Status, frozenset[Status]]]] = {
    "initiate": {
        status: frozenset({_INITIATED, status})
        for status in (_NONE, _INITIATED, _VERIFIED, _BAD, _ACTIVE, _FAILED)
    },
    "block": {
        _INITIATED: frozenset({_INITIATED, _VERIFYING, _VERIFIED, _BAD}),
        _VERIFYING: frozenset({_VERIFYING, _VERIFIED, _BAD, _INITIATED}),
        _VERIFIED: frozenset({_VERIFIED, _INITIATED}),
    },
    "verify": {
        _INITIATED: frozenset({_INITIATED, _VERIFYING, _VERIFIED, _BAD}),
        _VERIFIED: frozenset({_VERIFIED}),
        _BAD: frozenset({_BAD, _VERIFYING}),
    },
    "wait": {},
}
"""Where each call may lead from each status; where nothing is said, the status stays. A verification that
runs may end meanwhile."""


@case("IT-53")
def events(site: Site) -> None:
    """Each step of an upgrade leaves its event, once."""
    process = ImageProcess(site)
    if not process.has_log:
        raise Inapplicable("the meter has no event log that can be read")
    image = process.next_image()
    log = EventReader(process)
    process.initiate(sent(image))
    log.expect_one("transfer_started")
    process.send_all(sent(image))
    log.expect_one("transfer_finished")
    expect(process.verify() == _VERIFIED, "status 3", process.status)
    log.expect_one("ready", process.part)
    log.expect_none("activated")
    expect(process.activate() == _ACTIVE, "status 6", process.status)
    log.expect_one("activated", process.part)
    log.expect_none("activation_failed")
    log = EventReader(process)
    process.expect_found_bad(next(process.images.damaged()))
    log.expect_one("verification_failed")
    log.expect_none("ready")
    if "inject" not in site.bench.verbs:
        site.step("the bench has no bad firmware, so that its event was not seen")
        return
    log = EventReader(process)
    process.transfer_verified(sent(process.next_image()))
    site.put_back("the firmware's behaviour", lambda: site.bench.inject("none"))
    site.bench.inject("fails-self-test")
    expect(process.activate() == _FAILED, "status 7", process.status)
    log.expect_one("activation_failed", process.part)
    log.expect_none("activated")


@case("IT-54")
def legal_steps(site: Site) -> None:
    """Whatever is called in whatever order, the status moves as the process does."""
    process = ImageProcess(site)
    walk = Walk(process)
    calls = {"initiate": walk.initiate, "block": walk.block, "verify": walk.verify, "wait": walk.wait}
    seen = {process.status}
    for _ in range(_CALLS):
        before = process.status
        name = walk.chance.choices(list(calls), WEIGHTS.get(before, _OTHERWISE))[0]
        calls[name]()
        after = process.status
        seen |= {before, after}
        expect(after in allowed(name, before), f"a legal step from status {int(before)} by {name}", after)
    site.step("status " + ", ".join(str(int(status)) for status in sorted(seen)))


class Walk:
    """Calls drawn by lot: mostly right ones, so that the process gets on, of a good and of a bad image."""

    def __init__(self, process: ImageProcess) -> None:
        self.chance = random.Random(_SEED)  # noqa: S311 - an order, not a secret
        self._process = process
        self._images = [next(process.images.damaged()), process.images.good_sent]
        self._image = self._images[0]

    def initiate(self) -> None:
        """The other image."""
        self._images.reverse()
        self._image = self._images[0]
        size = len(self._image.data)
        self._process.call(self._process.object.image_transfer_initiate(self._image.identifier, size))

    def block(self) -> None:
        """The next block, or any, or one that is none; when nothing is missing, one of either image."""
        total, missing = self._process.count(self._image), self._process.first_missing
        if missing >= total:
            self._process.send(self.chance.choice(self._images), 0)
        else:
            is_next = self.chance.random() < _MOSTLY
            self._process.send(self._image, missing if is_next else self.chance.randrange(total + 1))

    def verify(self) -> None:
        """Whenever."""
        self._process.call(self._process.object.image_verify())

    def wait(self) -> None:
        """For the end of a verification, perhaps."""
        self._process.site.sleep(_PAUSE_S)


def allowed(call: str, before: Status) -> frozenset[Status]:
    """Where a call may lead."""
    there = STEPS[call].get(before, frozenset({before}))
    return there | {_VERIFIED, _BAD} if before == _VERIFYING else there
