"""`gurux-dlms` as a referee of the differential tests: octets to and from its XML, or to and from abstract
values by its classes. The abstract values are described in `tests/differential`. What it cannot say has no
entry here."""

import struct
import xml.etree.ElementTree as ElementTree
from datetime import datetime

import fixed_keys
import gurux_general
import gurux_links
import referee
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms._GXAPDU import _GXAPDU
from gurux_dlms.ecdsa import GXEcdsa, GXPrivateKey
from gurux_dlms.enums import Authentication, Command, Conformance, DataType, InterfaceType, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDateTime import GXDateTime
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSExceptionResponse import GXDLMSExceptionResponse
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXDLMSTranslator import GXDLMSTranslator
from gurux_dlms.GXSecure import GXSecure
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

_TYPES = {
    "null-data": DataType.NONE,
    "array": DataType.ARRAY,
    "structure": DataType.STRUCTURE,
    "boolean": DataType.BOOLEAN,
    "bit-string": DataType.BITSTRING,
    "double-long": DataType.INT32,
    "double-long-unsigned": DataType.UINT32,
    "octet-string": DataType.OCTET_STRING,
    "visible-string": DataType.STRING,
    "utf8-string": DataType.STRING_UTF8,
    "bcd": DataType.BCD,
    "integer": DataType.INT8,
    "long": DataType.INT16,
    "unsigned": DataType.UINT8,
    "long-unsigned": DataType.UINT16,
    "long64": DataType.INT64,
    "long64-unsigned": DataType.UINT64,
    "enum": DataType.ENUM,
    "float32": DataType.FLOAT32,
    "float64": DataType.FLOAT64,
    "date-time": DataType.DATETIME,
    "date": DataType.DATE,
    "time": DataType.TIME,
}
_FLOATS = {"float32": ">f", "float64": ">d"}
_TIMES = ("date-time", "date", "time")


def _buffer(octets):
    return GXByteBuffer(bytearray(octets))


def _octets(buffer):
    return bytes(buffer.array()) if isinstance(buffer, GXByteBuffer) else bytes(buffer)


# --- XML ----------------------------------------------------------------------------------------------------


def _translator():
    translator = GXDLMSTranslator()
    translator.comments = False
    return translator


_TRANSLATOR = _translator()


def _tree(element):
    return [element.tag, dict(element.attrib), [_tree(child) for child in element]]


def _element(tree):
    tag, attributes, children = tree
    element = ElementTree.Element(tag, attributes)
    element.extend(_element(child) for child in children)
    return element


def _read_pdu(octets):
    return _tree(ElementTree.fromstring(_TRANSLATOR.pduToXml(octets)))


def _write_pdu(tree):
    return _octets(_TRANSLATOR.xmlToPdu(ElementTree.tostring(_element(tree), "unicode"))).hex()


def _read_data(octets):
    return _tree(ElementTree.fromstring(_TRANSLATOR.dataToXml(_buffer(bytes.fromhex(octets)))))


# --- Data ---------------------------------------------------------------------------------------------------


def _settings(server=False):
    settings = GXDLMSSettings(server, None)
    settings.cipher = GXCiphering(bytearray(b"ABCDEFGH"))
    settings.interfaceType = InterfaceType.PDU
    return settings


_SETTINGS = _settings()


def _value(name, octets):
    """A value of this type, read by the referee from the octets after the tag."""
    info = _GXDataInfo()
    info.type_ = _TYPES[name]
    return _GXCommon.getData(_SETTINGS, _buffer(octets), info)


def _append(buffer, value):
    name, content = value
    if name in ("array", "structure"):
        buffer.setUInt8(_TYPES[name])
        _GXCommon.setObjectCount(len(content), buffer)
        for member in content:
            _append(buffer, member)
        return
    if name == "octet-string":
        content = bytearray.fromhex(content)
    elif name in _FLOATS:
        (content,) = struct.unpack(_FLOATS[name], bytes.fromhex(content))
    elif name in _TIMES:
        content = _value(name, bytes.fromhex(content))
    _GXCommon.setData(_SETTINGS, buffer, _TYPES[name], content)


def _to_data(value):
    buffer = GXByteBuffer()
    _append(buffer, value)
    return buffer


def _write_data(value):
    return _octets(_to_data(value)).hex()


def _write_length(length):
    buffer = GXByteBuffer()
    _GXCommon.setObjectCount(length, buffer)
    return _octets(buffer).hex()


def _read_length(octets):
    buffer = _buffer(bytes.fromhex(octets))
    length = _GXCommon.getObjectCount(buffer)
    assert buffer.position == len(buffer)
    return length


def _read_time(name):
    def read(octets):
        buffer = GXByteBuffer()
        _GXCommon.setData(_SETTINGS, buffer, _TYPES[name], _value(name, bytes.fromhex(octets)[1:]))
        return [name, _octets(buffer)[1:].hex()]

    return read


def _read_moment(octets):
    it = _value("date-time", bytes.fromhex(octets))
    return {"time": it.value.isoformat(), "status": int(it.status)}


def _write_moment(value):
    it = GXDateTime(datetime.fromisoformat(value["time"]))
    it.status = value["status"]
    buffer = GXByteBuffer()
    _GXCommon.setData(_SETTINGS, buffer, DataType.DATETIME, it)
    return _octets(buffer)[1:].hex()


# --- Services that the translator does not write -----------------------------------------------------------


def _written(command, kind, value, descriptor=None, data=None, time=None):
    parameters = GXDLMSLNParameters(_settings(), value["invoke"], command, kind, descriptor, data, 0xFF)
    parameters.time = time
    reply = GXByteBuffer()
    GXDLMS.getLNPdu(parameters, reply)
    return _octets(reply).hex()


def _attribute(buffer, it):
    class_id, name, number = it
    buffer.setUInt16(class_id)
    buffer.set(bytes.fromhex(name))
    buffer.setUInt8(number)


def _read_exception_response(octets):
    reply = GXReplyData()
    reply.data = _buffer(bytes.fromhex(octets))
    try:
        GXDLMS.getPdu(_SETTINGS, reply)
    except GXDLMSExceptionResponse as it:
        return {
            "state": int(it.exceptionStateError),
            "service": int(it.exceptionServiceError),
            "counter": it.serviceErrorValue,
        }
    raise AssertionError("no exception")


def _write_data_notification(value):
    time = value["time"] and _value("date-time", bytes.fromhex(value["time"]))
    return _written(Command.DATA_NOTIFICATION, 0, value, data=_to_data(value["data"]), time=time or None)


def _write_event_notification(value):
    descriptor = GXByteBuffer()
    _attribute(descriptor, value["attribute"])
    time = value["time"] and _value("date-time", bytes.fromhex(value["time"]))
    return _written(
        Command.EVENT_NOTIFICATION, 0, {"invoke": 0}, descriptor, _to_data(value["data"]), time or None
    )


# --- Associations -------------------------------------------------------------------------------------------


def _association(value, server):
    settings = _settings(server)
    if "context" in value:
        settings.setUseLogicalNameReferencing(value["context"] in (1, 3))
        settings.authentication = Authentication(value["mechanism"] or 0)
        secret = bytearray.fromhex(value["value"] or "")
        settings.password = secret
        settings.ctoSChallenge = settings.stoCChallenge = secret
        settings.cipher.systemTitle = bytearray.fromhex(value["title"] or "00" * 8)
        if value.get("user") is not None:
            settings.userId = value["user"]
    initiate = value.get("initiate", value)
    if initiate is not None:
        conformance = Conformance(_swapped(initiate["conformance"]))
        settings.proposedConformance = settings.negotiatedConformance = conformance
        settings.maxPduSize = initiate["size"]
        if initiate.get("dedicated_key"):
            settings.cipher.security = Security.AUTHENTICATION_ENCRYPTION
            settings.cipher.dedicatedKey = bytearray.fromhex(initiate["dedicated_key"])
    return settings


def _swapped(number):
    """Conformance has its bit 0 at the other end here."""
    return int(f"{number:024b}"[::-1], 2)


def _write_initiate_request(value):
    buffer = GXByteBuffer()
    _GXAPDU.getInitiateRequest(_association(value, False), buffer)
    return _octets(buffer).hex()


def _write_initiate_response(value):
    settings = _association(value, True)
    settings.setUseLogicalNameReferencing(value["vaa_name"] == 7)
    return bytes(_GXAPDU.getUserInformation(settings, None)).hex()


def _write_aarq(value):
    settings, buffer = _association(value, False), GXByteBuffer()
    _GXAPDU.generateAarq(settings, settings.cipher, None, buffer)
    return _octets(buffer).hex()


def _read_association(octets, server):
    settings = _settings(server)
    settings.maxServerPDUSize = 0xFFFF
    # It takes only the contexts that it was told to.
    settings.setUseLogicalNameReferencing(b"\x60\x85\x74\x05\x08\x01\x02" not in octets)
    settings.proposedConformance = Conformance(0xFF_FFFF)
    diagnostic = _GXAPDU.parsePDU(settings, settings.cipher, _buffer(octets), None)
    mechanism = int(settings.authentication)
    secret = (
        settings.password if mechanism == 1 else settings.ctoSChallenge if server else settings.stoCChallenge
    )
    title = settings.sourceSystemTitle
    return (
        settings,
        {
            "context": 1 if settings.getUseLogicalNameReferencing() else 2,
            "mechanism": mechanism or None,
            "value": None if secret is None else bytes(secret).hex(),
            "title": None if title is None else bytes(title).hex(),
            "initiate": {
                "conformance": _swapped(int(settings.negotiatedConformance)),
                "size": settings.maxPduSize,
            },
        },
        diagnostic,
    )


def _read_aarq(octets):
    settings, value, _ = _read_association(bytes.fromhex(octets), True)
    value["user"] = None if settings.userId == -1 else settings.userId
    value["initiate"] |= {"dedicated_key": None, "response_allowed": True}
    return value


# --- Security -----------------------------------------------------------------------------------------------


def _sealer(general, keys=fixed_keys.ENCRYPTION_KEYS):
    dedicated = keys is fixed_keys.DEDICATED_KEYS
    message = GXDLMS.getDedMessage if dedicated else GXDLMS.getGloMessage
    general_tag = Command.GENERAL_DED_CIPHERING if dedicated else Command.GENERAL_GLO_CIPHERING

    def seal(value):
        apdu = bytearray.fromhex(value["apdu"])
        tag = general_tag if general else message(Command(apdu[0]))
        it = gurux_general.parameters(value, tag, keys)
        it.security = Security(value["protection"])
        return bytes(GXCiphering.encrypt(it, apdu)).hex()

    return seal


def _opener(general, keys=fixed_keys.ENCRYPTION_KEYS):
    def unseal(octets):
        octets = bytearray.fromhex(octets)
        start = 2 + len(fixed_keys.TITLE) if general else 1
        start += 1 if octets[start] < 0x80 else 1 + (octets[start] & 0x7F)
        it = gurux_general.parameters({"suite": octets[start] & 3, "counter": 0}, 0, keys)
        return gurux_general.opened(it, octets)

    return unseal


def _gmac(suite, counter, challenge):
    settings = _settings()
    settings.authentication = Authentication.HIGH_GMAC
    settings.cipher.blockCipherKey = bytearray(fixed_keys.ENCRYPTION_KEYS[suite])
    settings.cipher.authenticationKey = bytearray(fixed_keys.AUTHENTICATION_KEYS[suite])
    settings.cipher.securitySuite = SecuritySuite(suite)
    return bytes(GXSecure.secure(settings, settings.cipher, counter, challenge, bytearray(fixed_keys.TITLE)))


def _write_gmac(value):
    proof = _gmac(value["suite"], value["counter"], bytearray.fromhex(value["challenge"]))
    return [proof.hex(), value["challenge"]]


def _read_gmac(octets):
    proof, challenge = map(bytearray.fromhex, octets)
    suite, counter = proof[0] & 15, int.from_bytes(proof[1:5], "big")
    assert _gmac(suite, counter, challenge) == proof
    return {"suite": suite, "counter": counter, "challenge": challenge.hex()}


def _write_key_wrap(value):
    kek = bytearray(fixed_keys.KEY_ENCRYPTING_KEYS[value["suite"]])
    wrapped = GXDLMSSecureClient.encrypt(kek, bytearray.fromhex(value["key"]))
    return [bytes([value["suite"]]).hex(), bytes(wrapped).hex()]


def _own(suite):
    return GXPrivateKey.fromRawBytes(bytearray(fixed_keys.SCALARS[suite]))


def _write_signature(value):
    signature = GXEcdsa(_own(value["suite"])).sign(bytearray.fromhex(value["data"]))
    return [bytes([value["suite"]]).hex(), bytes(signature).hex(), value["data"]]


def _read_signature(octets):
    (suite,), signature, data = map(bytearray.fromhex, octets)
    assert GXEcdsa(_own(suite).getPublicKey()).verify(signature, data)
    return {"suite": suite, "data": data.hex()}


def main() -> None:
    """Run as a process of its own."""
    operations = {
        ("encode", kind): _write_data for kind in (*_TYPES, "data") if kind not in ("array", "structure")
    }
    operations |= {("decode", kind): _read_data for _, kind in operations}
    operations |= {("decode", kind): _read_time(kind) for kind in _TIMES}
    operations |= {("decode", kind): _read_pdu for kind in _READ}
    operations |= {("encode", kind): _write_pdu for kind in _WRITTEN}
    operations |= {
        ("encode", "length"): _write_length,
        ("decode", "length"): _read_length,
        ("encode", "moment"): _write_moment,
        ("decode", "moment"): _read_moment,
        ("encode", "data-notification"): _write_data_notification,
        ("encode", "event-notification"): _write_event_notification,
        ("encode", "initiate-request"): _write_initiate_request,
        ("encode", "initiate-response"): _write_initiate_response,
        ("encode", "aarq"): _write_aarq,
        ("decode", "aarq"): _read_aarq,
        ("encode", "glo"): _sealer(False),
        ("decode", "glo"): _opener(False),
        ("encode", "general-glo"): _sealer(True),
        ("decode", "general-glo"): _opener(True),
        ("encode", "ded"): _sealer(False, fixed_keys.DEDICATED_KEYS),
        ("decode", "ded"): _opener(False, fixed_keys.DEDICATED_KEYS),
        ("encode", "general-ded"): _sealer(True, fixed_keys.DEDICATED_KEYS),
        ("decode", "general-ded"): _opener(True, fixed_keys.DEDICATED_KEYS),
        ("encode", "gmac"): _write_gmac,
        ("decode", "gmac"): _read_gmac,
        ("encode", "key-wrap"): _write_key_wrap,
        ("encode", "signature"): _write_signature,
        ("decode", "signature"): _read_signature,
        ("decode", "exception-response"): _read_exception_response,
    }
    referee.serve(operations | gurux_links.OPERATIONS | gurux_general.OPERATIONS)


_READ = (
    "get-request",
    "get-request-list",
    "get-response",
    "get-response-error",
    "get-response-list",
    "set-request",
    "set-request-list",
    "set-response",
    "set-response-list",
    "action-request",
    "action-response",
    "exception-response",
    "confirmed-service-error",
    "data-notification",
    "event-notification",
    "initiate-request",
    "initiate-response",
    "access-request",
    "access-response",
    "read-request",
    "read-response",
    "write-request",
    "write-response",
    "information-report",
    "rlrq",
    "rlre",
)
_WRITTEN = (
    "get-request",
    "get-response",
    "get-response-error",
    "set-request",
    "set-request-list",
    "set-response",
    "action-request",
    "action-response",
    "exception-response",
    "access-request",
    "read-request",
    "read-response",
    "write-response",
    "information-report",
)

if __name__ == "__main__":
    main()
