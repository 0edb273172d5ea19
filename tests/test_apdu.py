"""The APDU classes of the extension: what they hold, what they refuse, and what stays hidden."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import _core, errors

IMAGE_TRANSFER = bytes.fromhex("00002C0000FF")
TITLE = bytes.fromhex("4D4D4D0000BC614E")
APPLICATION_CONTEXT = "A109060760857405080101"
USER_INFORMATION = "BE10040E01000000065F1F0400007E1F04B0"
AARQ = bytes.fromhex("601D" + APPLICATION_CONTEXT + USER_INFORMATION)
AARE = bytes.fromhex(
    "6129" + APPLICATION_CONTEXT + "A203020100A305A103020100BE10040E0800065F1F040000501F01F40007"
)

#: One object of each class, and its encoding.
SAMPLES: dict[str, tuple[_core.Apdu, str]] = {
    "client": (_core.GetRequest(18, IMAGE_TRANSFER, 2), "C001C1001200002C0000FF0200"),
    "selection": (
        _core.GetRequest(7, bytes.fromhex("0100630100FF"), 2, (2, b"\x02\x00"), invoke_id_and_priority=0x47),
        "C0014700070100630100FF0201020200",
    ),
    "set": (_core.SetRequest(18, IMAGE_TRANSFER, 5, b"\x03\x01"), "C101C1001200002C0000FF05000301"),
    "set unconfirmed": (
        _core.SetRequest(18, IMAGE_TRANSFER, 5, b"\x03\x01", confirmed=False),
        "C10181001200002C0000FF05000301",
    ),
    "action": (_core.ActionRequest(18, IMAGE_TRANSFER, 3, b"\x0f\x00"), "C301C1001200002C0000FF03010F00"),
    "action without parameter": (_core.ActionRequest(18, IMAGE_TRANSFER, 3), "C301C1001200002C0000FF0300"),
    "manufacturer's method": (_core.ActionRequest(18, IMAGE_TRANSFER, -1), "C301C1001200002C0000FFFF00"),
    "get list": (
        _core.RequestList([_core.GetRequest(18, IMAGE_TRANSFER, 2), _core.GetRequest(18, IMAGE_TRANSFER, 6)]),
        "C003C102001200002C0000FF0200001200002C0000FF0600",
    ),
    "set list": (
        _core.RequestList([_core.SetRequest(18, IMAGE_TRANSFER, 5, b"\x03\x01")]),
        "C104C101001200002C0000FF0500010301",
    ),
    "action list": (
        _core.RequestList(
            [
                _core.ActionRequest(18, IMAGE_TRANSFER, 3, b"\x0f\x00"),
                _core.ActionRequest(18, IMAGE_TRANSFER, 4),
            ]
        ),
        "C303C102001200002C0000FF03001200002C0000FF04020F0000",
    ),
    "get response": (_core.GetResponse(0, b"\x16\x01"), "C401C1001601"),
    "get refused": (_core.GetResponse(250, invoke_id_and_priority=0x42), "C4014201FA"),
    "set response": (_core.SetResponse(0), "C501C100"),
    "action response": (_core.ActionResponse(0), "C701C10000"),
    "action returns": (_core.ActionResponse(0, b"\x09\x01\xff"), "C701C10001000901FF"),
    "action returns success": (_core.ActionResponse(0, data_result=0), "C701C100010100"),
    "get answers": (
        _core.ResponseList([_core.GetResponse(0, b"\x00"), _core.GetResponse(3)]),
        "C403C10200000103",
    ),
    "set answers": (_core.ResponseList([_core.SetResponse(0), _core.SetResponse(3)]), "C505C1020003"),
    "action answers": (_core.ResponseList([_core.ActionResponse(12)]), "C703C1010C00"),
    "access": (
        _core.AccessRequest(
            [
                _core.GetRequest(18, IMAGE_TRANSFER, 2),
                _core.SetRequest(18, IMAGE_TRANSFER, 5, b"\x03\x01"),
                _core.ActionRequest(18, IMAGE_TRANSFER, 3, b"\x0f\x00"),
                _core.GetRequest(7, bytes.fromhex("0100630100FF"), 2, (2, b"\x02\x00")),
                _core.SetRequest(7, bytes.fromhex("0100630100FF"), 2, b"\x11\x01", (1, b"\x00")),
                _core.ActionRequest(18, IMAGE_TRANSFER, 4),
            ],
            break_on_error=True,
        ),
        "D9E00000010006"
        "01001200002C0000FF02"
        "02001200002C0000FF05"
        "03001200002C0000FF03"
        "0400070100630100FF02020200"
        "0500070100630100FF020100"
        "03001200002C0000FF04"
        "06000301" + "0F00" + "00" + "1101" + "00",
    ),
    "access unconfirmed with time": (
        _core.AccessRequest(
            [_core.GetRequest(18, IMAGE_TRANSFER, 2)],
            date_time=bytes.fromhex("07E90C1803021E00008000FF"),
            long_invoke_id_and_priority=0x12345678,
        ),
        "D9123456780C07E90C1803021E00008000FF0101001200002C0000FF020100",
    ),
    "access answers": (
        _core.AccessResponse(
            [
                _core.GetResponse(0, b"\x16\x01"),
                _core.GetResponse(4),
                _core.SetResponse(3),
                _core.ActionResponse(0, b"\x09\x01\xff"),
                _core.ActionResponse(250),
            ],
            long_invoke_id_and_priority=0xC0000007,
        ),
        "DAC00000070000051601000009" + "01FF00" + "05" + "01000104" + "0203" + "0300" + "03FA",
    ),
    "access answers that repeat": (
        _core.AccessResponse(
            [_core.SetResponse(0)],
            request_items=[_core.SetRequest(18, IMAGE_TRANSFER, 5, b"\x00")],
        ),
        "DA40000001000101" + "02001200002C0000FF05" + "0100" + "010200",
    ),
    "data notification confirm": (_core.DataNotificationConfirm(0xC0000007), "10C000000700"),
    "exception": (_core.ExceptionResponse(1, 2), "D80102"),
    "exception with counter": (_core.ExceptionResponse(1, 6, invocation_counter=256), "D8010600000100"),
    "exception of unknown code": (_core.ExceptionResponse(9, 77), "D8094D"),
    "confirmed service error": (_core.ConfirmedServiceError(1, 6, 2), "0E010602"),
    "data notification": (_core.DataNotification(0x40000001, b"", b"\x00"), "0F400000010000"),
    "data notification with time": (
        _core.DataNotification(1, bytes.fromhex("07E90C1803021E00008000FF"), b"\x00"),
        "0F000000010C07E90C1803021E00008000FF00",
    ),
    "event notification": (
        _core.EventNotification(1, bytes.fromhex("0000600B00FF"), 2, b"\x11\x05"),
        "C20000010000600B00FF021105",
    ),
    "event notification with time": (
        _core.EventNotification(
            1, bytes.fromhex("0000600B00FF"), 2, b"\x00", time=bytes.fromhex("07E90C1803021E00008000FF")
        ),
        "C2010C07E90C1803021E00008000FF00010000600B00FF0200",
    ),
    "read": (_core.ReadRequest([0xFA08]), "050102FA08"),
    "read with parameters": (
        _core.ReadRequest([0x0108, (0x2BC0, 1, b"\x11\x05")]),
        "0502020108042BC0011105",
    ),
    "write": (_core.WriteRequest([0x0158], [b"\x0f\x00"]), "0601020158010F00"),
    "write with parameters": (
        _core.WriteRequest([(0x0108, 1, b"\x00"), 0x0110], [b"\x11\x05", b"\x03\x01"]),
        "060204010801000201100211050301",
    ),
    "write unconfirmed": (
        _core.WriteRequest([0x0140], [b"\x0f\x00"], confirmed=False),
        "1601020140010F00",
    ),
    "read answers": (_core.ReadResponse([b"\x11\x05", 4]), "0C020011050104"),
    "write answers": (_core.WriteResponse([0, 3]), "0D02000103"),
    "information report": (_core.InformationReport([0x0108], [b"\x11\x05"]), "180001020108011105"),
    "information report with time": (
        _core.InformationReport([0x0108], [b"\x00"], current_time=b"20251224023000Z"),
        "18010F32303235313232343032333030305A010201080100",
    ),
    "AARQ": (_core.AssociationRequest(1, bytes.fromhex(USER_INFORMATION[8:])), AARQ.hex()),
    "AARE": (_core.AssociationResponse(1, 0, 0, AARE[-14:]), AARE.hex()),
    "RLRQ": (_core.ReleaseRequest(), "6200"),
    "RLRE": (_core.ReleaseResponse(1, b"\x08"), "6308800101BE03040108"),
}
FROM_CLIENT = ("05", "06", "10", "16", "60", "62", "c0", "c1", "c3", "d9")


def sender(octets: str) -> Literal["client", "server"]:
    return "client" if octets[:2].lower() in FROM_CLIENT else "server"


def decode(octets: str, by: Literal["client", "server"] | None = None) -> _core.Apdu:
    return _core.decode_apdu(bytes.fromhex(octets), by or sender(octets))


def refusal(octets: str, by: Literal["client", "server"] | None = None) -> tuple[str, int]:
    with pytest.raises(errors.DecodeError) as caught:
        decode(octets, by)
    return caught.value.kind, caught.value.offset


@pytest.mark.parametrize(("apdu", "octets"), SAMPLES.values(), ids=SAMPLES)
def test_encode_and_decode(apdu: _core.Apdu, octets: str) -> None:
    assert apdu.encode().hex() == octets.lower()
    decoded = decode(octets)
    assert type(decoded) is type(apdu)
    assert decoded.encode() == apdu.encode()
    again = decode(octets)
    assert decoded == again
    assert hash(decoded) == hash(again)
    assert repr(apdu).startswith(type(apdu).__name__ + "(")


@pytest.mark.fault("C-01")
@pytest.mark.parametrize("octets", [octets for _, octets in SAMPLES.values()], ids=SAMPLES)
def test_cut_at_every_octet(octets: str) -> None:
    for cut in range(0, len(octets), 2):
        if octets[:cut] == "D80106":
            continue  # older meters leave out the counter
        assert refusal(octets[:cut], sender(octets)) == ("truncated", cut // 2)


@pytest.mark.fault("C-02")
@pytest.mark.parametrize("octets", [octets for _, octets in SAMPLES.values()], ids=SAMPLES)
def test_octets_left_over(octets: str) -> None:
    assert refusal(octets + "00") == ("trailing-data", len(octets) // 2)


@pytest.mark.fault("C-16")
def test_unknown_tags_and_wrong_sides() -> None:
    known = {octets[:2].lower() for _, octets in SAMPLES.values()}
    for tag in range(256):
        octets = f"{tag:02x}000000"
        if octets[:2] not in known:
            assert refusal(octets, "client") == ("unexpected-apdu", 0)
            assert refusal(octets, "server") == ("unexpected-apdu", 0)
    for _, octets in SAMPLES.values():
        other: Literal["client", "server"] = "server" if sender(octets) == "client" else "client"
        assert refusal(octets, other) == ("unexpected-apdu", 0)


ACSE_FAULTS = {
    "nothing in it": ("6000", "missing", 0),
    "no application-context-name": ("60048A020780", "missing", 0),
    "application-context-name twice": ("6016" + APPLICATION_CONTEXT * 2, "duplicate", 13),
    "user-information twice": ("6013" + APPLICATION_CONTEXT + "BE020400BE020400", "duplicate", 17),
    "user-information first": ("600FBE020400" + APPLICATION_CONTEXT, "unexpected-tag", 6),
    "name of 6 octets": ("600AA1080606608574050801", "wrong-length", 6),
    "name of 8 octets": ("600CA10A06086085740508010101", "wrong-length", 6),
    "name of another arc": ("600BA109060760857405080201", "value-out-of-range", 6),
    "mechanism-name of 6 octets": ("6013" + APPLICATION_CONTEXT + "8B06608574050802", "wrong-length", 15),
    "length beyond what encloses it": ("600BA1840FFFFFFF0001020304", "length-too-large", 3),
    "length beyond belief": ("600BA184FFFFFFFF0001020304", "length-too-large", 3),
    "outer length beyond belief": ("6084FFFFFFFF", "length-too-large", 1),
    "indefinite length": ("600BA180060760857405080101", "length-form", 3),
    "inner value does not fill its element": ("600CA10A06076085740508010100", "trailing-data", 13),
    "primitive user-information": ("600F" + APPLICATION_CONTEXT + "9E020400", "unexpected-tag", 13),
    "client user id of two octets": ("6011" + APPLICATION_CONTEXT + "A90402020007", "wrong-length", 17),
    "AARE without result": ("610B" + APPLICATION_CONTEXT, "missing", 0),
    "AARE with the diagnostic of nobody": (
        "6117" + APPLICATION_CONTEXT + "A203020100A305A303020100",
        "unknown-tag",
        20,
    ),
    "AARE with a result of two octets": ("6111" + APPLICATION_CONTEXT + "A20402020000", "wrong-length", 17),
    "release reason of no octet": ("62028000", "wrong-length", 4),
}


@pytest.mark.fault("C-17")
@pytest.mark.parametrize(("octets", "kind", "offset"), ACSE_FAULTS.values(), ids=ACSE_FAULTS)
def test_association_apdus_out_of_shape(octets: str, kind: str, offset: int) -> None:
    assert refusal(octets) == (kind, offset)


@pytest.mark.fault("C-17")
def test_user_information_may_be_absent_and_is_then_none() -> None:
    request = _core.AssociationRequest.decode(bytes.fromhex("600B" + APPLICATION_CONTEXT))
    assert request.user_information is None


def test_unknown_optional_elements_are_passed_over() -> None:
    request = _core.AssociationRequest.decode(
        bytes.fromhex("6015" + "80020780" + APPLICATION_CONTEXT + "8D0100B00100")
    )
    assert request.application_context == 1
    assert request.protocol_version == 0x80


def test_a_protocol_version_without_version_1() -> None:
    request = _core.AssociationRequest.decode(bytes.fromhex("600F80020700" + APPLICATION_CONTEXT))
    assert request.protocol_version == 0


@pytest.mark.proves("acse-aarq", "acse-aare")
def test_every_element_of_association_control_is_written_and_read() -> None:
    asked: dict[str, Any] = {
        "mechanism": 2,
        "authentication_value": b"\x04\xf0",
        "authentication_value_choice": 1,
        "acse_requirements": False,
        "protocol_version": 0xC0,
        "called_ap_title": b"called",
        "called_ae_qualifier": b"\x31",
        "called_ap_invocation_id": -70_000,
        "called_ae_invocation_id": 128,
        "calling_ap_title": TITLE,
        "calling_ae_qualifier": b"\x30",
        "calling_ap_invocation_id": 2**31 - 1,
        "client_user_id": 200,
        "implementation_information": b"somebody",
    }
    request = _core.AssociationRequest(4, b"\x21", **asked)
    again = _core.AssociationRequest.decode(request.encode())
    assert again == request
    assert {name: getattr(again, name) for name in asked} == asked
    assert bytes.fromhex("A9030201C8") in request.encode()  # one octet, as DLMS has it
    assert bytes.fromhex("800206C0") in request.encode()
    answered: dict[str, Any] = {
        "diagnostic_source": 2,
        "mechanism": 7,
        "authentication_value": b"\x02\x01\x00",
        "authentication_value_choice": 2,
        "acse_requirements": True,
        "protocol_version": 0x80,
        "responding_ap_title": TITLE,
        "responding_ae_qualifier": b"\x30",
        "responding_ap_invocation_id": 1,
        "responding_ae_invocation_id": -1,
        "implementation_information": b"",
    }
    response = _core.AssociationResponse(1, 2, 2, None, **answered)
    read = _core.AssociationResponse.decode(response.encode())
    assert read == response
    assert {name: getattr(read, name) for name in answered} == answered


@pytest.mark.parametrize(("choice", "value"), [(4, b"x"), (1, b""), (1, b"\x08\x00"), (1, b"\x01")])
def test_authentication_values_that_cannot_be_written(choice: int, value: bytes) -> None:
    with pytest.raises(ValueError, match="authentication_value_choice"):
        _core.AssociationRequest(
            1, None, mechanism=2, authentication_value=value, authentication_value_choice=choice
        )


@pytest.mark.fault("C-18")
@pytest.mark.parametrize(
    "conformance",
    ["5F1F0300007E", "5F1F0500007E1F00", "5F1F0401007E1E", "5F1F00", "5F0300007E"],
)
def test_a_conformance_of_another_bit_count(conformance: str) -> None:
    with pytest.raises(errors.DecodeError) as caught:
        _core.InitiateRequest.decode(bytes.fromhex("0100000006" + conformance + "04B0"))
    assert caught.value.kind == "wrong-length"
    with pytest.raises(errors.DecodeError) as caught:
        _core.InitiateResponse.decode(bytes.fromhex("080006" + conformance + "04B00007"))
    assert caught.value.kind == "wrong-length"


def test_the_old_conformance_tag_is_accepted() -> None:
    response = _core.InitiateResponse.decode(bytes.fromhex("0800065F0400007E1F04B00007"))
    assert response.conformance == 0x007E1F
    assert response.encode() == bytes.fromhex("0800065F1F0400007E1F04B00007")


def test_conformance_has_24_bits() -> None:
    with pytest.raises(ValueError, match="24 bits"):
        _core.InitiateRequest(0x1000000, 0)


@pytest.mark.parametrize(
    ("value", "words"), [(1, "version"), (2, "conformance"), (3, "PDU size"), (4, "VDE"), (0, "other")]
)
def test_a_refused_initiate_is_named(value: int, words: str) -> None:
    with pytest.raises(errors.RemoteProtocolError, match=words) as caught:
        _core.InitiateResponse.decode(bytes([0x0E, 1, 6, value]))
    assert not isinstance(caught.value, errors.DecodeError)


@pytest.mark.fault("C-22")
@pytest.mark.parametrize(
    ("octets", "kind", "offset"),
    [
        ("C104C101001200002C0000FF05000203010301", "wrong-length", 14),
        ("C303C101001200002C0000FF03020F000F00", "wrong-length", 13),
        ("C403C1030000", "truncated", 6),
        ("C403C184FFFFFFFF", "length-too-large", 3),
        ("C003C1840FFFFFFF", "truncated", 8),
    ],
    ids=["values", "parameters", "results", "count beyond belief", "count beyond what is left"],
)
def test_lists_that_do_not_match(octets: str, kind: str, offset: int) -> None:
    assert refusal(octets) == (kind, offset)


def test_success_without_data_is_refused() -> None:
    assert refusal("C401C10100") == ("value-out-of-range", 3)


def test_event_time_without_its_length_octet() -> None:
    event = decode("C20107E90C1803021E00008000FF00010000600B00FF0200")
    assert isinstance(event, _core.EventNotification)
    assert event.time == bytes.fromhex("07E90C1803021E00008000FF")


@pytest.mark.fault("C-10")
def test_sizes_that_are_fixed() -> None:
    with pytest.raises(ValueError, match="6 octets"):
        _core.GetRequest(18, IMAGE_TRANSFER[:5], 2)
    with pytest.raises(ValueError, match="12 octets"):
        _core.DataNotification(1, b"\x07\xe9", b"\x00")
    assert refusal("0F400000010407E90C1800") == ("wrong-length", 5)


@pytest.mark.parametrize("data", [b"", b"\x09\x05abc", b"\x16\x01\x00", b"\x08"])
def test_data_must_be_one_complete_value(data: bytes) -> None:
    with pytest.raises(ValueError, match="A-XDR"):
        _core.SetRequest(18, IMAGE_TRANSFER, 5, data)
    with pytest.raises(ValueError, match="A-XDR"):
        _core.ActionRequest(18, IMAGE_TRANSFER, 2, data)
    with pytest.raises(ValueError, match="A-XDR"):
        _core.GetResponse(0, data)


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="result 0"):
        _core.GetResponse(0)
    with pytest.raises(ValueError, match="result 0"):
        _core.GetResponse(3, b"\x00")
    with pytest.raises(ValueError, match="not both"):
        _core.ActionResponse(0, b"\x00", data_result=3)
    with pytest.raises(ValueError, match="service_error 6"):
        _core.ExceptionResponse(1, 5, invocation_counter=1)
    with pytest.raises(ValueError, match="confirmed"):
        _core.ActionRequest(18, IMAGE_TRANSFER, 2, confirmed=False, invoke_id_and_priority=0xC1)
    with pytest.raises(ValueError, match="at least one"):
        _core.RequestList([])
    with pytest.raises(TypeError, match="one service"):
        _core.RequestList([SAMPLES["client"][0], SAMPLES["set"][0]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="one service"):
        _core.RequestList([_core.GetResponse(3)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="all confirmed"):
        _core.RequestList([SAMPLES["set"][0], SAMPLES["set unconfirmed"][0]])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mechanism"):
        _core.AssociationRequest(1, None, authentication_value=b"secret")
    with pytest.raises(ValueError, match="diagnostic_source"):
        _core.AssociationResponse(1, 0, 0, None, diagnostic_source=3)


def test_the_service_class_is_in_the_octet() -> None:
    unconfirmed = decode("C30101001200002C0000FF0300")
    assert isinstance(unconfirmed, _core.ActionRequest)
    assert not unconfirmed.confirmed
    assert unconfirmed.invoke_id_and_priority == 0x01
    assert not _core.ActionRequest(18, IMAGE_TRANSFER, 3, invoke_id_and_priority=0x01).confirmed


def test_an_image_block_writes_itself() -> None:
    cut = _core.ImageBlocks(bytes(range(40)), 16)
    blocks = [cut[n] for n in range(len(cut))]
    for block in blocks:
        by_reference = _core.ActionRequest(18, IMAGE_TRANSFER, 2, block)
        by_octets = _core.ActionRequest(18, IMAGE_TRANSFER, 2, block.encode())
        assert by_reference.parameter is block
        assert by_reference.encode() == by_octets.encode()
        assert by_reference == by_octets
        assert hash(by_reference) == hash(by_octets)
    assert "<ImageBlock 2 of 8 octets>" in repr(_core.ActionRequest(18, IMAGE_TRANSFER, 2, blocks[2]))
    listed = _core.RequestList([_core.ActionRequest(18, IMAGE_TRANSFER, 2, block) for block in blocks])
    again = _core.decode_apdu(listed.encode(), "client")
    assert isinstance(again, _core.RequestList)
    assert [item.encode() for item in again.items] == [item.encode() for item in listed.items]


def test_octets_are_shared_not_copied() -> None:
    data = b"\x09\x03abc"
    assert _core.SetRequest(18, IMAGE_TRANSFER, 5, data).data is data
    assert _core.GetResponse(0, data).data is data


def test_all_classes_are_frozen_and_unequal_to_others() -> None:
    apdus = [apdu for apdu, _ in SAMPLES.values()]
    for apdu in apdus:
        with pytest.raises(AttributeError):
            apdu.invoke_id_and_priority = 1  # type: ignore[union-attr,misc]
        assert sum(apdu == other for other in apdus) == 1
        assert apdu != object()


SECRET = b"SECRET-0123456789"


@pytest.mark.parametrize(
    "holder",
    [
        _core.InitiateRequest(0x007E1F, 1200, dedicated_key=SECRET),
        _core.AssociationRequest(1, SECRET, mechanism=1, authentication_value=SECRET),
        _core.AssociationResponse(1, 0, 14, SECRET, mechanism=5, authentication_value=SECRET),
        _core.ReleaseRequest(0, SECRET),
        _core.ReleaseResponse(0, SECRET),
        _core.SetRequest(15, IMAGE_TRANSFER, 7, b"\x09\x11" + SECRET),
        _core.ActionRequest(64, IMAGE_TRANSFER, 2, b"\x09\x11" + SECRET),
        _core.GetResponse(0, b"\x09\x11" + SECRET),
        _core.ActionResponse(0, b"\x09\x11" + SECRET),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_repr_shows_a_secret(holder: object) -> None:
    for shown in (repr(holder), str(holder)):
        assert "SECRET" not in shown
        assert SECRET.hex() not in shown.lower()
        assert "83, 69" not in shown
        assert "octets" in shown or "…" in shown


def test_authentication_of_association_apdus() -> None:
    request = _core.AssociationRequest(
        3,
        b"\x21\x00",
        mechanism=5,
        authentication_value=b"K56iVagY",
        calling_ap_title=TITLE,
        client_user_id=7,
    )
    again = _core.AssociationRequest.decode(request.encode())
    assert again == request
    assert (again.mechanism, again.authentication_value) == (5, b"K56iVagY")
    assert (again.calling_ap_title, again.calling_ae_qualifier, again.client_user_id) == (TITLE, None, 7)
    response = _core.AssociationResponse(
        3, 1, 2, None, diagnostic_source=2, responding_ap_title=TITLE, responding_ae_qualifier=b"\x30"
    )
    answered = _core.AssociationResponse.decode(response.encode())
    assert answered == response
    assert (answered.result, answered.diagnostic, answered.diagnostic_source) == (1, 2, 2)
    assert (answered.responding_ap_title, answered.responding_ae_qualifier) == (TITLE, b"\x30")


@given(
    context=st.integers(0, 255),
    mechanism=st.none() | st.integers(0, 255),
    value=st.binary(max_size=300),
    information=st.none() | st.binary(max_size=300),
    title=st.none() | st.binary(max_size=140),
    user=st.none() | st.integers(0, 255),
)
def test_association_requests_survive(
    context: int,
    mechanism: int | None,
    value: bytes,
    information: bytes | None,
    title: bytes | None,
    user: int | None,
) -> None:
    request = _core.AssociationRequest(
        context,
        information,
        mechanism=mechanism,
        authentication_value=None if mechanism is None else value,
        calling_ap_title=title,
        client_user_id=user,
    )
    assert _core.AssociationRequest.decode(request.encode()) == request


def check_stranger(data: bytes, by: Literal["client", "server"]) -> None:
    """Whatever it is: an APDU that survives, or a declared error at a place within it."""
    try:
        apdu = _core.decode_apdu(data, by)
    except errors.DecodeError as error:
        offset = error.offset
    else:
        offset = 0
        assert _core.decode_apdu(apdu.encode(), by) == apdu
    assert 0 <= offset <= len(data)


@given(data=st.binary(max_size=64))
def test_noise(data: bytes) -> None:
    check_stranger(data, "client")
    check_stranger(data, "server")


@given(
    sample=st.sampled_from([octets for _, octets in SAMPLES.values()]),
    position=st.integers(0, 10_000),
    octet=st.integers(0, 255),
)
def test_one_octet_changed(sample: str, position: int, octet: int) -> None:
    data = bytearray.fromhex(sample)
    data[position % len(data)] = octet
    check_stranger(bytes(data), sender(sample))
