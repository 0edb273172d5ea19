"""Protection written by hand (Green Book, protected APDUs): each part may be another than it should be.

AES-GCM comes from ``cryptography`` here, so that a meter is not judged by the code that it may share with us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dlms_fw._core import Key
from dlms_fw.conformance.verdicts import Inapplicable
from dlms_fw.conformance.wire.apdus import length
from dlms_fw.profiles import Profile
from dlms_fw.security import SecurityPolicy

AUTHENTICATED: Final = 0x10
ENCRYPTED: Final = 0x20
BROADCAST: Final = 0x40
COMPRESSED: Final = 0x80
"""Bits of the security control octet."""
TAG: Final = 12
"""Octets of the authentication tag."""
GENERAL_GLOBAL: Final = 0xDB
GENERAL_DEDICATED: Final = 0xDC
_GLOBAL: Final = {
    0x01: 0x21,
    0x08: 0x28,
    0xC0: 0xC8,
    0xC1: 0xC9,
    0xC3: 0xCB,
    0xC4: 0xCC,
    0xC5: 0xCD,
    0xC7: 0xCF,
}
_DEDICATED: Final = {0xC0: 0xD0, 0xC1: 0xD1, 0xC3: 0xD3, 0xC4: 0xD4, 0xC5: 0xD5, 0xC7: 0xD7}
"""Tags of service-specific ciphering, by the plain one."""
_COUNTER: Final = 4
CIPHERED_TAGS: Final = frozenset({*_GLOBAL.values(), *_DEDICATED.values(), GENERAL_GLOBAL, GENERAL_DEDICATED})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphered APDU, taken apart.

    Attributes:
        tag: Of the APDU.
        title: The sender's system title, where the form names it.
        control: The security control octet.
        counter: The invocation counter.
        body: What is ciphered, and the authentication tag.
    """

    tag: int
    title: bytes | None
    control: int
    counter: int
    body: bytes

    @classmethod
    def decode(cls, octets: bytes) -> Sealed | None:
        """Take one apart; ``None`` where it is none."""
        if not octets or octets[0] not in CIPHERED_TAGS:
            return None
        rest, title = octets[1:], None
        if octets[0] in {GENERAL_GLOBAL, GENERAL_DEDICATED}:
            title, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        inside = rest[1 + (rest[0] & 0x7F if rest[0] & 0x80 else 0) :]
        if len(inside) < 1 + _COUNTER:
            return None
        return cls(
            octets[0],
            title,
            inside[0],
            int.from_bytes(inside[1 : 1 + _COUNTER], "big"),
            inside[1 + _COUNTER :],
        )

    def encode(self) -> bytes:
        """Put it together again."""
        inside = self.inside
        title = b"" if self.title is None else length(len(self.title)) + self.title
        return bytes((self.tag,)) + title + length(len(inside)) + inside

    @property
    def inside(self) -> bytes:
        """What the tag of the APDU and its length stand in front of."""
        return bytes((self.control,)) + self.counter.to_bytes(_COUNTER, "big") + self.body


@dataclass(frozen=True, slots=True)
class Sealing:
    """What an APDU is protected with.

    Attributes:
        title: The sender's system title.
        key: What it is ciphered with.
        authentication_key: What goes into the tag.
        control: The security control octet.
        is_dedicated: Whether the key is the dedicated one.
        is_general: Whether the form is the general one, which names the title.
    """

    title: bytes
    key: Key
    authentication_key: Key
    control: int
    is_dedicated: bool = False
    is_general: bool = False

    @classmethod
    def of(cls, profile: Profile) -> Sealing:
        """As a client does it. Raises Inapplicable where it has no keys."""
        keys, title = profile.keys, profile.system_title
        key, authentication_key = keys.global_unicast_encryption_key, keys.authentication_key
        if key is None or authentication_key is None or title is None:
            raise Inapplicable("the client has no unicast encryption key or no authentication key")
        policy = profile.security_policy & SecurityPolicy.AUTHENTICATED_ENCRYPTED
        return cls(
            title,
            key,
            authentication_key,
            policy | profile.security_suite,
            is_general=profile.protection.ciphering == "general",
        )

    def seal(self, apdu: bytes, counter: int, *, title_shown: bytes | None = None, tag: int = TAG) -> bytes:
        """A plain APDU, protected; its authentication tag is cut to ``tag`` octets."""
        nonce = self.title + counter.to_bytes(_COUNTER, "big")
        cipher = AESGCM(self.key.expose())
        header = bytes((self.control,)) + self.authentication_key.expose()
        if self.control & ENCRYPTED:
            is_authenticated = bool(self.control & AUTHENTICATED)
            both = cipher.encrypt(nonce, apdu, header if is_authenticated else None)
            body = both[: len(apdu)] + (both[len(apdu) :][:tag] if is_authenticated else b"")
        elif self.control & AUTHENTICATED:
            body = apdu + cipher.encrypt(nonce, b"", header + apdu)[:tag]
        else:
            body = apdu
        tags = _DEDICATED if self.is_dedicated else _GLOBAL
        if self.is_general:
            outer = GENERAL_DEDICATED if self.is_dedicated else GENERAL_GLOBAL
            return Sealed(outer, title_shown or self.title, self.control, counter, body).encode()
        return Sealed(tags[apdu[0]], None, self.control, counter, body).encode()

    def reveal(self, sealed: Sealed, title: bytes) -> bytes:
        """What stands in a ciphered APDU of ``title``; its tag is not looked at."""
        tag = TAG if sealed.control & AUTHENTICATED else 0
        octets = sealed.body[: len(sealed.body) - tag]
        if not sealed.control & ENCRYPTED:
            return octets
        nonce = title + sealed.counter.to_bytes(_COUNTER, "big")
        return AESGCM(self.key.expose()).encrypt(nonce, octets, None)[: len(octets)]
