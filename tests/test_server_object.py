"""A server's object: held against its table when its class is made, and dispatched by it."""

from __future__ import annotations

from typing import Any

import pytest

from dlms_fw._core import BitString, Data
from dlms_fw.axdr import Tag
from dlms_fw.cosem import (
    CosemFault,
    EntryDescriptor,
    ImageToActivateInfo,
    ImageTransfer,
    ProfileGeneric,
    ServerObject,
    SingleActionSchedule,
)
from dlms_fw.cosem.profile_generic import CaptureObjectDefinition, entry_descriptor
from dlms_fw.enums import ActionResult, DataAccessResult, ImageTransferStatus, SortMethod
from dlms_fw.logical_name import LogicalName


class ImageStore(ServerObject, interface=ImageTransfer, own=("power_cut",)):
    image_block_size: int
    image_transferred_blocks_status: BitString
    image_first_not_transferred_block_number: int
    image_transfer_enabled: bool

    def __init__(self) -> None:
        super().__init__("0-0:44.0.0.255")
        self.image_block_size = 4
        self.image_transfer_enabled = True
        self._status = ImageTransferStatus.TRANSFER_NOT_INITIATED
        self._blocks: dict[int, bytes] = {}

    @property
    def image_transfer_status(self) -> ImageTransferStatus:
        return self._status

    @property
    def image_to_activate_info(self) -> list[ImageToActivateInfo]:
        raise CosemFault(DataAccessResult.READ_WRITE_DENIED)

    def image_transfer_initiate(self, image_identifier: bytes, image_size: int) -> None:
        if image_size == 0:
            raise CosemFault(ActionResult.OTHER_REASON)
        self._status = ImageTransferStatus.TRANSFER_INITIATED

    def image_block_transfer(self, image_block_number: int, image_block_value: bytes) -> None:
        self._blocks[image_block_number] = image_block_value

    def image_verify(self) -> None:
        raise CosemFault(ActionResult.TEMPORARY_FAILURE)

    def image_activate(self) -> None:
        raise ZeroDivisionError("a fault of the implementation, not of the client")

    def power_cut(self) -> None:
        self._blocks.clear()


class EventLog(ServerObject, interface=ProfileGeneric):
    buffer: list[Data]
    capture_objects: list[CaptureObjectDefinition]
    capture_period: int
    sort_method: SortMethod
    sort_object: CaptureObjectDefinition
    entries_in_use: int
    profile_entries: int

    def reset(self) -> None: ...

    def capture(self) -> None: ...

    def select_buffer(self, selector: int, parameters: bytes) -> list[Data]:
        if selector != 2:
            raise CosemFault(DataAccessResult.OTHER_REASON)
        entries = entry_descriptor.decode(parameters)
        return self.buffer[entries.from_entry - 1 : entries.to_entry]


@pytest.fixture
def image_store() -> ImageStore:
    return ImageStore()


@pytest.fixture
def event_log() -> EventLog:
    log = EventLog("0-0:99.98.0.255")
    log.buffer = [Data(Tag.STRUCTURE, (Data(Tag.UNSIGNED, code),)) for code in (2, 17, 18)]
    return log


def _fault(call: Any, *arguments: Any) -> DataAccessResult | ActionResult:
    with pytest.raises(CosemFault) as caught:
        call(*arguments)
    return caught.value.result


class TestRead:
    def test_gives_the_encoded_value(self, image_store: ImageStore) -> None:
        assert image_store.read(2) == bytes.fromhex("0600000004")

    def test_gives_the_logical_name(self, image_store: ImageStore) -> None:
        assert image_store.read(1) == bytes.fromhex("090600002C0000FF")
        assert image_store.logical_name == LogicalName("0-0:44.0.0.255")

    def test_gives_a_property(self, image_store: ImageStore) -> None:
        assert image_store.read(6) == bytes.fromhex("1600")

    @pytest.mark.parametrize("attribute_id", [0, 8, -1])
    def test_knows_no_other_attribute(self, image_store: ImageStore, attribute_id: int) -> None:
        assert _fault(image_store.read, attribute_id) is DataAccessResult.OBJECT_UNDEFINED

    def test_answers_with_the_fault_of_the_implementation(self, image_store: ImageStore) -> None:
        assert _fault(image_store.read, 7) is DataAccessResult.READ_WRITE_DENIED

    def test_gives_the_selected_part(self, event_log: EventLog) -> None:
        assert event_log.read(2, EntryDescriptor(2, 3).selection) == bytes.fromhex("0102 0201 1111 0201 1112")
        assert event_log.read(2) == bytes.fromhex("0103 0201 1102 0201 1111 0201 1112")

    def test_refuses_a_selection_that_it_does_not_know(self, event_log: EventLog) -> None:
        assert _fault(event_log.read, 2, (9, b"\x00")) is DataAccessResult.OTHER_REASON
        assert _fault(event_log.read, 2, (2, b"\x00")) is DataAccessResult.TYPE_UNMATCHED
        assert _fault(event_log.read, 4, (2, b"\x00")) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


class TestWrite:
    def test_sets_the_decoded_value(self, image_store: ImageStore) -> None:
        image_store.write(5, bytes.fromhex("0300"))
        assert image_store.image_transfer_enabled is False
        image_store.write(5, bytes.fromhex("03FF"))
        assert image_store.image_transfer_enabled is True

    @pytest.mark.parametrize("octets", ["0600000001", "03", "030100", ""])
    def test_refuses_data_of_another_type(self, image_store: ImageStore, octets: str) -> None:
        assert _fault(image_store.write, 5, bytes.fromhex(octets)) is DataAccessResult.TYPE_UNMATCHED
        assert image_store.image_transfer_enabled is True

    @pytest.mark.parametrize(("attribute_id", "octets"), [(1, "090600002C0000FF"), (6, "1603")])
    def test_refuses_what_has_no_setter(
        self, image_store: ImageStore, attribute_id: int, octets: str
    ) -> None:
        fault = _fault(image_store.write, attribute_id, bytes.fromhex(octets))
        assert fault is DataAccessResult.READ_WRITE_DENIED
        assert image_store.image_transfer_status is ImageTransferStatus.TRANSFER_NOT_INITIATED

    def test_knows_no_other_attribute(self, image_store: ImageStore) -> None:
        assert _fault(image_store.write, 8, b"\x00") is DataAccessResult.OBJECT_UNDEFINED


class TestInvoke:
    def test_calls_with_the_members_of_the_structure(self, image_store: ImageStore) -> None:
        assert image_store.invoke(2, bytes.fromhex("0202 0600000001 0902 ABCD")) is None
        assert image_store._blocks == {1: b"\xab\xcd"}

    @pytest.mark.parametrize("parameter", [None, b"", b"\x0f\x00", bytes.fromhex("0202 0600000001 1100")])
    def test_refuses_parameters_of_another_type(
        self, image_store: ImageStore, parameter: bytes | None
    ) -> None:
        assert _fault(image_store.invoke, 2, parameter) is ActionResult.TYPE_UNMATCHED
        assert image_store._blocks == {}

    @pytest.mark.parametrize("parameter", [None, b"\x00", bytes.fromhex("1100")])
    def test_a_method_without_argument_wants_its_integer(
        self, image_store: ImageStore, parameter: bytes | None
    ) -> None:
        assert _fault(image_store.invoke, 3, parameter) is ActionResult.TYPE_UNMATCHED

    def test_answers_with_the_fault_of_the_implementation(self, image_store: ImageStore) -> None:
        assert _fault(image_store.invoke, 3, bytes.fromhex("0F00")) is ActionResult.TEMPORARY_FAILURE
        empty = bytes.fromhex("0202 0906 4D4353313032 0600000000")
        assert _fault(image_store.invoke, 1, empty) is ActionResult.OTHER_REASON

    @pytest.mark.parametrize("method_id", [0, 5, -1])
    def test_knows_no_other_method(self, image_store: ImageStore, method_id: int) -> None:
        assert _fault(image_store.invoke, method_id, b"\x0f\x00") is ActionResult.OBJECT_UNDEFINED

    def test_does_not_hide_a_mistake_of_the_implementation(self, image_store: ImageStore) -> None:
        with pytest.raises(ZeroDivisionError):
            image_store.invoke(4, bytes.fromhex("0F00"))


def _schedule(**body: Any) -> type:
    """A class for a single action schedule, which is complete without ``body``."""
    annotations = {"executed_script": Any, "type": Any, "execution_time": Any}
    whole = {"__annotations__": annotations, **body}
    return type("Schedule", (ServerObject,), whole, interface=SingleActionSchedule)


def _store(**body: Any) -> type:
    """A subclass of an implementation, which needs no ``body``."""
    return type("Store", (ImageStore,), body)


def test_a_missing_row_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="lacks execution_time of SingleActionSchedule"):
        _schedule(__annotations__={"executed_script": Any, "type": Any})


def test_a_public_name_that_is_no_row_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="has execute, which SingleActionSchedule has not"):
        _schedule(execute=lambda self: None)


def test_own_names_private_names_and_selections_are_allowed() -> None:
    _schedule(_execute=lambda self: None, select_execution_time=lambda self, selector, parameters: [])
    with pytest.raises(TypeError, match="has select_script"):
        _schedule(select_script=lambda self, selector, parameters: [])
    assert ImageStore().power_cut() is None  # type: ignore[func-returns-value]


def test_a_method_with_other_parameters_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="takes \\(image_block_number\\)"):
        _store(image_block_transfer=lambda self, image_block_number: None)


def test_a_method_that_is_none_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="image_verify is not a method"):
        _store(image_verify=True)


def test_a_subclass_keeps_the_interface_of_its_parent() -> None:
    assert _store(image_activate=lambda self: None)().invoke(4, bytes.fromhex("0F00")) is None


def test_an_implementation_names_its_interface() -> None:
    with pytest.raises(TypeError, match="which interface"):
        type("Nothing", (ServerObject,), {})


def test_a_fault_is_named_by_its_result() -> None:
    assert str(CosemFault(DataAccessResult.READ_WRITE_DENIED)) == "read-write-denied"
