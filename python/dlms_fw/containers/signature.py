"""The image signature: ECDSA on P-256 with SHA-256, in its only accepted form, raw r||s of exactly 64 octets.

Works on digests; which octets a digest covers is for the container to say. Knows no files.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from dlms_fw.containers.description import Container
from dlms_fw.errors import ConfigurationError, ImageRejected
from dlms_fw.signing_keys import PrivateKey, PublicKey, key_id

SIGNATURE_LENGTH = 64
P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
"""The order n of the base point of P-256 (FIPS 186-5; SP 800-186, 3.2.1.3)."""

_HALF = SIGNATURE_LENGTH // 2
_OF_DIGEST = ec.ECDSA(Prehashed(SHA256()))


def sign_digest(digest: bytes, key: PrivateKey) -> bytes:
    """Raw r||s over a SHA-256 digest; deterministic (RFC 6979) where the crypto library can do that."""
    if not isinstance(key, PrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError(
            "images are signed with a private key on the curve P-256", code="configuration.key"
        )
    try:
        der = key.sign(digest, ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True))
    except UnsupportedAlgorithm:
        der = key.sign(digest, _OF_DIGEST)
    r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def check_form(signature: bytes) -> tuple[int, int]:
    """Both numbers of a raw signature. Raises ImageRejected unless it has 64 octets and 0 < r, s < n."""
    if len(signature) != SIGNATURE_LENGTH:
        raise ImageRejected(
            f"the signature has {len(signature)} octets; raw r||s has exactly {SIGNATURE_LENGTH}",
            reason="signature",
            hint="DER is not accepted",
        )
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        raise ImageRejected("the signature's r or s is outside 1..n-1", reason="signature")
    return r, s


def verify(
    container: Container, digest: bytes, trusted: Sequence[PublicKey], *, require_low_s: bool = False
) -> PublicKey:
    """The trusted key that signed the container.

    Args:
        container: Names the signature and perhaps the key that made it; only that key is tried then.
        digest: SHA-256 over the container's signed range.
        trusted: The keys to choose from.
        require_low_s: Refuse s above n/2, the other form of the same signature that plain ECDSA allows too.

    Raises:
        ImageRejected: ``unsigned``, ``untrusted`` (signed by a key that is not trusted) or ``signature``.
    """
    if container.signature is None:
        raise ImageRejected(
            "the image is not signed",
            reason="unsigned",
            hint="its vendor signs it with: dlms-fw image sign",
        )
    r, s = check_form(container.signature)
    if require_low_s and s > P256_ORDER // 2:
        raise ImageRejected("the signature's s is above n/2, which the policy forbids", reason="signature")
    if not trusted:
        raise ImageRejected(
            "no trusted key was given", reason="untrusted", hint="name the vendor's public key as trusted"
        )
    candidates = [key for key in trusted if container.key_id in (None, key_id(key))]
    if not candidates:
        raise ImageRejected(
            f"the image is signed by key {(container.key_id or b'').hex()}, which is not trusted",
            reason="untrusted",
            hint=f"trusted: {', '.join(key_id(key).hex() for key in trusted)}",
        )
    der = encode_dss_signature(r, s)
    for key in candidates:
        try:
            key.verify(der, digest, _OF_DIGEST)
        except InvalidSignature:
            continue
        return key
    raise ImageRejected(
        "the signature does not fit the image: it was altered after signing, or another key signed it",
        reason="signature",
        hint="fetch the image again from its vendor",
    )
