"""A meter made of a few attributes, for tests of the transfer machine: virtual time, and it can lie.

It speaks in requests and responses, with no bytes on any wire and no protocol below. It is not the simulated
meter of the product: what it does wrong is switched on by assignment.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    BitString,
    Data,
    DateTime,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ImageBlock,
    RequestList,
    ResponseList,
    SetRequest,
    SetResponse,
)
from dlms_fw.axdr import Tag
from dlms_fw.containers import dfw
from dlms_fw.cosem import Clock, ImageTransfer, ProfileGeneric, ScriptTable, SingleActionSchedule
from dlms_fw.cosem.image_transfer import ImageToActivateInfo
from dlms_fw.cosem.profile_generic import entry_descriptor
from dlms_fw.cosem.script_table import ActionSpecification, Script
from dlms_fw.cosem.single_action_schedule import ExecutedScript, ExecutionTime
from dlms_fw.enums import ScriptService
from dlms_fw.image import Image, Version
from dlms_fw.logical_name import LogicalName
from dlms_fw.signing_keys import generate

OLD = b"OLD001"
NEW = b"NEW002"
METER = "4D43530460BC614E"
START_OF_TIME = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
_SIGNING_KEY = generate()
_OK, _TEMPORARY, _UNDEFINED, _OTHER = 0, 2, 4, 250


def raw_image(size: int = 740, identifier: bytes = NEW, part: int | None = 1) -> Image:
    """An image without a container: 12 blocks of 64 octets by default, the last one short."""
    return Image.raw(bytes((7 * n) % 251 for n in range(size)), identifier, part)


def signed_image(
    *, part: int = 1, version: str = "2.0.0", meter_type: str = "MCS301", minimum: str = "0.0.0"
) -> Image:
    """A signed container for the meter below."""
    data = dfw.build(
        bytes(500),
        image_identifier=NEW,
        part=part,
        meter_type=meter_type,
        firmware_version=Version.parse(version),
        minimum_previous_version=Version.parse(minimum),
        key=_SIGNING_KEY,
    )
    return Image.from_bytes(data)


@dataclass
class Scheduled:
    """What the activation scheduler holds."""

    entries: list[ExecutionTime] = field(default_factory=list)
    script: ExecutedScript = field(default_factory=lambda: ExecutedScript(LogicalName("0-0:10.0.107.255"), 1))


class ScriptedMeter:
    """One firmware part, one image transfer object, a clock, a scheduler and an event log.

    Attributes:
        results: Results to give instead of the right answer, by the name of the request, one for each call.
        always: The same, for every call.
        lies: Values to show instead of the true ones, by the name of the attribute; a callable gets the true
        one. forgets: How often each block is acknowledged and not kept. activation: ``good``, ``falls-back``
        (discards the new firmware), ``power-off`` (once: keeps it) or ``silent-old``.
        lists: The result that a list gets as a whole; 0 answers each item.
        most_items: Of a list; the others are refused.
        most_waiting: Requests that it keeps until it comes to them; what is beyond is never answered.
        hears_unconfirmed: Whether it takes what it shall not answer.
        seconds_per_block: What comes sooner than this after an unconfirmed block is dropped.
        drops: How often each unconfirmed block is dropped.
    """

    def __init__(self, *, block_size: int = 64) -> None:
        self.now = 0.0
        self.status = 0
        self.enabled = True
        self.block_size = block_size
        self.blocks: dict[int, bytes] = {}
        self.incoming: tuple[bytes, int] | None = None
        self.active: list[bytes] = [OLD]
        self.signature = bytes(64)
        self.meter_type = b"MCS301"
        self.version = b"1.0.0"
        self.part = 1
        self.results: dict[str, deque[int]] = defaultdict(deque)
        self.always: dict[str, int] = {}
        self.lies: dict[str, Any] = {}
        self.forgets: Counter[int] = Counter()
        self.lists = 0
        self.most_items = 127
        self.most_waiting = 16
        self.answers_the_last_first = False
        self.hears_unconfirmed = True
        self.seconds_per_block = 0.0
        self.writes_until = 0.0
        self.drops: Counter[int] = Counter()
        self.absent: set[str] = set()
        self.verifies_itself = False
        self.verify_seconds = 0.0
        self.verify_fails = 0
        self.verifying_until: float | None = None
        self.activation = "good"
        self.restart_seconds = 20.0
        self.away_until = 0.0
        self.initiations = 0
        self.activations = 0
        self.writes: list[str] = []
        self.schedule = Scheduled()
        self.clock_offset = timedelta(0)
        self.clock_status = 0
        self.scripts = [
            Script(
                1,
                [
                    ActionSpecification(
                        ScriptService.EXECUTE_METHOD,
                        18,
                        LogicalName("0-0:44.0.0.255"),
                        4,
                        Data(Tag.INTEGER, 0),
                    )
                ],
            )
        ]
        self.log: list[int] = []
        self._objects = self._names()

    # --- What the tests look at -----------------------------------------------------------------------------

    @property
    def blocks_total(self) -> int:
        return 0 if self.incoming is None else -(-self.incoming[1] // self.block_size)

    def holds(self, image: Image) -> bool:
        """Whether exactly this image has arrived."""
        data = b"".join(self.blocks[n] for n in sorted(self.blocks))
        return data == image.data and self.incoming == (image.image_identifier, len(image.data))

    def receive_blocks(self, image: Image, numbers: Iterable[int]) -> None:
        """As if somebody had initiated this image and sent these blocks."""
        self.status, self.incoming = 1, (image.image_identifier, len(image.data))
        self.blocks = {n: image.data[n * self.block_size : (n + 1) * self.block_size] for n in numbers}

    def power_cycle(self, *, keeps: bool = True) -> None:
        """A restart in the middle of a transfer."""
        if not keeps:
            self.status, self.blocks, self.incoming = 0, {}, None

    # --- Answers --------------------------------------------------------------------------------------------

    def answer(self, request: Any, now: float) -> Any:
        """The response, or ``None`` while the meter is away."""
        self.now = now
        if now < self.away_until:
            return None
        if isinstance(request, RequestList):
            return self._answer_list(request, now)
        self._time_passes()
        name = self.name_of(request)
        result = self.results[name].popleft() if self.results[name] else self.always.get(name)
        if result is not None and result >= 0x1000:
            return ExceptionResponse((result >> 8) & 0xF, result & 0xFF)
        if isinstance(request, GetRequest):
            if result is None:
                result = _UNDEFINED if name in self.absent else _OK
            data = self._get(name, request) if result == _OK else None
            return GetResponse(result, data) if data is not None else GetResponse(result or _OTHER)
        self.writes.append(name)
        if isinstance(request, SetRequest):
            return SetResponse(self._set(name, request) if result is None else result)
        assert isinstance(request, ActionRequest)
        if result is not None:
            return ActionResponse(result)
        answer = self._act(name, request)
        return None if answer is None else ActionResponse(answer)

    def hear(self, request: ActionRequest, now: float) -> None:
        """Take an unconfirmed block, or drop it."""
        assert not request.confirmed
        assert isinstance(request.parameter, ImageBlock)
        number = request.parameter.image_block_number
        if not self.hears_unconfirmed or now < max(self.away_until, self.writes_until):
            return
        if self.drops[number]:
            self.drops[number] -= 1
            return
        self.writes_until = now + self.seconds_per_block
        self.answer(request, now)

    def _answer_list(self, request: RequestList, now: float) -> Any:
        if self.lists >= 0x1000:
            return ExceptionResponse((self.lists >> 8) & 0xF, self.lists & 0xFF)
        refused = GetResponse if isinstance(request.items[0], GetRequest) else ActionResponse
        if self.lists:
            return refused(self.lists)
        taken = [self.answer(item, now) for item in request.items[: self.most_items]]
        return ResponseList([*taken, *[refused(_OTHER)] * (len(request.items) - len(taken))])

    def name_of(self, request: Any) -> str:
        if isinstance(request, RequestList):
            return f"list of {len(request.items)}"
        member = request.method_id if isinstance(request, ActionRequest) else request.attribute_id
        return self._objects[
            request.class_id, LogicalName(request.logical_name), member, type(request) is ActionRequest
        ]

    def _names(self) -> dict[tuple[int, LogicalName, int, bool], str]:
        names: dict[tuple[int, LogicalName, int, bool], str] = {}
        for kind, instance in (
            (ImageTransfer, "0-0:44.0.0.255"),
            (Clock, "0-0:1.0.0.255"),
            (ScriptTable, "0-0:10.0.107.255"),
            (SingleActionSchedule, "0-0:15.0.2.255"),
            (ProfileGeneric, "0-0:99.98.0.255"),
        ):
            for row_id, attribute in kind.attributes.items():
                names[kind.class_id, LogicalName(instance), row_id, False] = attribute.name
            for row_id, method in kind.methods.items():
                names[kind.class_id, LogicalName(instance), row_id, True] = method.name
        for part in range(10):
            for name, instance in (
                ("identifier", f"1-{part}:0.2.0.255"),
                ("signature", f"1-{part}:0.2.8.255"),
                ("version", f"1-{part}:0.2.128.255"),
            ):
                names[1, LogicalName(instance), 2, False] = name if part == self.part else f"{name} {part}"
        names[1, LogicalName("0-0:96.1.1.255"), 2, False] = "meter_type"
        return names

    def _time_passes(self) -> None:
        if self.verifying_until is not None and self.now >= self.verifying_until:
            self.verifying_until = None
            self._end_verification()

    def _end_verification(self) -> None:
        if self.verify_fails:
            self.verify_fails -= 1
            self.status = 4
            self.log.append(51)
        else:
            self.status = 3
            self.log.append(17)

    def _begin_verification(self) -> int:
        if self.verify_seconds:
            self.status = 2
            self.verifying_until = self.now + self.verify_seconds
            return _TEMPORARY
        self._end_verification()
        return _OK if self.status == 3 else _OTHER

    def _get(self, name: str, request: GetRequest) -> bytes | None:
        true = self._value(name, request)
        if name in self.lies:
            lie = self.lies[name]
            true = lie(true) if callable(lie) else lie
        if true is None or isinstance(true, bytes):
            return true
        if isinstance(true, Data):
            return true.encode()
        kinds = (ImageTransfer, Clock, ScriptTable, SingleActionSchedule, ProfileGeneric)
        kind = next(kind for kind in kinds if kind.class_id == request.class_id)
        return bytes(kind.attributes[request.attribute_id].data_type.encode(true))

    def _value(self, name: str, request: GetRequest) -> Any:
        match name:
            case "identifier":
                if len(self.active) == 1:
                    return Data(Tag.OCTET_STRING, self.active[0])
                return Data(Tag.ARRAY, tuple(Data(Tag.OCTET_STRING, one) for one in self.active))
            case "signature":
                return Data(Tag.OCTET_STRING, self.signature)
            case "meter_type":
                return Data(Tag.OCTET_STRING, self.meter_type)
            case "version":
                return Data(Tag.OCTET_STRING, self.version)
            case "image_block_size":
                return self.block_size
            case "image_transferred_blocks_status":
                return BitString([n in self.blocks for n in range(self.blocks_total)])
            case "image_first_not_transferred_block_number":
                return next(n for n in range(self.blocks_total + 1) if n not in self.blocks)
            case "image_transfer_enabled":
                return self.enabled
            case "image_transfer_status":
                return self.status
            case "image_to_activate_info":
                return self._info()
            case "time":
                local = START_OF_TIME + timedelta(seconds=self.now) + self.clock_offset
                return DateTime.from_datetime(local, clock_status=self.clock_status)
            case "scripts":
                return self.scripts
            case "executed_script":
                return self.schedule.script
            case "execution_time":
                return self.schedule.entries
            case "entries_in_use":
                return len(self.log)
            case "buffer":
                assert request.selection is not None
                first, last, _, _ = entry_descriptor.decode(request.selection[1])
                moment = DateTime.from_datetime(START_OF_TIME).to_bytes()
                return [
                    Data(Tag.STRUCTURE, (Data(Tag.OCTET_STRING, moment), Data(Tag.UNSIGNED, code)))
                    for code in self.log[first - 1 : last]
                ]
        return None

    def _info(self) -> list[ImageToActivateInfo] | None:
        if self.status < 3 or self.incoming is None:
            return None
        identifier, size = self.incoming
        data = b"".join(self.blocks[n] for n in sorted(self.blocks))
        try:
            signature = Image.from_bytes(data).signature or b""
        except Exception:  # noqa: BLE001  # a raw image has none
            signature = b""
        return [ImageToActivateInfo(size, identifier, signature)]

    def _set(self, name: str, request: SetRequest) -> int:
        if name == "image_transfer_enabled":
            self.enabled = request.data == b"\x03\x01"
        elif name == "execution_time":
            self.schedule.entries = SingleActionSchedule.execution_time.data_type.decode(request.data)
        else:
            return _OTHER
        return _OK

    def _act(self, name: str, request: ActionRequest) -> int | None:
        if not self.enabled:
            return _OTHER
        if name == "image_transfer_initiate":
            return self._initiate(request)
        if name == "image_block_transfer":
            return self._take(request)
        if name == "image_verify":
            if self.status == 1 and len(self.blocks) == self.blocks_total:
                return self._begin_verification()
            return _OK if self.status == 3 else _OTHER
        return self._activate()

    def _initiate(self, request: ActionRequest) -> int:
        assert isinstance(request.parameter, bytes)
        identifier, size = ImageTransfer.image_transfer_initiate.decode_parameter(request.parameter)
        self.initiations += 1
        self.status, self.blocks, self.incoming, self.verifying_until = 1, {}, (identifier, size), None
        return _OK

    def _take(self, request: ActionRequest) -> int:
        block = request.parameter
        assert isinstance(block, ImageBlock)
        number, value = block.image_block_number, block.image_block_value
        if self.status != 1 or self.incoming is None or not number < self.blocks_total:
            return _OTHER
        whole = (
            self.block_size if number + 1 < self.blocks_total else self.incoming[1] - number * self.block_size
        )
        if len(value) != whole:
            return _OTHER
        if self.forgets[number]:
            self.forgets[number] -= 1
            return _OK
        self.blocks[number] = value
        if self.verifies_itself and len(self.blocks) == self.blocks_total:
            self._begin_verification()
        return _OK

    def _activate(self) -> int | None:
        if self.status != 3:
            return _OTHER
        self.activations += 1
        self.away_until = self.now + self.restart_seconds
        assert self.incoming is not None
        match self.activation:
            case "good":
                self.status = 6
                self.active = [self.incoming[0], *self.active] if len(self.active) > 1 else [self.incoming[0]]
                info = self._info()
                self.signature = info[0].image_to_activate_signature if info else b""
                self.log.append(18)
            case "falls-back":
                self.status, self.blocks, self.incoming = 7, {}, None
            case "power-off":
                self.activation = "good"
            case "silent-old":
                self.status = 6
        return None
