"""IT-53 and IT-54: what a meter tells about a transfer as a whole: its log, and the steps of its status."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from dlms_fw.conformance.event_reader import EventReader
from dlms_fw.conformance.image_process import ImageProcess, Status
from dlms_fw.conformance.images import sent
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, expect

_SEED: Final = 54
_CALLS: Final = 120
_PAUSE_S: Final = 0.15
_NONE, _INITIATED, _VERIFYING, _VERIFIED, _BAD, _ACTIVATING, _ACTIVE, _FAILED = Status

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
    image = process.images.successor(process.version)
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
    process.transfer_verified(sent(process.images.successor(process.version)))
    site.put_back("the firmware's behaviour", lambda: site.bench.inject("none"))
    site.bench.inject("fails-self-test")
    expect(process.activate() == _FAILED, "status 7", process.status)
    log.expect_one("activation_failed", process.part)
    log.expect_none("activated")


@case("IT-54")
def legal_steps(site: Site) -> None:
    """Whatever is called in whatever order, the status moves as the process does."""
    process = ImageProcess(site)
    image = process.images.good_sent
    bad = next(process.images.damaged())
    chance = random.Random(_SEED)  # noqa: S311 - an order, not a secret
    total = process.count(image)

    def block() -> None:
        chosen = image if chance.random() < 0.9 else bad
        number = process.first_missing if chance.random() < 0.8 else chance.randrange(total + 1)
        process.send(chosen, min(number, total))

    calls: dict[str, tuple[int, Callable[[], object]]] = {
        "initiate": (
            1,
            lambda: process.call(process.object.image_transfer_initiate(image.identifier, len(image.data))),
        ),
        "block": (20, block),
        "verify": (4, lambda: process.call(process.object.image_verify())),
        "wait": (3, lambda: site.sleep(_PAUSE_S)),
    }
    names, weights = list(calls), [weight for weight, _ in calls.values()]
    seen = {process.status}
    for name in chance.choices(names, weights, k=_CALLS):
        before = process.status
        calls[name][1]()
        after = process.status
        seen |= {before, after}
        expect(after in allowed(name, before), f"a legal step from status {int(before)} by {name}", after)
    site.step("status " + ", ".join(str(int(status)) for status in sorted(seen)))


def allowed(call: str, before: Status) -> frozenset[Status]:
    """Where a call may lead."""
    there = STEPS[call].get(before, frozenset({before}))
    return there | {_VERIFIED, _BAD} if before == _VERIFYING else there
