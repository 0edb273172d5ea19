"""The baseline of ciphered image blocks: what a careful Python programmer writes with `cryptography`.

No more is done than one image block and its answer need over the wrapper in suite 0, and nothing is checked
that can be left out: no replay check, no block transfer, no states. What it sends is what ours sends.
"""

from __future__ import annotations

from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benches.joined import AUTHENTICATION_KEY, CLIENT_TITLE, ENCRYPTION_KEY, IMAGE_TRANSFER, METER_TITLE

AAD = b"\x30" + AUTHENTICATION_KEY
TAG = 12
_KEY = algorithms.AES(ENCRYPTION_KEY)
_HEADER = Struct(">HHHH")
_COUNTER = Struct(">I")
_METHOD = b"\x00\x12" + IMAGE_TRANSFER + b"\x02\x01"
_GLO_ACTION_REQUEST, _GLO_ACTION_RESPONSE = b"\xcb", 0xCF


def opened(title: bytes, counter: bytes, sealed: bytes) -> bytes:
    """The plain text of what was sealed with a tag of 12 octets, which `AESGCM` cannot open."""
    opener = Cipher(_KEY, modes.GCM(title + counter, sealed[-TAG:], min_tag_length=TAG)).decryptor()
    opener.authenticate_additional_data(AAD)
    return opener.update(sealed[:-TAG]) + opener.finalize()


def length(octets: int) -> bytes:
    """A length as A-XDR writes it, up to 65,535."""
    if octets < 0x80:
        return bytes((octets,))
    if octets < 0x100:
        return bytes((0x81, octets))
    return b"\x82" + octets.to_bytes(2, "big")


class PlainClient:
    """A client that sends image blocks and reads their answers, with its counter and its invoke id."""

    def __init__(self, *, counter: int = 1, invoke_id: int = 2) -> None:
        self._sealer = AESGCM(ENCRYPTION_KEY)
        self._counter = counter
        self._invoke_id = invoke_id

    def request(self, number: int, value: bytes) -> bytes:
        """The message that transfers one block."""
        parameter = b"\x02\x02\x06" + _COUNTER.pack(number) + b"\x09" + length(len(value)) + value
        apdu = b"\xc3\x01" + bytes((0xC0 | self._invoke_id,)) + _METHOD + parameter
        counter = _COUNTER.pack(self._counter)
        self._counter += 1
        sealed = self._sealer.encrypt(CLIENT_TITLE + counter, apdu, AAD)[: -16 + TAG]
        body = _GLO_ACTION_REQUEST + length(5 + len(sealed)) + b"\x30" + counter + sealed
        return _HEADER.pack(1, 1, 1, len(body)) + body

    def accept(self, message: bytes) -> None:
        """Raises ValueError where the answer is not the success of the block sent last."""
        version, _, _, size = _HEADER.unpack_from(message)
        if version != 1 or size != len(message) - 8 or message[8] != _GLO_ACTION_RESPONSE:
            raise ValueError("no answer")
        try:
            apdu = opened(METER_TITLE, message[11:15], message[15:])
        except InvalidTag:
            raise ValueError("not authentic") from None
        if apdu[:2] != b"\xc7\x01" or apdu[2] & 0x0F != self._invoke_id or apdu[3]:
            raise ValueError("no success")
        self._invoke_id = (self._invoke_id + 1) & 0x0F
