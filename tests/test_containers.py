"""DFW containers: the documented octets, and refusal of everything else."""

from __future__ import annotations

import importlib.metadata
import re
import struct
import tracemalloc
from hashlib import sha256, sha384
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dlms_fw import signing_keys
from dlms_fw.containers import registry, signature
from dlms_fw.containers.description import ANY_VERSION, Container, HardwareRange, Version
from dlms_fw.containers.dfw import CRITICAL, DfwContainer, Extension, build, parse, sign, verify
from dlms_fw.errors import ConfigurationError, ImageRejected

# RFC 6979, A.2.5: P-256. The signatures of "sample" and "test" with SHA-256.
RFC6979_KEY = ec.derive_private_key(
    0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1()
)
RFC6979_SIGNATURES = {
    b"sample": "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    b"test": "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
    "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
}
TRUSTED = [RFC6979_KEY.public_key()]
FIELDS = {
    "image_identifier": b"\x4d\x43\x53\x01\x02\x03",
    "part": 1,
    "meter_type": "MCS301",
    "firmware_version": Version(2, 4, 1),
    "minimum_previous_version": Version(2, 1, 0),
    "hardware": HardwareRange(3, 7),
}
PAYLOAD = b"the new firmware"
HEADER_LENGTH = 76 + 6 + 6
UNSIGNED_TRAILER = b"DFWS\x00\x00\x00\x00"
ORDER = signature.P256_ORDER


def signed(payload: bytes = PAYLOAD, **changes: object) -> bytes:
    return build(payload, **{**FIELDS, **changes}, key=RFC6979_KEY)


def with_signature(raw: bytes, data: bytes | None = None) -> bytes:
    """A container whose 64 octets of signature are these, all lengths as they were."""
    return (signed() if data is None else data)[:-64] + raw


def refused(data: bytes, reason: str, **options: bool) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        verify(data, TRUSTED, **options)
    assert caught.value.reason == reason, str(caught.value)
    return caught.value


def resigned(header: bytes) -> bytes:
    """A header of any content with a payload and a genuine signature."""
    body = header + PAYLOAD
    return body + signed()[-80:-64] + signature.sign_digest(sha256(body).digest(), RFC6979_KEY)


# --- the documented octets ---


def test_the_octets_in_the_documentation_are_what_is_built() -> None:
    text = Path(__file__).parents[1].joinpath("docs/container.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```hex\n(.*?)```", text, re.DOTALL)
    octets = bytes.fromhex("".join(line.partition("#")[0] for line in block.splitlines()))
    assert octets == signed()
    assert verify(octets, TRUSTED).firmware_version == Version(2, 4, 1)


def test_the_layout_is_the_one_of_an_emitter_written_by_hand() -> None:
    extension = struct.pack(">HH", 0x0123, 3) + b"abc"
    header = (
        struct.pack(">8sHHIQ", b"\x89DFW\r\n\x1a\n", 1, HEADER_LENGTH + len(extension), 0, len(PAYLOAD))
        + sha256(PAYLOAD).digest()
        + struct.pack(">HHHHHHHHBBBB", 2, 4, 1, 2, 1, 0, 3, 7, 1, 1, 6, 6)
        + b"\x4d\x43\x53\x01\x02\x03"
        + b"MCS301"
        + extension
    )
    data = build(PAYLOAD, **FIELDS, extensions=[Extension(0x0123, b"abc")])
    assert data == header + PAYLOAD + UNSIGNED_TRAILER


def test_signing_changes_neither_header_nor_payload() -> None:
    unsigned = build(PAYLOAD, **FIELDS)
    container = parse(unsigned)
    assert container.signature is None
    later = sign(unsigned, RFC6979_KEY)
    assert later[: container.signed_length] == unsigned[: container.signed_length]
    assert later == signed()
    other = signing_keys.generate()
    assert verify(sign(later, other), [other.public_key()]).key_id == signing_keys.key_id(other.public_key())


@settings(max_examples=60, deadline=None)
@given(
    payload=st.binary(min_size=1, max_size=300),
    image_identifier=st.binary(min_size=1, max_size=64),
    part=st.integers(0, 9),
    meter_type=st.text(min_size=1, max_size=16).filter(lambda t: t.isprintable() and t == t.strip()),
    versions=st.tuples(*[st.builds(Version, *[st.integers(0, 0xFFFF)] * 3)] * 2),
    hardware=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)).map(sorted),
    extensions=st.dictionaries(st.integers(0, CRITICAL - 1), st.binary(max_size=40), max_size=16),
    is_signed=st.booleans(),
)
def test_what_is_built_is_what_is_read(
    payload: bytes,
    image_identifier: bytes,
    part: int,
    meter_type: str,
    versions: tuple[Version, Version],
    hardware: list[int],
    extensions: dict[int, bytes],
    is_signed: bool,
) -> None:
    fields = {
        "image_identifier": image_identifier,
        "part": part,
        "meter_type": meter_type,
        "firmware_version": versions[0],
        "minimum_previous_version": versions[1],
        "hardware": HardwareRange(*hardware),
        "extensions": tuple(Extension(*item) for item in extensions.items()),
    }
    data = build(payload, **fields, key=RFC6979_KEY if is_signed else None)
    container = parse(data)
    assert {name: getattr(container, name) for name in fields} == fields
    assert data[container.payload_offset :][: container.payload_length] == payload
    assert (container.signature is not None) is is_signed
    # There is one way to write a container.
    assert build(payload, **fields, key=RFC6979_KEY if is_signed else None) == data


# --- damage ---


@pytest.mark.fault("S-35")
def test_every_change_of_one_octet_is_refused() -> None:
    payload = bytes(range(256)) * 8
    data = signed(payload)
    verify(data, TRUSTED)
    header, trailer = range(HEADER_LENGTH), range(len(data) - 80, len(data))
    for position in [*header, *range(HEADER_LENGTH, len(data) - 80, 97), *trailer]:
        was = data[position]
        for octet in {0x00, 0xFF, *(was ^ 1 << bit for bit in range(8))} - {was}:
            altered = bytearray(data)
            altered[position] = octet
            with pytest.raises(ImageRejected):
                verify(bytes(altered), TRUSTED)


def test_every_truncation_is_refused() -> None:
    data = signed()
    for length in range(len(data)):
        with pytest.raises(ImageRejected) as caught:
            parse(data[:length])
        assert caught.value.reason == "container"


@pytest.mark.fault("T-22")
@pytest.mark.parametrize("extra", [b"\0", b"\n", b"DFWS", bytes(64), bytes(10_000)])
def test_octets_after_the_end_are_refused(extra: bytes) -> None:
    assert "follow its end" in str(refused(signed() + extra, "container"))
    unsigned = build(PAYLOAD, **FIELDS)
    refused(unsigned + extra, "container")


@pytest.mark.fault("T-22")
@pytest.mark.parametrize("difference", [-1, 1, 80, 2**40, 2**64 - 1 - len(PAYLOAD)])
def test_a_payload_length_that_does_not_add_up_is_refused(difference: int) -> None:
    header = bytearray(signed()[:HEADER_LENGTH])
    header[16:24] = (len(PAYLOAD) + difference).to_bytes(8, "big")
    refused(resigned(bytes(header)), "container")


HEADERS_THAT_ARE_SIGNED_AND_STILL_REFUSED = {
    "container version 2": (8, b"\x00\x02", "container"),
    "header length above the limit": (10, b"\xff\xff", "container"),
    "header length shorter than its fields": (10, b"\x00\x4c", "container"),
    "an unknown flag": (12, b"\x00\x00\x00\x01", "container"),
    "another payload digest": (24, bytes(32), "digest"),
    "a hardware range that runs backwards": (68, b"\x00\x08\x00\x07", "container"),
    "part 10": (72, b"\x0a", "part"),
    "255 extensions": (73, b"\xff", "container"),
    "an empty identifier": (74, b"\x00", "container"),
    "an identifier of 65 octets": (74, b"\x41", "container"),
    "an empty meter type": (75, b"\x00", "container"),
    "a meter type that is not UTF-8": (82, b"\xff", "container"),
    "a meter type with a control character": (82, b"\x1b", "meter-type"),
    "a meter type with a blank before it": (82, b" ", "meter-type"),
}


@pytest.mark.fault("K-02")
@pytest.mark.parametrize("name", HEADERS_THAT_ARE_SIGNED_AND_STILL_REFUSED)
def test_a_genuine_signature_does_not_excuse_a_wrong_header(name: str) -> None:
    offset, octets, reason = HEADERS_THAT_ARE_SIGNED_AND_STILL_REFUSED[name]
    header = bytearray(signed()[:HEADER_LENGTH])
    header[offset : offset + len(octets)] = octets
    refused(resigned(bytes(header)), reason)


def header_with_extensions(*extensions: Extension) -> bytes:
    area = b"".join(struct.pack(">HH", each.type, len(each.value)) + each.value for each in extensions)
    header = bytearray(signed()[:HEADER_LENGTH] + area)
    header[10:12] = struct.pack(">H", len(header))
    header[73] = len(extensions)
    return bytes(header)


@pytest.mark.fault("K-02")
def test_extensions_are_carried_but_critical_double_and_too_many_ones_are_refused() -> None:
    one, two = Extension(1, b"note"), Extension(2, b"")
    assert verify(resigned(header_with_extensions(one, two)), TRUSTED).extensions == (one, two)
    error = refused(resigned(header_with_extensions(Extension(CRITICAL | 1, b""))), "container")
    assert "0x8001" in str(error)
    refused(resigned(header_with_extensions(one, one)), "container")
    refused(resigned(header_with_extensions(*(Extension(n, b"") for n in range(17)))), "container")
    refused(resigned(header_with_extensions(Extension(1, bytes(4096)))), "container")


@pytest.mark.fault("K-02")
def test_promised_lengths_cost_no_memory() -> None:
    header = bytearray(signed()[:HEADER_LENGTH])
    header[16:24] = (2**63).to_bytes(8, "big")
    data = resigned(bytes(header))
    tracemalloc.start()
    try:
        with pytest.raises(ImageRejected):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 256 * 1024
    finally:
        tracemalloc.stop()


FIELDS_THAT_CANNOT_BE_BUILT: dict[str, tuple[dict[str, object], str]] = {
    "no identifier": ({"image_identifier": b""}, "identifier"),
    "an identifier of 65 octets": ({"image_identifier": bytes(65)}, "identifier"),
    "part 10": ({"part": 10}, "part"),
    "part -1": ({"part": -1}, "part"),
    "no meter type": ({"meter_type": ""}, "meter-type"),
    "a meter type of 65 octets": ({"meter_type": "é" * 32 + "x"}, "meter-type"),
    "a meter type with a line end": ({"meter_type": "MCS301\n"}, "meter-type"),
    "a critical extension": ({"extensions": [Extension(CRITICAL, b"")]}, "container"),
    "17 extensions": ({"extensions": [Extension(n, b"") for n in range(17)]}, "container"),
    "an extension beyond the header": ({"extensions": [Extension(1, bytes(5000))]}, "container"),
    "an extension beyond any length": ({"extensions": [Extension(1, bytes(70_000))]}, "container"),
}


@pytest.mark.parametrize("name", FIELDS_THAT_CANNOT_BE_BUILT)
def test_what_could_not_be_read_is_not_built(name: str) -> None:
    changes, reason = FIELDS_THAT_CANNOT_BE_BUILT[name]
    with pytest.raises(ImageRejected) as caught:
        signed(**changes)
    assert caught.value.reason == reason


def test_an_empty_payload_is_not_an_image() -> None:
    with pytest.raises(ImageRejected) as caught:
        signed(b"")
    assert caught.value.reason == "size"


# --- signatures ---


def numbers(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


R, S = decode_dss_signature(RFC6979_KEY.sign(b"another message", ec.ECDSA(hashes.SHA256())))
GENUINE = signed()[-64:]
GENUINE_R, GENUINE_S = int.from_bytes(GENUINE[:32], "big"), int.from_bytes(GENUINE[32:], "big")

MALFORMED_SIGNATURES = {
    "all zero": bytes(64),
    "r = 0": numbers(0, GENUINE_S),
    "s = 0": numbers(GENUINE_R, 0),
    "r = n": numbers(ORDER, GENUINE_S),
    "s = n": numbers(GENUINE_R, ORDER),
    "r = n + 1": numbers(ORDER + 1, GENUINE_S),
    "all ones": b"\xff" * 64,
    "r = s = 1": numbers(1, 1),
    "r = s = n - 1": numbers(ORDER - 1, ORDER - 1),
    "r and s exchanged": GENUINE[32:] + GENUINE[:32],
    "negated r": numbers(ORDER - GENUINE_R, GENUINE_S),
    "little-endian numbers": GENUINE[31::-1] + GENUINE[:31:-1],
    "of another message": numbers(R, S),
    "the first 64 octets of its DER form": encode_dss_signature(GENUINE_R, GENUINE_S)[:64],
}


@pytest.mark.fault("S-32")
@pytest.mark.parametrize("name", MALFORMED_SIGNATURES)
def test_a_wrong_signature_of_64_octets_is_refused(name: str) -> None:
    refused(with_signature(MALFORMED_SIGNATURES[name]), "signature")


@pytest.mark.fault("S-32")
@pytest.mark.parametrize("name", ["all zero", "r = 0", "s = 0", "r = n", "s = n", "r = n + 1", "all ones"])
def test_numbers_outside_their_range_are_refused_before_any_key_is_asked(name: str) -> None:
    with pytest.raises(ImageRejected, match=r"1\.\.n-1") as caught:
        parse(with_signature(MALFORMED_SIGNATURES[name]))
    assert caught.value.reason == "signature"


@pytest.mark.fault("S-32")
@pytest.mark.parametrize(
    "raw",
    [
        encode_dss_signature(GENUINE_R, GENUINE_S),
        GENUINE[:63],
        GENUINE + b"\0",
        b"\0" + GENUINE,
        b"\0" + GENUINE[:32] + b"\0" + GENUINE[32:],
        b"",
    ],
    ids=["DER", "63 octets", "a trailing zero", "a leading zero", "leading zeros", "empty"],
)
def test_a_signature_of_another_length_is_refused(raw: bytes) -> None:
    data = bytearray(signed()[:-64] + raw)
    if len(raw) != 64:
        refused(bytes(data), "container")
    # The same with a trailer that admits to the length.
    length_at = len(signed()) - 80 + 6
    data[length_at : length_at + 2] = len(raw).to_bytes(2, "big")
    refused(bytes(data), "signature")
    with pytest.raises(ImageRejected):
        signature.check_form(raw)


@pytest.mark.fault("S-33")
def test_the_other_s_is_the_same_signature_unless_the_policy_wants_one_form() -> None:
    other = with_signature(numbers(GENUINE_R, ORDER - GENUINE_S))
    assert verify(other, TRUSTED).firmware_version == verify(signed(), TRUSTED).firmware_version
    low, high = sorted((signed(), other), key=lambda data: data[-32:])
    verify(low, TRUSTED, require_low_s=True)
    refused(high, "signature", require_low_s=True)


@pytest.mark.fault("S-35")
def test_the_signature_covers_header_and_payload_with_sha256_and_nothing_else() -> None:
    data = signed()
    header, payload, trailer = data[:HEADER_LENGTH], PAYLOAD, data[-80:-64]
    ranges = {
        "payload alone": payload,
        "header alone": header,
        "header without magic": header[8:] + payload,
        "itself": header + payload + trailer,
        "payload first": payload + header,
    }
    for octets in ranges.values():
        refused(with_signature(signature.sign_digest(sha256(octets).digest(), RFC6979_KEY)), "signature")
    der = RFC6979_KEY.sign(sha384(header + payload).digest(), ec.ECDSA(Prehashed(hashes.SHA384())))
    refused(with_signature(numbers(*decode_dss_signature(der))), "signature")
    verify(with_signature(signature.sign_digest(sha256(header + payload).digest(), RFC6979_KEY)), TRUSTED)


@pytest.mark.fault("S-35")
@pytest.mark.parametrize(
    "change",
    [
        {"image_identifier": b"\x4d\x43\x53\x01\x02\x04"},
        {"part": 0},
        {"meter_type": "MCS302"},
        {"firmware_version": Version(2, 4, 2)},
        {"minimum_previous_version": ANY_VERSION},
        {"hardware": HardwareRange.ANY},
        {"payload": PAYLOAD + b"\0"},
        {"extensions": [Extension(1, b"")]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signature_does_not_fit_a_container_that_differs_in_one_field(change: dict[str, object]) -> None:
    refused(with_signature(GENUINE, signed(**change)), "signature")


def test_reasons_tell_no_signature_no_key_and_wrong_key_apart() -> None:
    unsigned = build(PAYLOAD, **FIELDS)
    refused(unsigned, "unsigned")
    stranger = signing_keys.generate()
    with pytest.raises(ImageRejected) as caught:
        verify(signed(), [stranger.public_key()])
    assert caught.value.reason == "untrusted"
    assert signing_keys.key_id(TRUSTED[0]).hex() in str(caught.value)
    with pytest.raises(ImageRejected) as caught:
        verify(signed(), [])
    assert caught.value.reason == "untrusted"
    # A stranger's signature under the name of a trusted key.
    forged = sign(signed(), stranger)
    forged = forged[:-72] + signing_keys.key_id(TRUSTED[0]) + forged[-64:]
    refused(forged, "signature")
    # One of several keys is enough.
    verify(signed(), [stranger.public_key(), *TRUSTED])


@pytest.mark.fault("S-36")
def test_signing_is_deterministic_as_in_rfc_6979() -> None:
    for message, expected in RFC6979_SIGNATURES.items():
        assert signature.sign_digest(sha256(message).digest(), RFC6979_KEY).hex().upper() == expected
    assert signed() == signed()


def test_only_p256_signs() -> None:
    with pytest.raises(ConfigurationError):
        signature.sign_digest(bytes(32), ec.generate_private_key(ec.SECP384R1()))


# --- finding the format ---


class _PlugIn:
    NAME = "acme"
    MAGIC = b"ACME"

    @staticmethod
    def parse(data: bytes) -> Container:
        return Container(
            format="acme", image_identifier=data[4:10], payload_offset=10, payload_length=len(data) - 10
        )


def announce(monkeypatch: pytest.MonkeyPatch, load: object) -> None:
    def entry_points(*, group: str) -> list[SimpleNamespace]:
        assert group == "dlms_fw.containers"
        return [SimpleNamespace(name="acme", load=load)]

    monkeypatch.setattr(registry, "entry_points", entry_points)


def test_a_plug_in_reads_files_with_its_magic(monkeypatch: pytest.MonkeyPatch) -> None:
    announced = importlib.metadata.entry_points(group="dlms_fw.containers")
    assert list(registry.entry_points(group="dlms_fw.containers")) == list(announced)
    announce(monkeypatch, lambda: _PlugIn)
    assert registry.parse(b"ACME123456firmware").image_identifier == b"123456"
    assert isinstance(registry.parse(signed()), DfwContainer)
    with pytest.raises(ImageRejected) as caught:
        registry.parse(b"something else")
    assert caught.value.reason == "container"


def test_a_plug_in_cannot_take_our_files_and_is_not_even_imported_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load() -> None:
        raise AssertionError("imported")

    announce(monkeypatch, load)
    assert registry.find(signed()) is not None


def test_a_broken_plug_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> None:
        raise ImportError("no such module")

    announce(monkeypatch, load)
    with pytest.raises(ConfigurationError, match=r"'acme'.*no such module"):
        registry.find(b"something else")
    for unusable in (
        SimpleNamespace(NAME="acme", MAGIC=b"ACM", parse=_PlugIn.parse),
        SimpleNamespace(NAME="acme"),
    ):
        announce(monkeypatch, lambda plug_in=unusable: plug_in)
        with pytest.raises(ConfigurationError, match="'acme'"):
            registry.find(b"something else")


# --- versions and hardware ---


def test_versions_are_ordered_as_numbers() -> None:
    texts = ["0.0.0", "0.0.10", "0.2.0", "0.10.0", "1.9.9", "2.0.0", "10.0.0", "65535.65535.65535"]
    assert [str(version) for version in sorted(map(Version.parse, reversed(texts)))] == texts


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.3.4", "1.2.65536", "01.2.3", "1.2.-3", " 1.2.3", "1.2.3\n", "v1.2.3", "1.2.٣"],
)
def test_other_texts_are_not_versions(text: str) -> None:
    with pytest.raises(ValueError, match=r"X\.Y\.Z|65535"):
        Version.parse(text)


def test_hardware_ranges() -> None:
    assert HardwareRange.parse("any").is_any
    assert HardwareRange.parse("3") == HardwareRange(3, 3)
    assert HardwareRange.parse("3..7") == HardwareRange.parse("3-7")
    assert [revision in HardwareRange(3, 7) for revision in (2, 3, 7, 8)] == [False, True, True, False]
    assert [str(HardwareRange.parse(text)) for text in ("any", "3", "3-7")] == ["any", "3", "3..7"]
    for text in ("", "7..3", "a", "3..", "-1", "65536"):
        with pytest.raises(ValueError, match=r"hardware range|65535"):
            HardwareRange.parse(text)
