"""The meter's end of a link, on Gurux' HDLC and wrapper: octets in, whole APDUs and octets out.

One link serves one connection. The window is 1 in both directions. This file knows nothing of what an APDU
says.
"""

from collections.abc import Callable, Iterator

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Command, InterfaceType, RequestTypes
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSSettings import GXDLMSSettings

# An APDU is taken apart by the meter: Gurux' own way fails for ciphered requests.
GXDLMS.getPdu = staticmethod(lambda settings, data: None)

_MAX_INFO_TX, _MAX_INFO_RX, _WINDOW_TX, _WINDOW_RX = 0x05, 0x06, 0x07, 0x08


class Link:
    """One connection; ``settings`` is Gurux' state of it."""

    def __init__(self, framing: str, max_info: int, on_connect: Callable[[], None]) -> None:
        self.settings = GXDLMSSettings(True, None)
        self.settings.interfaceType = {"hdlc": InterfaceType.HDLC, "wrapper": InterfaceType.WRAPPER}[framing]
        self._framing = framing
        self._max_info = max_info
        self._on_connect = on_connect
        self._buffer = GXByteBuffer()
        self._reply = GXReplyData()
        self._to_send: GXByteBuffer | None = None
        self._out = bytearray()

    def take_output(self) -> bytes:
        """What must go out now."""
        octets, self._out = bytes(self._out), bytearray()
        return octets

    def receive(self, octets: bytes) -> Iterator[bytes]:
        """The APDUs that these octets complete; each may be answered with `send` before the next is taken."""
        self._buffer.set(octets)
        while self._next_frame():
            if self._framing == "wrapper" or self._frame_ends_apdu():
                reply, self._reply = self._reply, GXReplyData()
                yield bytes(reply.data.array())

    def send(self, apdu: bytes) -> None:
        """Put an APDU out; further segments follow as the other side is ready for them."""
        data = GXByteBuffer(bytearray(apdu))
        if self._framing == "wrapper":
            self._out += GXDLMS.getWrapperFrame(self.settings, Command.NONE, data)
            return
        GXDLMS.addLLCBytes(self.settings, data)
        self._to_send = data
        self._send_segment(0)

    def _next_frame(self) -> bool:
        if self._framing == "wrapper":
            # Several clients may take turns on one connection.
            self.settings.clientAddress = 0
        elif self._buffer.available() < 9:
            return False
        if not GXDLMS.getData(self.settings, self._buffer, self._reply, None):
            return False
        self._buffer.trim()
        return True

    def _frame_ends_apdu(self) -> bool:
        control = self._reply.frameId
        if control == Command.SNRM:
            self._connect()
        elif control == Command.DISCONNECT_REQUEST:
            self._on_connect()
            self._out += GXDLMS.getHdlcFrame(self.settings, Command.UA, None)
            self._reply = GXReplyData()
        elif control & 1:
            self._reply = GXReplyData()
            if self._to_send is not None:
                self._send_segment(self.settings.getNextSend(False))
        elif self._reply.isMoreData():
            self._out += GXDLMS.receiverReady(self.settings, RequestTypes.FRAME)
        else:
            return True
        return False

    def _send_segment(self, control: int) -> None:
        data = self._to_send
        assert data is not None
        self._out += GXDLMS.getHdlcFrame(self.settings, control, data)
        if not len(data):
            self._to_send = None

    def _connect(self) -> None:
        hdlc = self.settings.hdlc
        hdlc.maxInfoTX = hdlc.maxInfoRX = 128
        self._reply.data.position = 0
        GXDLMS.parseSnrmUaResponse(self._reply.data, hdlc)
        hdlc.maxInfoTX = min(hdlc.maxInfoTX, self._max_info)
        hdlc.maxInfoRX = min(hdlc.maxInfoRX, self._max_info)
        hdlc.windowSizeTX = hdlc.windowSizeRX = 1
        self._reply, self._to_send = GXReplyData(), None
        self._on_connect()
        parameters = GXByteBuffer(bytearray((0x81, 0x80, 0)))
        for identifier, size in ((_MAX_INFO_TX, hdlc.maxInfoTX), (_MAX_INFO_RX, hdlc.maxInfoRX)):
            parameters.setUInt8(identifier)
            GXDLMS.appendHdlcParameter(parameters, size)
        for identifier in (_WINDOW_TX, _WINDOW_RX):
            parameters.setUInt8(identifier)
            parameters.setUInt8(4)
            parameters.setUInt32(1)
        parameters.setUInt8(len(parameters) - 3, 2)
        self._out += GXDLMS.getHdlcFrame(self.settings, Command.UA, parameters)
