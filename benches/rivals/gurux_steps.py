"""The steps by `gurux-dlms`, as its own client calls them."""

import sys

import rounds
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms._GXFCS16 import _GXFCS16
from gurux_dlms.ActionRequestType import ActionRequestType
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Command, DataType, InterfaceType, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects.enums import SecuritySuite

_I_FRAME, _AS_CLIENT = 0x10, False


def _settings(kind):
    settings = GXDLMSSettings(_AS_CLIENT, None)
    settings.interfaceType = kind
    settings.clientAddress = settings.serverAddress = 1
    # The three octets that it leaves room for in a first segment are in what it is given.
    settings.hdlc.maxInfoTX = settings.hdlc.maxInfoRX = 2033
    return settings


def steps(config):
    value, information, title, key, authentication_key, profile = (
        bytearray.fromhex(config[name])
        for name in ("value", "information", "title", "key", "authentication_key", "profile")
    )
    frames = {size: bytearray.fromhex(frame) for size, frame in config["frames"].items()}
    plain, sealed = bytearray.fromhex(config["plain"]), bytearray.fromhex(config["sealed"])
    pdu, hdlc = _settings(InterfaceType.PDU), _settings(InterfaceType.HDLC)
    pdu.cipher = GXCiphering(title)

    def action():
        parameter = GXByteBuffer(bytearray((DataType.STRUCTURE, 2)))
        _GXCommon.setData(None, parameter, DataType.UINT32, 7)
        _GXCommon.setData(None, parameter, DataType.OCTET_STRING, value)
        descriptor = GXByteBuffer()
        descriptor.setUInt16(18)
        descriptor.set(bytearray((0, 0, 44, 0, 0, 255)))
        descriptor.setUInt8(2)
        descriptor.setUInt8(1)
        asked = GXDLMSLNParameters(
            pdu, 0xC1, Command.METHOD_REQUEST, ActionRequestType.NORMAL, descriptor, parameter, 0xFF
        )
        apdu = GXByteBuffer()
        GXDLMS.getLNPdu(asked, apdu)
        return apdu.array()

    def fcs():
        return _GXFCS16.countFCS16(information, 0, len(information))

    def build(size):
        data = GXByteBuffer(information[:size])

        def run():
            data.position = 0
            return GXDLMS.getHdlcFrame(hdlc, _I_FRAME, data)

        return run

    def parse(size):
        def run():
            hdlc.resetFrameSequence()
            reply = GXReplyData()
            octets = GXByteBuffer(frames[size])
            if not GXDLMS.getHdlcData(_AS_CLIENT, hdlc, octets, reply, None):
                raise ValueError("no frame")
            return reply.packetLength

        return run

    def ciphering():
        asked = AesGcmParameter(Command.GLO_METHOD_REQUEST, title, key, authentication_key)
        asked.security, asked.securitySuite = Security.AUTHENTICATION_ENCRYPTION, SecuritySuite.SUITE_0
        asked.invocationCounter = 1
        return asked

    def seal():
        return GXCiphering.encrypt(ciphering(), plain)

    def opened():
        return GXCiphering.decrypt(pdu, ciphering(), GXByteBuffer(sealed))

    def decode():
        return len(_GXCommon.getData(None, GXByteBuffer(profile), _GXDataInfo()))

    return {
        "action": action,
        "fcs": fcs,
        "build 1024": build(1024),
        "build 2030": build(2030),
        "parse 1024": parse("1024"),
        "parse 2030": parse("2030"),
        "profile": decode,
        "seal": seal,
        "open": opened,
    }


if __name__ == "__main__":
    # It prints two lines for every APDU that it opens, which is not what is measured.
    sys.modules[GXDLMSChippering.__module__].print = lambda *words: None
    rounds.serve(steps)
