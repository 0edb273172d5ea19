"""Runs the records of ``tests/vectors`` through the extension, or against an independent implementation.

Each kind of record has a runner in ``RUNNERS``; a kind that has none fails.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dlms_fw import _core, errors
from dlms_fw._core import Key, PrivateKey, PublicKey, derive_key

VECTORS = Path(__file__).parent / "vectors"
RECEIVER = b"RECEIVER"
#: Keys of a record that are not attributes of the class it names.
HEADER = {"name", "source", "mark", "kind", "sender", "class", "hex"}

Record = dict[str, str]


def records() -> Iterator[Record]:
    for path in sorted(VECTORS.glob("*.txt")):
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
            if lines:
                yield dict(line.split(": ", 1) for line in lines)


def octets(record: Record, key: str) -> bytes:
    return bytes.fromhex(record[key])


def number(record: Record, key: str) -> int:
    return int(record[key], 0)


def key(record: Record, name: str) -> _core.Key | None:
    return _core.Key(octets(record, name)) if name in record else None


def plain(value: object) -> str:
    """An attribute as records write it."""
    if isinstance(value, bytes):
        return value.hex().upper()
    return str(value).lower()


def check_attributes(record: Record, value: object) -> None:
    for name in record.keys() - HEADER:
        found = getattr(value, name)
        expected = int(record[name], 0) if type(found) is int else record[name]
        assert (found if type(found) is int else plain(found)) == expected, name


def run_apdu(record: Record) -> None:
    data, sender, other = octets(record, "hex"), record["sender"], {"client": "server", "server": "client"}
    value = _core.decode_apdu(data, sender)  # type: ignore[arg-type]
    assert type(value).__name__ == record["class"]
    assert value.encode() == data
    check_attributes(record, value)
    with pytest.raises(errors.DecodeError) as caught:
        _core.decode_apdu(data, other[sender])  # type: ignore[arg-type]
    assert caught.value.kind == "unexpected-apdu"


def run_block_apdu(record: Record) -> None:
    with pytest.raises(errors.DecodeError) as caught:
        _core.decode_apdu(octets(record, "hex"), record["sender"])  # type: ignore[arg-type]
    assert (caught.value.kind, caught.value.offset) == ("unexpected-apdu", 1)


def run_initiate(record: Record) -> None:
    decoders: dict[str, Callable[[bytes], _core.InitiateRequest | _core.InitiateResponse]] = {
        "InitiateRequest": _core.InitiateRequest.decode,
        "InitiateResponse": _core.InitiateResponse.decode,
    }
    value = decoders[record["class"]](octets(record, "hex"))
    assert value.encode() == octets(record, "hex")
    check_attributes(record, value)


def context(record: Record, title: bytes, peer: bytes | None, policy: int) -> _core.SecurityContext:
    counter = number(record, "invocation_counter")
    return _core.SecurityContext(
        number(record, "suite"),
        policy,
        system_title=title,
        peer_system_title=peer,
        global_unicast_encryption_key=key(record, "global_unicast_encryption_key"),
        global_broadcast_encryption_key=key(record, "global_broadcast_encryption_key"),
        authentication_key=key(record, "authentication_key"),
        invocation_counter=counter,
        counter_limit=counter + 1,
        general=record.get("general") == "true",
    )


def run_ciphering(record: Record) -> None:
    title, policy = octets(record, "system_title"), number(record, "protection")
    assert context(record, title, None, policy).seal(octets(record, "plain")) == octets(record, "ciphered")
    receiver = context(record, RECEIVER, title, policy)
    assert receiver.open(octets(record, "ciphered")) == octets(record, "plain")
    with pytest.raises(errors.ReplayError):
        receiver.open(octets(record, "ciphered"))


def run_hls_gmac(record: Record) -> None:
    title = octets(record, "system_title")
    assert context(record, title, RECEIVER, 0x30).gmac(octets(record, "challenge")) == octets(record, "proof")
    context(record, RECEIVER, title, 0x30).verify_gmac(octets(record, "challenge"), octets(record, "proof"))


def run_hls_digest(record: Record) -> None:
    titles = [octets(record, "client_system_title"), octets(record, "server_system_title")]
    challenges = [octets(record, "server_to_client_challenge"), octets(record, "client_to_server_challenge")]
    if record["proof_of"] == "server":
        titles.reverse()
        challenges.reverse()
    secret = octets(record, "secret")
    if record["kind"] == "hls-sha256":
        proof = hashlib.sha256(b"".join([secret, *titles, *challenges])).digest()
    else:
        proof = hashlib.new(record["kind"].removeprefix("hls-"), challenges[0] + secret).digest()
    assert proof == octets(record, "proof")


def fcs(data: bytes) -> bytes:
    """CRC-16/X-25 bit by bit, low octet first."""
    register = 0xFFFF
    for octet in data:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return struct.pack("<H", register ^ 0xFFFF)


def server_address(record: Record) -> bytes:
    upper, size = number(record, "server_upper"), number(record, "address_size")
    if size == 1:
        return bytes([upper << 1 | 1])
    lower = number(record, "server_lower")
    if size == 2:
        return bytes([upper << 1, lower << 1 | 1])
    return bytes([upper >> 7 << 1, upper << 1 & 0xFE, lower >> 7 << 1, lower << 1 & 0xFF | 1])


def run_hdlc_frame(record: Record) -> None:
    from_client = record["sender"] == "client"
    send, receive = int(record.get("send_sequence", "0")), int(record.get("receive_sequence", "0"))
    control = {
        "I": 0x10 | send << 1 | receive << 5,
        "RR": 0x11 | receive << 5,
        "SNRM": 0x93,
        "UA": 0x73,
        "DISC": 0x53,
        "DM": 0x1F,
        "UI": 0x03,
    }[record["control"]]
    client, server = bytes([number(record, "client_sap") << 1 | 1]), server_address(record)
    addresses = server + client if from_client else client + server
    information = bytes.fromhex(record.get("information", ""))
    length = 2 + len(addresses) + 1 + 2 + (len(information) + 2 if information else 0)
    header = struct.pack(">H", 0xA000 | length) + addresses + bytes([control])
    frame = header + fcs(header)
    if information:
        frame += information
        frame += fcs(frame)
    assert b"\x7e" + frame + b"\x7e" == octets(record, "frame")


def run_wrapper(record: Record) -> None:
    apdu = octets(record, "apdu")
    header = struct.pack(
        ">4H", 1, number(record, "source_wport"), number(record, "destination_wport"), len(apdu)
    )
    assert header + apdu == octets(record, "hex")


def run_general_block_transfer(record: Record) -> None:
    blocks = [octets(record, name) for name in sorted(record) if name.startswith("block_")]
    data = b""
    for position, block in enumerate(blocks, start=1):
        tag, control, block_number, block_number_ack, length = struct.unpack_from(">BBHHB", block)
        assert (tag, block_number, block_number_ack, length) == (0xE0, position, 0, len(block) - 7)
        assert bool(control & 0x80) is (position == len(blocks))
        data += block[7:]
    assert data == octets(record, "apdu")


def private_key(record: Record, name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(octets(record, name)), ec.SECP256R1())


def public_key(record: Record, name: str) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + octets(record, name))


def run_key_agreement(record: Record) -> None:
    peer = private_key(record, "peer_private_key")
    own = private_key(record, "private_key") if "private_key" in record else None
    for name, held in [("public_key", own), ("peer_public_key", peer)]:
        if name in record and held is not None:
            assert public_key(record, name) == held.public_key()
    public = own.public_key() if own is not None else public_key(record, "public_key")
    shared_secret = peer.exchange(ec.ECDH(), public)
    assert shared_secret == octets(record, "shared_secret")

    client, server = octets(record, "client_system_title"), octets(record, "server_system_title")
    parties = {
        "ephemeral-unified": client + server,
        "one-pass-diffie-hellman": client + server,
        "static-unified": client + b"\x08" + bytes.fromhex(record.get("transaction_id", "")) + server,
    }[record["scheme"]]
    derived = hashlib.sha256(b"\0\0\0\1" + shared_secret + octets(record, "algorithm_id") + parties).digest()
    assert derived[:16] == octets(record, "key")

    secret = PrivateKey("P-256", octets(record, "peer_private_key")).agree(
        PublicKey("P-256", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:])
    )
    assert secret == Key(shared_secret)
    key = derive_key(
        secret,
        1,
        record["scheme"],
        originator_system_title=client,
        recipient_system_title=server,
        transaction_id=bytes.fromhex(record.get("transaction_id", "")),
        older_algorithm_ids=record["algorithm_id"].startswith("60857406"),
    )
    assert key == Key(octets(record, "key"))


def run_signature(record: Record) -> None:
    verifier = private_key(record, "private_key").public_key()
    raw = octets(record, "signature")
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    verifier.verify(signature, octets(record, "signed"), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        verifier.verify(signature, octets(record, "signed")[:-1] + b"\0", ec.ECDSA(hashes.SHA256()))
    PrivateKey("P-256", octets(record, "private_key")).public.verify(octets(record, "signed"), raw)


RUNNERS: dict[str, Callable[[Record], None]] = {
    "apdu": run_apdu,
    "block-apdu": run_block_apdu,
    "ciphering": run_ciphering,
    "general-block-transfer": run_general_block_transfer,
    "hdlc-frame": run_hdlc_frame,
    "hls-gmac": run_hls_gmac,
    "hls-md5": run_hls_digest,
    "hls-sha1": run_hls_digest,
    "hls-sha256": run_hls_digest,
    "initiate": run_initiate,
    "key-agreement": run_key_agreement,
    "signature": run_signature,
    "wrapper": run_wrapper,
}


@pytest.mark.parametrize("record", list(records()), ids=lambda record: record["name"])
def test_record(record: Record) -> None:
    RUNNERS[record["kind"]](record)


def test_every_kind_has_records() -> None:
    assert {record["kind"] for record in records()} == RUNNERS.keys()
