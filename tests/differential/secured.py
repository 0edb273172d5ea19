"""Ciphered APDUs, GMAC, wrapped keys, signatures and agreed keys: generators, and what `dlms_fw` makes of
them, with the fixed keys of `peers.fixed_keys`."""

from __future__ import annotations

from typing import Any

from differential import services
from differential.kinds import Kind, Source, number
from dlms_fw import _core
from dlms_fw.errors import SecurityError
from peers import fixed_keys

AUTHENTICATED, ENCRYPTED = 0x10, 0x20
_GENERAL = 0xDB
_PLAIN = tuple(it for it in services.KINDS if it.name in ("get-request", "set-request", "action-request"))


_READER = b"DFW\xff\xff\xff\xff\xff"


def _context(
    suite: int, policy: int, counter: int = 0, general: bool = False, title: bytes = fixed_keys.TITLE
) -> _core.SecurityContext:
    return _core.SecurityContext(
        suite,
        policy,
        system_title=title,
        peer_system_title=_READER if title == fixed_keys.TITLE else fixed_keys.TITLE,
        global_unicast_encryption_key=_core.Key(fixed_keys.ENCRYPTION_KEYS[suite]),
        authentication_key=_core.Key(fixed_keys.AUTHENTICATION_KEYS[suite]),
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


def _seal(value: dict[str, Any], general: bool) -> bytes:
    context = _context(value["suite"], value["protection"], value["counter"], general)
    return context.seal(bytes.fromhex(value["apdu"]))


def _open(octets: bytes) -> dict[str, Any]:
    start = 1
    if octets[0] == _GENERAL:
        start += 1 + len(fixed_keys.TITLE)
    start += 1 if octets[start] < 0x80 else 1 + (octets[start] & 0x7F)
    control = octets[start]
    context = _context(control & 0x0F, control & 0x30, general=octets[0] == _GENERAL, title=_READER)
    apdu = context.open(octets)
    return {
        "suite": control & 0x0F,
        "protection": control & 0x30,
        "counter": context.peer_invocation_counter,
        "apdu": apdu.hex(),
    }


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
