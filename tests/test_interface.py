"""Interface classes as tables: what a row becomes on a client's object, and what a class body may not say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dlms_fw._core import ImageBlocks
from dlms_fw.axdr import double_long_unsigned, octet_string, structure, unsigned
from dlms_fw.cosem import ImageTransfer, InterfaceClass, ProfileGeneric, Selection, attribute, method
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import DecodeError, RemoteProtocolError
from dlms_fw.logical_name import LogicalName

IMAGE_TRANSFER = bytes.fromhex("00002C0000FF")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], type[InterfaceClass]]:
    """A registry that forgets what a test declares."""
    copy = dict(InterfaceClass.registry)
    monkeypatch.setattr(InterfaceClass, "registry", copy)
    return copy


@pytest.fixture
def image_transfer() -> ImageTransfer:
    return ImageTransfer("0-0:44.0.0.255")


class TestTable:
    def test_rows_are_found_by_id_and_by_name(self) -> None:
        assert ImageTransfer.attributes[2] is ImageTransfer.image_block_size
        assert ImageTransfer.methods[2] is ImageTransfer.image_block_transfer
        assert ImageTransfer.rows["image_verify"] is ImageTransfer.image_verify
        assert list(ImageTransfer.attributes) == [1, 2, 3, 4, 5, 6, 7]
        assert list(ImageTransfer.methods) == [1, 2, 3, 4]

    def test_every_class_has_the_logical_name_as_attribute_1(self) -> None:
        assert ImageTransfer.logical_name is InterfaceClass.logical_name
        assert ImageTransfer.attributes[1] is ImageTransfer.logical_name

    def test_a_row_knows_its_id_name_and_type(self) -> None:
        row = ImageTransfer.image_block_size
        assert (row.attribute_id, row.name, row.data_type) == (2, "image_block_size", double_long_unsigned)
        assert row.static
        assert not ImageTransfer.image_transfer_status.static

    def test_a_method_row_keeps_what_its_declaration_says(self) -> None:
        row = ImageTransfer.image_transfer_initiate
        assert (row.method_id, row.name) == (1, "image_transfer_initiate")
        assert row.parameter_names == ("image_identifier", "image_size")
        assert row.__doc__ is not None
        assert "forgets every block" in row.__doc__

    def test_a_method_row_knows_whether_every_object_has_it(self) -> None:
        assert ImageTransfer.image_verify.mandatory
        assert not ProfileGeneric.reset.mandatory

    def test_the_registry_finds_a_class_by_class_id_and_version(self) -> None:
        assert InterfaceClass.registry[18, 0] is ImageTransfer
        assert InterfaceClass.registry[7, 1] is ProfileGeneric

    def test_rows_are_taken_over_from_every_base(self, registry: object) -> None:
        class Second(InterfaceClass):
            second = attribute(2, unsigned)

        class Third(InterfaceClass):
            third = attribute(3, unsigned)

            @method(1)
            def reset(self) -> None:
                """Reset."""

        class Both(Second, Third, class_id=8191, version=0):
            fourth = attribute(4, unsigned)

        assert list(Both.rows) == ["logical_name", "second", "third", "fourth", "reset"]

    def test_versions_that_share_rows_have_tables_of_their_own(self, registry: object) -> None:
        class Shared(InterfaceClass):
            value = attribute(2, unsigned)

        class First(Shared, class_id=8191, version=0):
            pass

        class Second(Shared, class_id=8191, version=1):
            more = attribute(3, unsigned)

        assert list(First.attributes) == [1, 2]
        assert list(Second.attributes) == [1, 2, 3]
        assert Second.value is Shared.value
        with pytest.raises(TypeError, match="only lends its rows"):
            Shared("0-0:1.0.0.255")


class TestAttributeRef:
    def test_reads_by_the_descriptor_of_the_object(self, image_transfer: ImageTransfer) -> None:
        request = image_transfer.image_block_size.get_request()
        assert (request.class_id, request.logical_name, request.attribute_id) == (18, IMAGE_TRANSFER, 2)
        assert request.selection is None
        assert request.invoke_id_and_priority is None

    def test_reads_a_selection(self) -> None:
        request = ProfileGeneric("0-0:99.98.0.255").buffer.get_request(Selection(2, b"\x00"))
        assert request.selection == (2, b"\x00")

    def test_writes_the_encoded_value(self, image_transfer: ImageTransfer) -> None:
        request = image_transfer.image_transfer_enabled.set_request(True)
        assert (request.class_id, request.logical_name, request.attribute_id) == (18, IMAGE_TRANSFER, 5)
        assert request.data == bytes.fromhex("0301")
        assert request.confirmed
        assert not image_transfer.image_transfer_enabled.set_request(True, confirmed=False).confirmed

    def test_decodes_an_answer(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer.image_block_size.decode(bytes.fromhex("0600000100")) == 256
        status = image_transfer.image_transfer_status.decode(bytes.fromhex("1603"))
        assert status is ImageTransferStatus.VERIFICATION_SUCCESSFUL

    def test_an_unknown_code_stays_a_number(self, image_transfer: ImageTransfer) -> None:
        status = image_transfer.image_transfer_status.decode(bytes.fromhex("1609"))
        assert status == 9
        assert not isinstance(status, ImageTransferStatus)

    def test_takes_the_liberties_that_meters_take(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer.image_transfer_enabled.decode(bytes.fromhex("03FF")) is True

    def test_refuses_an_answer_of_another_type(self, image_transfer: ImageTransfer) -> None:
        with pytest.raises(DecodeError):
            image_transfer.image_block_size.decode(bytes.fromhex("120100"))

    def test_is_named_by_object_and_row(self, image_transfer: ImageTransfer) -> None:
        reference = image_transfer.image_block_size
        assert reference == ImageTransfer("0.0.44.0.0.255").image_block_size
        assert len({reference, ImageTransfer(IMAGE_TRANSFER).image_block_size}) == 1
        assert reference != image_transfer.image_transfer_status
        assert reference != ImageTransfer("0-1:44.0.0.255").image_block_size
        assert repr(reference) == 'ImageTransfer("0-0:44.0.0.255").image_block_size'


class TestMethodCall:
    def test_several_arguments_are_a_structure(self, image_transfer: ImageTransfer) -> None:
        request = image_transfer.image_transfer_initiate(b"MCS102", 100_000).request
        assert (request.class_id, request.logical_name, request.method_id) == (18, IMAGE_TRANSFER, 1)
        assert request.parameter == bytes.fromhex("020209064D435331303206000186A0")
        assert request.confirmed

    def test_arguments_have_names(self, image_transfer: ImageTransfer) -> None:
        named = image_transfer.image_transfer_initiate(image_size=100_000, image_identifier=b"MCS102")
        assert named.request.parameter == bytes.fromhex("020209064D435331303206000186A0")

    def test_no_argument_is_integer_zero(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer.image_verify().request.parameter == bytes.fromhex("0F00")
        assert image_transfer.image_activate().request.parameter == bytes.fromhex("0F00")

    def test_wrong_arguments_are_refused(self, image_transfer: ImageTransfer) -> None:
        with pytest.raises(TypeError):
            image_transfer.image_verify(0)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            image_transfer.image_block_transfer(0)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            image_transfer.image_block_transfer("0", b"")  # type: ignore[arg-type]
        with pytest.raises(OverflowError):
            image_transfer.image_block_transfer(-1, b"")

    def test_an_image_block_goes_as_it_is(self, image_transfer: ImageTransfer) -> None:
        block = ImageBlocks(bytes(range(16)), 16)[0]
        request = image_transfer.image_block_transfer.encoded(block).request
        assert request.parameter is block
        assert block.encode() == image_transfer.image_block_transfer(0, bytes(range(16))).request.parameter

    def test_octets_go_as_they_are(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer.image_block_transfer.encoded(b"\x00").request.parameter == b"\x00"

    def test_an_unconfirmed_call_differs_in_nothing_else(self, image_transfer: ImageTransfer) -> None:
        confirmed = image_transfer.image_block_transfer(0, b"block")
        unconfirmed = confirmed.unconfirmed()
        assert not unconfirmed.request.confirmed
        assert unconfirmed.request.parameter == confirmed.request.parameter
        assert unconfirmed.request.method_id == confirmed.request.method_id
        assert confirmed.request.confirmed
        encoded = image_transfer.image_block_transfer.encoded(b"\x00", confirmed=False)
        assert not encoded.request.confirmed

    def test_return_parameters_are_decoded(self, registry: object) -> None:
        class Echo(InterfaceClass, class_id=8191, version=0):
            @method(1, octet_string, returns=octet_string)
            def echo(self, data: bytes) -> bytes:
                raise AssertionError("a declaration is never called")

        call = Echo("0-0:1.0.0.255").echo(b"\x01")
        assert call.decode(bytes.fromhex("09020102")) == b"\x01\x02"
        with pytest.raises(RemoteProtocolError, match="without its return parameters"):
            call.decode(None)
        with pytest.raises(DecodeError):
            call.decode(bytes.fromhex("1101"))

    @pytest.mark.parametrize("data", [None, b"\x00"])
    def test_what_comes_back_from_a_method_without_is_ignored(
        self, image_transfer: ImageTransfer, data: bytes | None
    ) -> None:
        call = image_transfer.image_verify()
        assert call.decode(data) is None

    def test_is_named_by_object_and_row(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer.image_verify == ImageTransfer(LogicalName(IMAGE_TRANSFER)).image_verify
        assert len({image_transfer.image_verify, image_transfer.image_verify}) == 1
        assert image_transfer.image_verify != image_transfer.image_activate
        assert repr(image_transfer.image_verify) == 'ImageTransfer("0-0:44.0.0.255").image_verify'
        assert repr(image_transfer.image_verify()) == 'ImageTransfer("0-0:44.0.0.255").image_verify(...)'


class TestObject:
    def test_takes_every_form_of_a_logical_name(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer == ImageTransfer("0.0.44.0.0.255") == ImageTransfer(LogicalName(IMAGE_TRANSFER))
        assert image_transfer.instance_id == LogicalName("0-0:44.0.0.255")
        assert len({image_transfer, ImageTransfer(IMAGE_TRANSFER)}) == 1

    def test_is_not_an_object_of_another_class_or_name(self, image_transfer: ImageTransfer) -> None:
        assert image_transfer != ProfileGeneric("0-0:44.0.0.255")
        assert image_transfer != ImageTransfer("0-0:44.0.1.255")

    def test_refuses_what_is_no_logical_name(self) -> None:
        with pytest.raises(ValueError, match="logical name"):
            ImageTransfer("0-0:44.0.0")


# What a class body may not say: the sentence, the class keywords and the body, the message.
FORBIDDEN: dict[str, tuple[dict[str, int], dict[str, Callable[[], object]], str]] = {
    "a class_id without a version": ({"class_id": 8191}, {}, "come together"),
    "a version without a class_id": ({"version": 0}, {}, "come together"),
    "a class_id of more than two octets": ({"class_id": 0x1_0000, "version": 0}, {}, "out of range"),
    "a version of more than one octet": ({"class_id": 8191, "version": 256}, {}, "out of range"),
    "a pair that is another class": ({"class_id": 18, "version": 0}, {}, "is ImageTransfer"),
    "attribute id 0": ({}, {"value": lambda: attribute(0, unsigned)}, "0 is not an id"),
    "an id of two octets": ({}, {"value": lambda: attribute(128, unsigned)}, "128 is not an id"),
    "attribute 1 again": ({}, {"value": lambda: attribute(1, unsigned)}, "the id 1 stands twice"),
    "the same attribute id twice": (
        {},
        {"a": lambda: attribute(2, unsigned), "b": lambda: attribute(2, unsigned)},
        "b: the id 2 stands twice",
    ),
    "the same method id twice": (
        {},
        {"a": lambda: method(1)(_declaration("a")), "b": lambda: method(1)(_declaration("b"))},
        "b: the id 1 stands twice",
    ),
    "logical_name again": ({}, {"logical_name": lambda: attribute(2, unsigned)}, "the name is taken"),
    "a name that hides the table": ({}, {"attributes": lambda: attribute(2, unsigned)}, "the name is taken"),
    "a name that hides the class_id": ({}, {"class_id": lambda: attribute(2, unsigned)}, "the name is taken"),
    "a name that hides the instance": (
        {},
        {"instance_id": lambda: attribute(2, unsigned)},
        "the name is taken",
    ),
    "a public name that is no row": ({}, {"value": lambda: 5}, "value is not a row"),
    "a method that is not decorated": ({}, {"reset": lambda: _declaration("reset")}, "reset is not a row"),
    "a method under another name": ({}, {"b": lambda: method(1)(_declaration("a"))}, "b is the row a"),
}


def _declaration(name: str) -> Callable[[object], None]:
    def declaration(self: object) -> None: ...

    declaration.__name__ = name
    return declaration


@pytest.mark.parametrize("sentence", FORBIDDEN)
def test_a_class_body_may_not_have(sentence: str, registry: dict[object, object]) -> None:
    keywords, body, message = FORBIDDEN[sentence]
    before = dict(registry)
    with pytest.raises(TypeError, match=message):
        type("Forbidden", (InterfaceClass,), {name: make() for name, make in body.items()}, **keywords)
    assert registry == before


def test_a_name_may_not_be_redefined_below(registry: object) -> None:
    class Rows(InterfaceClass):
        value = attribute(2, unsigned)

    with pytest.raises(TypeError, match="the name is taken"):
        type("Below", (Rows,), {"value": attribute(3, unsigned)})


def test_a_declaration_and_its_parameter_type_belong_together() -> None:
    with pytest.raises(TypeError, match="come together"):

        @method(1)
        def with_parameters_but_no_type(self: object, value: int) -> None: ...

    with pytest.raises(TypeError, match="come together"):

        @method(1, unsigned)
        def with_a_type_but_no_parameters(self: object) -> None: ...

    with pytest.raises(TypeError, match="no default"):

        @method(1, structure(unsigned, unsigned))
        def with_a_default(self: object, first: int, second: int = 0) -> None: ...
