"""What `gurux-dlms` has of the general forms: blocks, ciphering, and compact arrays. Abstract values to
octets and back, by its functions."""

import xml.etree.ElementTree as ElementTree

import fixed_keys
from gurux_dlms import GXByteBuffer
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.CountType import CountType
from gurux_dlms.enums import Command, Conformance, InterfaceType, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXDLMSTranslator import GXDLMSTranslator
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects.enums import SecuritySuite

_TAG_LENGTH = 12


def _translator():
    translator = GXDLMSTranslator()
    translator.comments = False
    return translator


_TRANSLATOR = _translator()


def _settings(server=False):
    settings = GXDLMSSettings(server, None)
    settings.cipher = GXCiphering(bytearray(fixed_keys.TITLE))
    settings.interfaceType = InterfaceType.PDU
    return settings


# --- Ciphering ----------------------------------------------------------------------------------------------


def parameters(value, tag, keys=fixed_keys.ENCRYPTION_KEYS):
    """What its ciphering wants to know."""
    suite = value["suite"]
    it = AesGcmParameter(
        tag,
        bytearray(fixed_keys.TITLE),
        bytearray(keys[suite]),
        bytearray(fixed_keys.AUTHENTICATION_KEYS[suite]),
    )
    it.securitySuite = SecuritySuite(suite)
    it.invocationCounter = value["counter"]
    return it


def opened(it, octets):
    """The abstract value of a ciphered APDU."""
    apdu = bytes(GXCiphering.decrypt(_settings(), it, GXByteBuffer(octets)))
    return {
        "suite": int(it.securitySuite),
        "protection": int(it.security),
        "counter": it.invocationCounter,
        "apdu": apdu.hex(),
    }


def _header(counter):
    """The fields in front of the content; its own writer has none for them. It takes the invocation counter
    for the transaction id."""
    header = GXByteBuffer()
    for field in (counter.to_bytes(8, "big"), fixed_keys.TITLE, fixed_keys.READER, b"", b""):
        _GXCommon.setObjectCount(len(field), header)
        header.set(field)
    header.setUInt8(0)
    return bytes(header.array())


def _write_general_ciphering(value):
    it = parameters(value, Command.GENERAL_CIPHERING)
    it.security, it.recipientSystemTitle = Security(value["protection"]), bytearray(fixed_keys.READER)
    sealed = bytes(GXCiphering.encrypt(it, bytearray.fromhex(value["apdu"])))
    return (sealed[:1] + _header(value["counter"]) + sealed[1:]).hex()


def _read_general_ciphering(octets):
    octets = bytearray.fromhex(octets)
    counter = int.from_bytes(octets[2:10], "big")
    header = _header(counter)
    assert octets[1 : 1 + len(header)] == header
    content = octets[1 + len(header) :]
    start = 1 if content[0] < 0x80 else 1 + (content[0] & 0x7F)
    it = parameters({"suite": content[start] & 3, "counter": counter}, 0)
    it.recipientSystemTitle = bytearray(fixed_keys.READER)
    value = opened(it, bytearray([Command.GLO_GET_REQUEST]) + content)
    # It does not compare the tag where both apply: seal what was opened once more.
    if it.security == Security.AUTHENTICATION_ENCRYPTION:
        it.type_ = CountType.TAG
        tag = bytes(GXCiphering.encrypt(it, bytearray.fromhex(value["apdu"])))
        assert tag == bytes(content[-_TAG_LENGTH:])
    return value


# --- General blocks -----------------------------------------------------------------------------------------


def _write_blocks(value):
    settings = _settings(True)
    settings.maxPduSize = value["size"]
    settings.negotiatedConformance = Conformance.GENERAL_BLOCK_TRANSFER | Conformance.GET
    apdu = bytearray.fromhex(value["apdu"])
    # Of a GET response: the tag, its form and the invoke id are written from the parameters, and the result.
    it = GXDLMSLNParameters(
        settings, apdu[2], Command(apdu[0]), apdu[1], None, GXByteBuffer(apdu[4:]), apdu[3]
    )
    it.gbtWindowSize, it.streaming = value["window"], True
    blocks = [bytes(block) for block in GXDLMS.getLnMessages(it)]
    # Nothing has come that could be acknowledged; from the third block on it acknowledges block 65535.
    return [(block[:4] + bytes(2) + block[6:]).hex() for block in blocks]


def _fields(block):
    """Of one block, as its translator reads it."""
    root = ElementTree.fromstring(_TRANSLATOR.pduToXml(block))
    assert root.tag == "GeneralBlockTransfer"
    control, number, _, data = (child.attrib["Value"] for child in root)
    return int(control, 16), int(number, 16), data


def _read_blocks(blocks):
    fields = [_fields(block) for block in blocks]
    assert [number for _, number, _ in fields] == list(range(1, len(fields) + 1))
    assert [control >> 7 for control, _, _ in fields] == [0] * (len(fields) - 1) + [1]
    windows = {control & 0x3F for control, _, _ in fields}
    return {
        "apdu": "".join(data for *_, data in fields).lower(),
        "window": windows.pop() if len(windows) == 1 else windows,
        "size": max(len(block) // 2 for block in blocks),
    }


# --- Compact arrays -----------------------------------------------------------------------------------------


def _plain(value):
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, bytearray):
        return bytes(value).hex()
    return value


def _read_compact_array(octets):
    info = _GXDataInfo()
    return {"rows": _plain(_GXCommon.getData(_settings(), GXByteBuffer(bytearray.fromhex(octets)), info))}


OPERATIONS = {
    ("encode", "general-ciphering"): _write_general_ciphering,
    ("decode", "general-ciphering"): _read_general_ciphering,
    ("encode", "general-blocks"): _write_blocks,
    ("decode", "general-blocks"): _read_blocks,
    ("decode", "compact-array"): _read_compact_array,
}
