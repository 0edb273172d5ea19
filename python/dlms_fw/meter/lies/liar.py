"""Lies between the honest meter and the wire: objects in disguise, and what becomes of answers.

The code of the meter knows nothing of it. Without lies nothing of this is made.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.cosem.interface import InterfaceClass
from dlms_fw.cosem.server import ServerObject
from dlms_fw.cosem.single_action_schedule import SingleActionSchedule
from dlms_fw.meter.lies.calls import CALLINGS, block_number
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.meter.lies.messages import MESSAGES, Messages
from dlms_fw.meter.lies.readings import READINGS
from dlms_fw.meter.lies.telling import Telling
from dlms_fw.meter.units import MeterUnits

_BLOCK_TRANSFER: Final = ImageTransfer.image_block_transfer.method_id
_EXECUTION_TIME: Final = SingleActionSchedule.execution_time.attribute_id
_NOT_KEPT: Final = "schedule-not-kept"


class Liar:
    """All lies of one meter with power.

    Attributes:
        tellings: They, in order, with how often each was told.
        messages: Those about answers as a whole.
    """

    def __init__(self, units: MeterUnits) -> None:
        self._units = units
        self._away_until = 0.0
        self.tellings: list[Telling] = []
        self.messages = Messages()

    def add(self, lie: Lie) -> Telling:
        """One lie more."""
        telling = Telling(lie, self)
        self.tellings.append(telling)
        if lie.name in MESSAGES:
            self.messages.add(telling)
        return telling

    @property
    def is_away(self) -> bool:
        """Whether it is restarting."""
        return self.monotonic() < self._away_until

    def disguise(self, target: ServerObject) -> ServerObject:
        """An object as it is seen from outside."""
        return _Disguised(target, self)

    # What a lie may know and do

    def monotonic(self) -> float:
        """The meter's time, in seconds."""
        return self._units.time_source.monotonic()

    @property
    def incoming_identifier(self) -> bytes | None:
        """Of the image that is being received or was."""
        reception = self._units.firmware.memory.state.reception
        return None if reception is None else reception.identifier

    def restart(self, lie: Lie) -> None:
        """The connections end, the meter is away for a while, and of the transfer only some is left."""
        if lie.keeps is not None and lie.keeps != "all":
            self._units.firmware.image_store.lose(lie.keeps)
        self._away_until = self.monotonic() + (lie.away or 0)
        self.messages.end_connection()


class _Disguised(ServerObject, interface=InterfaceClass):
    """An object that is honest as long as no lie is about it. It has the interface of the one behind it."""

    def __init__(self, target: ServerObject, liar: Liar) -> None:
        super().__init__(target.logical_name)
        self.interface = target.interface  # type: ignore[misc]  # each hides an object of another class
        self._target = target
        self._liar = liar

    def read(self, attribute_id: int, selection: tuple[int, bytes] | None = None) -> bytes:
        answer = self._target.read(attribute_id, selection)
        if selection is not None:
            return answer
        for telling in self._liar.tellings:
            reading = READINGS.get(telling.lie.name)
            if reading is not None and reading.is_about(self._target, attribute_id) and telling.is_due():
                answer = reading.answer(telling, self._target, answer)
        return answer

    def write(self, attribute_id: int, data: bytes) -> None:
        if self.interface is SingleActionSchedule and attribute_id == _EXECUTION_TIME:
            for telling in self._liar.tellings:
                if telling.lie.name == _NOT_KEPT and telling.is_due():
                    return
        self._target.write(attribute_id, data)

    def invoke(self, method_id: int, parameter: bytes | None) -> bytes | None:
        if self.interface is ImageTransfer:
            block = block_number(parameter) if method_id == _BLOCK_TRANSFER else None
            for telling in self._liar.tellings:
                calling = CALLINGS.get(telling.lie.name)
                if calling is not None and calling.method_id == method_id and telling.is_due(block):
                    return calling.behave(telling, partial(self._target.invoke, method_id), parameter)
        return self._target.invoke(method_id, parameter)
