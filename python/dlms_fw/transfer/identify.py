"""READ_ACTIVE: what the meter is and runs, and whether it may get this image at all.

This is the gate: nothing is written to a meter that has not passed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from dlms_fw import _core
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.interface import AttributeRef
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import ImageRejected
from dlms_fw.events import MeterIdentified
from dlms_fw.image import Version
from dlms_fw.transfer import decisions
from dlms_fw.transfer.job import Job
from dlms_fw.transfer.questions import Get, Interview
from dlms_fw.transfer.table import Outcome

# Where nobody says which part a raw image is for, its identifier may turn up in any of these.
_USUAL_PARTS = (0, 1, 2)
_IDENTIFIERS_OCTETS = 80
"""An array of a few identifiers."""
SIGNATURE_OCTETS = 140
"""A signature by the longest curve that is used for images."""


class ActiveFirmware:
    """The questions for the firmware that is active in the image's part, and what their answers mean."""

    def __init__(self, job: Job) -> None:
        self._job = job
        names = job.policy.objects
        part = job.image.part
        parts = _USUAL_PARTS if part is None else (part,)
        self._identifiers = [
            _data(names.active_identifier, number, _IDENTIFIERS_OCTETS)
            for number in parts
            if names.active_identifier
        ]
        knows_signature = part is not None and job.image.signature is not None and names.active_signature
        self._signature = _data(names.active_signature, part, SIGNATURE_OCTETS) if knows_signature else None
        self.questions = [*self._identifiers, *([self._signature] if self._signature else [])]

    @property
    def identifiers(self) -> tuple[tuple[bytes, ...] | None, ...]:
        """The identifiers of each part that was asked for."""
        return tuple(
            None if question.value is None else decisions.identifiers_of(question.value)
            for question in self._identifiers
        )

    @property
    def signature(self) -> bytes | None:
        """The active signature, as far as it is known."""
        if self._signature is None or self._signature.value is None:
            return None
        return decisions.octets_of(self._signature.value) or None

    def is_image(self) -> bool:
        """Whether it is the image that runs; against what ran before, where the job knows that."""
        job = self._job
        signature = self.signature
        agrees = None if signature is None else signature == job.image.signature
        befores = job.identifiers_before or (None,) * len(self._identifiers)
        return any(
            decisions.is_active(
                job.image.image_identifier,
                identifiers,
                position=job.policy.active_identifier_position,
                signature_agrees=agrees,
                before=before,
            )
            for identifiers, before in zip(self.identifiers, befores, strict=True)
        )


class ReadActive(Interview):
    """Reads what is active, the meter's type and version, and lets the image judge them."""

    def __init__(self, job: Job) -> None:
        names, image = job.policy.objects, job.image
        job.identifiers_before = None
        self._status: Get[ImageTransferStatus] | None = None
        self._active = ActiveFirmware(job)
        wants_type = image.meter_type is not None or job.policy.meter_type is not None
        wants_version = image.part is not None and image.firmware_version is not None
        self._type = _data(names.meter_type, image.part) if wants_type and names.meter_type else None
        self._version = (
            _data(names.firmware_version, image.part) if wants_version and names.firmware_version else None
        )
        super().__init__(
            job, *self._active.questions, *(question for question in (self._type, self._version) if question)
        )

    def soon(self) -> Sequence[Get[Any]]:
        """What the gate leads to, if it lets through."""
        image_transfer = self.job.image_transfer
        return (
            Get(image_transfer.image_block_size),
            Get(image_transfer.image_transfer_enabled),
            Get(image_transfer.image_transfer_status),
        )

    def judge(self) -> Outcome:
        """Let through, refuse, or find that there is nothing to do."""
        job, policy = self.job, self.job.policy
        meter_type, version = _text(self._type), _text(self._version)
        identifiers = self._active.identifiers
        shown = next((found for found in identifiers if found), None)
        if self._status is None:
            job.tell(MeterIdentified, shown, self._active.signature, meter_type, version)
        if policy.meter_type is not None and meter_type is not None and meter_type != policy.meter_type:
            raise ImageRejected(
                f"the inventory says that the meter is of type {policy.meter_type!r}, it says {meter_type!r}",
                reason="meter-type",
                hint="is this the right meter?",
            )
        if self._active.is_image():
            if self._status is None:
                self._status = Get(job.image_transfer.image_transfer_status)
                return self.then(self._status)
            if self._status.value == ImageTransferStatus.ACTIVATION_INITIATED:
                return Outcome.OK  # on trial: what follows waits for the end of it, or confirms it
            job.already_current = True
            return Outcome.COMPLETE
        job.image.check_meter(
            meter_type=policy.meter_type if meter_type is None else meter_type,
            current_version=_version(version) or job.current_version,
            hardware=policy.hardware,
            identifier_length=policy.identifier_octets,
            allow_downgrade=policy.allow_downgrade,
            allow_metrology=policy.allow_metrology,
        )
        job.identifiers_before = identifiers
        if shown is None:
            job.warn(
                "identifier-unknown",
                "the meter does not show an active identifier; nothing can be confirmed by it",
            )
        return Outcome.OK


def _data(name: str, part: int | None, octets: int = 32) -> Get[_core.Data]:
    return Get(_value_of(name.format(part=part)), octets=octets)


@lru_cache(maxsize=64)
def _value_of(logical_name: str) -> AttributeRef[_core.Data]:
    return Data(logical_name).value


def _text(question: Get[_core.Data] | None) -> str | None:
    """The value as text; octets that are no text are shown as escapes, and so equal nothing by accident."""
    if question is None or question.value is None:
        return None
    octets = decisions.octets_of(question.value)
    return None if octets is None else octets.decode("utf-8", "backslashreplace")


def _version(text: str | None) -> Version | None:
    try:
        return None if text is None else Version.parse(text)
    except ValueError:
        return None
