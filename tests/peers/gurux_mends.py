"""Gurux' classes, called so that they do what the standard says.

Version 1.0.203 has defects that would otherwise decide the result of a test. Each mend wraps a function of
theirs and changes how it is called; what it mends is in its docstring. None of their code is repeated here.
"""

import sys

from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.CountType import CountType
from gurux_dlms.enums import RequestTypes, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.GXSecure import GXSecure

_TAG_SIZE = 12
_LLC_SIZE = 3


def install() -> None:
    """Put all mends in place, for the whole process."""
    _mend_frame_length()
    _mend_llc_of_segments()
    _mend_tag()
    _mend_chatter()


def _mend_frame_length() -> None:
    """Frames whose addresses and information together are 249 to 255 octets (modulo 256) get a length field
    that is 256 too small: the high bits are taken before the octets of control and check sequences are added.
    Where a frame would be like that, its segment is cut shorter."""
    original = GXDLMS.getHdlcFrame

    def get_hdlc_frame(settings, control, data):
        longest = settings.hdlc.maxInfoTX
        try:
            if data:
                llc = _LLC_SIZE if data.position == 0 else 0
                information = min(data.available(), longest - llc)
                addresses = len(GXDLMS.getAddressBytes(settings.clientAddress, 1)) + len(
                    GXDLMS.getAddressBytes(settings.serverAddress, settings.serverAddressSize)
                )
                excess = (addresses + information) % 256 - 248
                if excess > 0:
                    settings.hdlc.maxInfoTX = information - excess + llc
            return original(settings, control, data)
        finally:
            settings.hdlc.maxInfoTX = longest

    GXDLMS.getHdlcFrame = staticmethod(get_hdlc_frame)


def _mend_llc_of_segments() -> None:
    """The LLC header is taken off every segment that begins like one; it stands in the first segment only."""
    original_data, original_llc = GXDLMS.getHdlcData, GXDLMS.getLLCBytes
    continued = [False]

    def get_hdlc_data(server, settings, reply, data, notify):
        continued[0] = bool(data.moreData & RequestTypes.FRAME)
        return original_data(server, settings, reply, data, notify)

    def get_llc_bytes(server, data):
        return continued[0] or original_llc(server, data)

    GXDLMS.getHdlcData = staticmethod(get_hdlc_data)
    GXDLMS.getLLCBytes = staticmethod(get_llc_bytes)


def _mend_tag() -> None:
    """Under authenticated encryption the tag is not compared. Seal what was opened once more, and compare.

    The counter of the APDU is left in ``settings.openedInvocationCounter``, for a server that must check it.
    """
    original = GXCiphering.decrypt

    def decrypt(settings, p, data):
        ciphered = bytes(data.array()[data.position :])
        plain = original(settings, p, data)
        if p.security == Security.AUTHENTICATION_ENCRYPTION:
            again = AesGcmParameter(0, p.systemTitle, p.blockCipherKey, p.authenticationKey)
            again.security, again.securitySuite = p.security, p.securitySuite
            again.invocationCounter = p.invocationCounter
            again.type_ = CountType.TAG
            if bytes(GXDLMSChippering.encryptAesGcm(again, plain)) != ciphered[-_TAG_SIZE:]:
                raise ValueError("authentication tag does not match")
        settings.openedInvocationCounter = p.invocationCounter
        return plain

    GXCiphering.decrypt = staticmethod(decrypt)


def _mend_chatter() -> None:
    """Lines are printed for every APDU that is opened and, with the private key, for every signature."""
    for their in (GXDLMSChippering, GXSecure):
        sys.modules[their.__module__].print = lambda *words: None
