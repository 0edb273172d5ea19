"""IT-40 to IT-47: what our client does with a meter that is found in each image_transfer_status."""

from __future__ import annotations

from typing import Final

from dlms_fw.conformance.client_bench import AT_ONCE, ClientBench, expect_error, expect_outcome
from dlms_fw.conformance.image_process import Status
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import expect
from dlms_fw.errors import ActivationFailed, ForeignTransfer, VerificationFailed
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.signing_keys import generate

_SLOW_VERIFICATION_S: Final = 90.0
_SLOW_ACTIVATION: Final = ActivationTimings(install_seconds=60.0)
_SENT: Final = 3


@case("IT-40")
def status_0(_site: Site) -> None:
    """A meter that is idle gets the image."""
    bench = ClientBench()
    expect_status(bench, Status.TRANSFER_NOT_INITIATED)
    result = expect_outcome(bench.upgrade(), "verified", "an upgrade in status 0")
    expect(result.blocks_sent == result.blocks_total, "each block sent once", result.blocks_sent)
    expect_status(bench, Status.VERIFICATION_SUCCESSFUL)


@case("IT-41")
def status_1(site: Site) -> None:
    """Our own transfer goes on; somebody else's is not touched."""
    bench = ClientBench()
    bench.upgrade(until=lambda: bench.blocks >= _SENT)
    expect_status(bench, Status.TRANSFER_INITIATED)
    result = expect_outcome(bench.upgrade(), "verified", "our own transfer")
    left = (result.blocks_total or 0) - _SENT
    expect(result.blocks_sent == left, f"the {left} missing blocks to be sent", result.blocks_sent)
    expect(bench.count(StandardEvent.FIRMWARE_TRANSFER_STARTED) == 1, "one initiation", "more")
    bench = ClientBench()
    bench.foreign_upgrade(until=lambda: bench.blocks >= _SENT)
    expect_status(bench, Status.TRANSFER_INITIATED)
    before = bench.remembered, bench.blocks
    expect_error(bench.upgrade(), ForeignTransfer, "a transfer of somebody else")
    expect((bench.remembered, bench.blocks) == before, "nothing to be written", bench.remembered)
    site.step("ours went on, the other one was left alone")


@case("IT-42")
def status_2(_site: Site) -> None:
    """A verification of our image is waited for."""
    bench = ClientBench(verify_seconds=_SLOW_VERIFICATION_S)
    bench.upgrade(until=lambda: bench.status == Status.VERIFICATION_INITIATED)
    expect_status(bench, Status.VERIFICATION_INITIATED)
    result = expect_outcome(bench.upgrade(), "verified", "our own verification")
    expect(result.blocks_sent == 0, "no block to be sent again", result.blocks_sent)
    waited = result.seconds >= _SLOW_VERIFICATION_S / 2
    expect(waited, "the verification to be waited for", f"{result.seconds:g} s")


@case("IT-43")
def status_3(_site: Site) -> None:
    """Our verified image is activated; somebody else's is not touched."""
    bench = ClientBench()
    expect_outcome(bench.upgrade(), "verified", "an upgrade without activation")
    result = expect_outcome(bench.upgrade(policy=AT_ONCE), "activated", "our own verified image")
    expect(result.blocks_sent == 0, "no block to be sent again", result.blocks_sent)
    expect_runs(bench, bench.image.image_identifier)
    bench = ClientBench()
    bench.foreign_upgrade()
    expect_status(bench, Status.VERIFICATION_SUCCESSFUL)
    before = bench.remembered
    expect_error(bench.upgrade(policy=AT_ONCE), ForeignTransfer, "a verified image of somebody else")
    expect(bench.remembered == before, "nothing to be written", bench.remembered)


@case("IT-44")
def status_4(_site: Site) -> None:
    """After a failed verification the image is sent once more, and not for ever."""
    bench = ClientBench()
    spoilt = bench.images.variant(meter_type="MCS301", key=generate())
    bench.upgrade(spoilt, until=lambda: bench.status == Status.VERIFICATION_FAILED)
    expect_status(bench, Status.VERIFICATION_FAILED)
    result = expect_outcome(bench.upgrade(), "verified", "an upgrade in status 4")
    expect(result.blocks_sent == result.blocks_total, "the whole image to be sent", result.blocks_sent)
    bench = ClientBench(trusted=(generate().public_key(),))
    ended = bench.upgrade(policy=AT_ONCE)
    expect_error(ended, VerificationFailed, "an image that is never found good")
    tries = bench.count(StandardEvent.FIRMWARE_TRANSFER_STARTED)
    most = 1 + AT_ONCE.full_restarts
    expect(tries == most, f"{most} transfers", tries)
    expect(bench.count(StandardEvent.FIRMWARE_ACTIVATED) == 0, "no activation", "one")


@case("IT-45")
def status_5(_site: Site) -> None:
    """A meter that activates is waited for; the identifier tells what came of it."""
    for behaviour in (FirmwareBehaviour.GOOD, FirmwareBehaviour.NO_BOOT):
        bench = ClientBench(timings=_SLOW_ACTIVATION, behaviour=behaviour)
        factory = bench.running
        bench.upgrade(policy=AT_ONCE, until=bench.is_activating)
        expect_status(bench, Status.ACTIVATION_INITIATED)
        ended = bench.upgrade(policy=AT_ONCE)
        if behaviour is FirmwareBehaviour.GOOD:
            result = expect_outcome(ended, "activated", "our own activation")
            expect(result.blocks_sent == 0, "no block to be sent again", result.blocks_sent)
            expect_runs(bench, bench.image.image_identifier)
        else:
            expect_error(ended, ActivationFailed, "an activation that fails")
            expect_runs(bench, factory)
    bench = ClientBench(timings=_SLOW_ACTIVATION)
    bench.foreign_upgrade(AT_ONCE, until=bench.is_activating)
    expect_status(bench, Status.ACTIVATION_INITIATED)
    result = expect_outcome(bench.upgrade(), "verified", "an upgrade after somebody else's activation")
    expect_runs(bench, bench.foreign.image_identifier)
    expect(
        result.blocks_sent == result.blocks_total, "the whole image to be sent afterwards", result.blocks_sent
    )


@case("IT-46")
def status_6(_site: Site) -> None:
    """What runs already is not sent; what another one has activated is no obstacle."""
    bench = ClientBench()
    expect_outcome(bench.upgrade(policy=AT_ONCE), "activated", "an upgrade")
    expect_status(bench, Status.ACTIVATION_SUCCESSFUL)
    before = bench.remembered
    result = expect_outcome(bench.upgrade(policy=AT_ONCE), "already-current", "the same upgrade again")
    expect(not result.changed and bench.remembered == before, "nothing to be written", result)
    bench = ClientBench()
    bench.foreign_upgrade(AT_ONCE)
    expect_status(bench, Status.ACTIVATION_SUCCESSFUL)
    expect_outcome(bench.upgrade(policy=AT_ONCE), "activated", "an upgrade after somebody else's")
    expect_runs(bench, bench.image.image_identifier)


@case("IT-47")
def status_7(_site: Site) -> None:
    """A failed activation is reported and not repeated; a new call begins anew."""
    bench = ClientBench(behaviour=FirmwareBehaviour.FAILS_SELF_TEST)
    factory = bench.running
    expect_error(bench.upgrade(policy=AT_ONCE), ActivationFailed, "an activation that fails")
    expect_status(bench, Status.ACTIVATION_FAILED)
    expect_runs(bench, factory)
    times = bench.count(StandardEvent.FIRMWARE_ACTIVATION_FAILED)
    expect(times == 1, "one activation", times)
    bench.meter.powered.set_behaviour(FirmwareBehaviour.GOOD)
    result = expect_outcome(bench.upgrade(policy=AT_ONCE), "activated", "a new call")
    expect(result.blocks_sent == result.blocks_total, "the whole image to be sent", result.blocks_sent)
    expect_runs(bench, bench.image.image_identifier)


def expect_status(bench: ClientBench, status: Status) -> None:
    """Raises Failed unless the meter is in this status."""
    expect(bench.status == status, f"the meter to be in status {int(status)}", bench.status)


def expect_runs(bench: ClientBench, identifier: bytes) -> None:
    """Raises Failed unless the meter runs this firmware."""
    expect(bench.running == identifier, f"the firmware {identifier.hex()} to run", bench.running.hex())
