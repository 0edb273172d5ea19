"""The wrapper and HDLC frames of `dlms-cosem`: abstract values to octets and back, by its classes."""

from dlms_cosem.hdlc import frames
from dlms_cosem.hdlc.address import HdlcAddress
from dlms_cosem.protocol.wrappers import WrapperHeader, WrapperProtocolDataUnit

_LLC = b"\xe6\xe6\x00"
_LONGEST = 128


def _encode_wrapped(value):
    apdu = bytes.fromhex(value["apdu"])
    header = WrapperHeader(value["client"], value["server"], len(apdu))
    return WrapperProtocolDataUnit(apdu, header).to_bytes().hex()


def _decode_wrapped(octets):
    it = WrapperProtocolDataUnit.from_bytes(bytes.fromhex(octets))
    header = it.wrapper_header
    assert header.version == 1
    return {"client": header.source_wport, "server": header.destination_wport, "apdu": it.data.hex()}


def _encode_client(value):
    upper, lower = value["server"]
    way = {
        "destination_address": HdlcAddress(upper, lower, "server"),
        "source_address": HdlcAddress(value["client"], None, "client"),
    }
    information = _LLC + bytes.fromhex(value["apdu"])
    said = [frames.SetNormalResponseModeFrame(**way)]
    for number, start in enumerate(range(0, len(information), _LONGEST)):
        last = start + _LONGEST >= len(information)
        payload = information[start : start + _LONGEST]
        said.append(
            frames.InformationFrame(
                **way, payload=payload, segmented=not last, send_sequence_number=number % 8
            )
        )
    said.append(frames.DisconnectFrame(**way))
    return [frame.to_bytes().hex() for frame in said]


OPERATIONS = {
    ("encode", "wrapper"): _encode_wrapped,
    ("decode", "wrapper"): _decode_wrapped,
    ("encode", "hdlc-client"): _encode_client,
}
