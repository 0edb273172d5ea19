"""The wrapper and HDLC frames of `gurux-dlms`: abstract values to octets and back, by its functions."""

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Command, InterfaceType, RequestTypes
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSSettings import GXDLMSSettings


def _settings(kind, server):
    settings = GXDLMSSettings(server, None)
    settings.interfaceType = kind
    return settings


def _write_wrapped(value):
    settings = _settings(InterfaceType.WRAPPER, False)
    settings.clientAddress, settings.serverAddress = value["client"], value["server"]
    apdu = GXByteBuffer(bytearray.fromhex(value["apdu"]))
    return bytes(GXDLMS.getWrapperFrame(settings, Command.NONE, apdu)).hex()


def _read_wrapped(octets):
    settings, reply = _settings(InterfaceType.WRAPPER, True), GXReplyData()
    assert GXDLMS.getData(settings, GXByteBuffer(bytearray.fromhex(octets)), reply, None)
    apdu = bytes(reply.data.array()).hex()
    return {"client": settings.clientAddress, "server": settings.serverAddress, "apdu": apdu}


def _write_client(value):
    settings = _settings(InterfaceType.HDLC, False)
    upper, lower = value["server"]
    settings.clientAddress = value["client"]
    settings.serverAddress = upper if lower is None else upper << 7 | lower
    said = [GXDLMS.getHdlcFrame(settings, Command.SNRM, None)]
    data = GXByteBuffer(bytearray.fromhex(value["apdu"]))
    GXDLMS.addLLCBytes(settings, data)
    control = 0
    while data.position != len(data):
        said.append(GXDLMS.getHdlcFrame(settings, control, data))
        control = settings.getNextSend(False)
    said.append(GXDLMS.getHdlcFrame(settings, Command.DISCONNECT_REQUEST, None))
    return [bytes(frame).hex() for frame in said]


def _read_client(frames):
    settings, reply = _settings(InterfaceType.HDLC, True), GXReplyData()
    kinds = []
    for frame in frames:
        if not reply.isMoreData():
            reply = GXReplyData()
        assert GXDLMS.getData(settings, GXByteBuffer(bytearray.fromhex(frame)), reply, None)
        kinds.append(reply.frameId)
        if reply.isMoreData():
            GXDLMS.receiverReady(settings, RequestTypes.FRAME)
        elif not reply.frameId & 1:
            apdu = bytes(reply.data.array()).hex()
    assert (kinds[0], kinds[-1]) == (Command.SNRM, Command.DISCONNECT_REQUEST)
    server = settings.serverAddress
    upper, lower = (server >> 7, server & 0x7F) if server > 0x7F else (server, None)
    return {"client": settings.clientAddress, "server": [upper, lower], "apdu": apdu}


OPERATIONS = {
    ("encode", "wrapper"): _write_wrapped,
    ("decode", "wrapper"): _read_wrapped,
    ("encode", "hdlc-client"): _write_client,
    ("decode", "hdlc-client"): _read_client,
}
