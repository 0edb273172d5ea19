"""Passes 3 and 4 of high level security by Gurux' functions: challenges, keys, proofs, and whether one holds.

A proof is of the side with the first title, over the first challenge.
"""

import os

from gurux_dlms.ecdsa import GXEcdsa, GXPrivateKey, GXPublicKey
from gurux_dlms.enums import Authentication
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXSecure import GXSecure

_LENGTH, _LENGTH_WITH_SIGNATURES = 16, 32
_UNCOMPRESSED = 4


def challenge(authentication: Authentication) -> bytes:
    """Theirs has 16 octets always; with mechanism 7 a challenge has 32 to 64."""
    signs = authentication == Authentication.HIGH_ECDSA
    return os.urandom(_LENGTH_WITH_SIGNATURES if signs else _LENGTH)


def key_pair(config: dict) -> tuple[GXPublicKey, GXPrivateKey] | None:
    """As Gurux wants it: the other side's public key, and our private one."""
    if "signing_key" not in config:
        return None
    public = bytearray((_UNCOMPRESSED,)) + bytearray.fromhex(config["peer_signing_key"])
    return GXPublicKey.fromRawBytes(public), GXPrivateKey.fromRawBytes(
        bytearray.fromhex(config["signing_key"])
    )


def made(settings: GXDLMSSettings, secret: bytes, counter: int, titles: tuple, challenges: tuple) -> bytes:
    """The proof; ``secret`` is the password, ``counter`` that of GMAC."""
    if settings.authentication == Authentication.HIGH_GMAC:
        secret = titles[0]
    elif settings.authentication == Authentication.HIGH_SHA256:
        secret = _joined(secret, *titles, *challenges)
    elif settings.authentication == Authentication.HIGH_ECDSA:
        secret = _joined(*titles, *challenges)
    return bytes(GXSecure.secure(settings, settings.cipher, counter, challenges[0], bytearray(secret)))


def holds(settings: GXDLMSSettings, secret: bytes, proof: bytes, titles: tuple, challenges: tuple) -> bool:
    """Whether the other side has made this proof."""
    if settings.authentication == Authentication.HIGH_ECDSA:
        verifier = GXEcdsa(settings.cipher.signingKeyPair[0])
        return verifier.verify(proof, _joined(*titles, *challenges))
    counter = int.from_bytes(proof[1:5], "big")
    return made(settings, secret, counter, titles, challenges) == bytes(proof)


def _joined(*parts: bytes) -> bytes:
    return b"".join(map(bytes, parts))
