"""Ciphered APDUs under each kind of key, GMAC, wrapped keys, signatures and agreed keys: generators, and what
`dlms_fw` makes of them, with the fixed keys of `peers.fixed_keys`."""

from __future__ import annotations

from typing import Any

from differential import services
from differential.kinds import Kind, Source, number
from dlms_fw import _core
from dlms_fw.errors import SecurityError
from peers import fixed_keys

AUTHENTICATED, ENCRYPTED = 0x10, 0x20
_GENERAL = (0xDB, 0xDC)
"""general-glo-ciphering and general-ded-ciphering."""
_PLAIN = tuple(it for it in services.KINDS if it.name in ("get-request", "set-request", "action-request"))


_READER = fixed_keys.READER


def _context(
    suite: int,
    policy: int,
    counter: int = 0,
    general: bool = False,
    title: bytes = fixed_keys.TITLE,
    dedicated: bool = False,
) -> _core.SecurityContext:
    return _core.SecurityContext(
        suite,
        policy,
        system_title=title,
        peer_system_title=_READER if title == fixed_keys.TITLE else fixed_keys.TITLE,
        global_unicast_encryption_key=_core.Key(fixed_keys.ENCRYPTION_KEYS[suite]),
        authentication_key=_core.Key(fixed_keys.AUTHENTICATION_KEYS[suite]),
        dedicated_key=_core.Key(fixed_keys.DEDICATED_KEYS[suite]) if dedicated else None,
        invocation_counter=counter,
        counter_limit=counter + 1,
        general=general,
    )


def _suite(source: Source) -> int:
    return source.choice(source.words.suites)


def _counter(source: Source) -> int:
    return min(number(source, 32), 0xFFFF_FFFE)


def _ciphered(source: Source) -> dict[str, Any]:
    kind = source.choice(_PLAIN)
    return {
        "suite": _suite(source),
        "protection": source.choice(source.words.protections),
        "counter": _counter(source),
        "apdu": bytes(kind.encode(kind.generate(source))).hex(),  # type: ignore[arg-type]
    }


def _seal(value: dict[str, Any], general: bool, dedicated: bool = False) -> bytes:
    context = _context(value["suite"], value["protection"], value["counter"], general, dedicated=dedicated)
    return context.seal(bytes.fromhex(value["apdu"]))


def _open(octets: bytes, dedicated: bool = False) -> dict[str, Any]:
    general = octets[0] in _GENERAL
    start = _behind_length(octets, 2 + len(fixed_keys.TITLE) if general else 1)
    suite, protection = octets[start] & 0x0F, octets[start] & 0x30
    context = _context(suite, protection, general=general, title=_READER, dedicated=dedicated)
    return _opened(context, octets, start)


def _behind_length(octets: bytes, at: int) -> int:
    return at + 1 if octets[at] < 0x80 else at + 1 + (octets[at] & 0x7F)


def _opened(context: _core.SecurityContext, octets: bytes, start: int) -> dict[str, Any]:
    """What is in a ciphered APDU whose security control is at ``start``."""
    apdu = context.open(octets)
    return {
        "suite": octets[start] & 0x0F,
        "protection": context.received_protection,
        "counter": int.from_bytes(octets[start + 1 : start + 5], "big"),
        "apdu": apdu.hex(),
    }


def _generally(context: _core.SecurityContext, counter: int) -> _core.SecurityContext:
    """With general-ciphering under the global key, and the counter for a transaction id."""
    randomness = counter.to_bytes(8, "big") + bytes(range(1, _core.RANDOMNESS_LENGTH - 7))
    context.use_general_protection(randomness, key_information="none")
    return context


def _cipher(value: dict[str, Any]) -> bytes:
    context = _context(value["suite"], value["protection"], value["counter"])
    return _generally(context, value["counter"]).seal(bytes.fromhex(value["apdu"]))


def _decipher(octets: bytes) -> dict[str, Any]:
    # Behind the tag: the transaction id, both titles, no date-time, no other information, no key-info.
    start = _behind_length(octets, 1 + 3 * 9 + 3)
    suite, protection = octets[start] & 0x0F, octets[start] & 0x30
    return _opened(_generally(_context(suite, protection, title=_READER), 0), octets, start)


def _gmac(source: Source) -> dict[str, Any]:
    challenge = source.randbytes(source.choice((8, 16, 32, 64))).hex()
    return {"suite": _suite(source), "counter": _counter(source), "challenge": challenge}


def _encode_gmac(value: dict[str, Any]) -> list[bytes]:
    challenge = bytes.fromhex(value["challenge"])
    return [_context(value["suite"], 0x30, value["counter"]).gmac(challenge), challenge]


def _decode_gmac(octets: list[bytes]) -> dict[str, Any]:
    proof, challenge = octets
    suite = proof[0] & 0x0F
    _context(suite, 0x30, title=_READER).verify_gmac(challenge, proof)
    return {"suite": suite, "counter": int.from_bytes(proof[1:5], "big"), "challenge": challenge.hex()}


def _wrapped(source: Source) -> dict[str, Any]:
    suite = _suite(source)
    return {"suite": suite, "key": source.randbytes(32 if suite == 2 else 16).hex()}


def _kek(suite: int) -> _core.Key:
    return _core.Key(fixed_keys.KEY_ENCRYPTING_KEYS[suite])


def _unwrap(octets: list[bytes]) -> dict[str, Any]:
    (suite,), wrapped = octets
    return {"suite": suite, "key": _core.Key.unwrap(_kek(suite), wrapped).expose().hex()}


def _signed(source: Source) -> dict[str, Any]:
    return {
        "suite": source.choice(source.words.curves),
        "data": source.randbytes(source.randint(1, 80)).hex(),
    }


def _own(suite: int) -> _core.PrivateKey:
    return _core.PrivateKey(fixed_keys.CURVES[suite], fixed_keys.SCALARS[suite])


def _verify(octets: list[bytes]) -> dict[str, Any]:
    (suite,), signature, data = octets
    _own(suite).public.verify(data, signature)
    return {"suite": suite, "data": data.hex()}


def _agreed(source: Source) -> dict[str, Any]:
    suite = source.choice(source.words.curves)
    while True:
        scalar = source.randbytes(len(fixed_keys.SCALARS[suite]))
        try:
            _core.PrivateKey(fixed_keys.CURVES[suite], scalar)
        except SecurityError:
            continue
        return {"suite": suite, "scalar": scalar.hex()}


def _agree(value: dict[str, Any]) -> list[bytes]:
    """What both sides share, and from what."""
    suite, scalar = value["suite"], bytes.fromhex(value["scalar"])
    other = _core.PrivateKey(fixed_keys.CURVES[suite], scalar)
    return [bytes([suite]), _own(suite).agree(other.public).expose(), scalar, bytes(other.public)]


def _agree_again(octets: list[bytes]) -> dict[str, Any]:
    (suite,), shared, scalar, public = octets
    again = _own(suite).agree(_core.PublicKey(fixed_keys.CURVES[suite], public)).expose()
    assert again == shared
    return {"suite": suite, "scalar": scalar.hex()}


KINDS = (
    Kind("glo", _ciphered, lambda value: _seal(value, False), _open),
    Kind("general-glo", _ciphered, lambda value: _seal(value, True), _open),
    Kind("ded", _ciphered, lambda value: _seal(value, False, True), lambda it: _open(it, True)),
    Kind("general-ded", _ciphered, lambda value: _seal(value, True, True), lambda it: _open(it, True)),
    Kind("general-ciphering", _ciphered, _cipher, _decipher),
    Kind("gmac", _gmac, _encode_gmac, _decode_gmac),
    Kind(
        "key-wrap",
        _wrapped,
        lambda it: [bytes([it["suite"]]), _core.Key(bytes.fromhex(it["key"])).wrap(_kek(it["suite"]))],
        _unwrap,
    ),
    # Nobody else's signatures are deterministic.
    Kind(
        "signature",
        _signed,
        lambda it: [
            bytes([it["suite"]]),
            _own(it["suite"]).sign(bytes.fromhex(it["data"])),
            bytes.fromhex(it["data"]),
        ],
        _verify,
        unique=False,
        share=0.05,
    ),
    Kind("key-agreement", _agreed, _agree, _agree_again, share=0.05),
)
