"""Images: reading a file once, the gate before a meter, and signatures."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dlms_fw import regular_file, signing_keys
from dlms_fw._core import ImageBlocks
from dlms_fw.containers import dfw, signature
from dlms_fw.errors import ConfigurationError, ImageRejected
from dlms_fw.image import HardwareRange, Image, Version
from dlms_fw.image_octets import PIECE_SIZE

IDENTIFIER = b"\x4d\x43\x53\x01\x02\x03"
PAYLOAD = bytes(range(256)) * 20
posix = pytest.mark.skipif(os.name != "posix", reason="file modes and FIFOs are POSIX matters")


@pytest.fixture(scope="module")
def key() -> signing_keys.PrivateKey:
    return signing_keys.generate()


def container(
    key: signing_keys.PrivateKey | None = None, payload: bytes = PAYLOAD, **changes: object
) -> bytes:
    fields = {
        "image_identifier": IDENTIFIER,
        "part": 1,
        "meter_type": "MCS301",
        "firmware_version": Version(2, 0, 0),
    }
    return dfw.build(payload, **{**fields, **changes}, key=key)


@pytest.fixture
def path(tmp_path: Path, key: signing_keys.PrivateKey) -> Path:
    file = tmp_path / "image.dfw"
    file.write_bytes(container(key))
    return file


def rejection(path: object, **options: int) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        Image.open(path, **options)
    return caught.value


# --- reading ---


def test_an_image_is_the_whole_container(path: Path, key: signing_keys.PrivateKey) -> None:
    image = Image.open(path)
    assert image.data == path.read_bytes()
    assert image.payload == PAYLOAD
    assert image.sha256 == hashlib.sha256(image.data).digest()
    assert image.crc32 == zlib.crc32(image.data)
    assert (image.container, image.part, image.meter_type) == ("dfw", 1, "MCS301")
    assert (image.firmware_version, image.minimum_previous_version) == (Version(2, 0, 0), Version(0, 0, 0))
    assert (image.image_identifier, image.hardware) == (IDENTIFIER, HardwareRange.ANY)
    assert image.signature == image.data[-64:]
    assert image == Image.from_bytes(image.data)
    assert image != Image.from_bytes(container(key, PAYLOAD + b"\0"))
    assert len(repr(image)) < 500


def test_a_raw_image_is_what_it_is_given() -> None:
    image = Image.raw(b"vendor", b"ABCDEF", 3)
    assert (image.data, image.payload, image.image_identifier, image.part) == (
        b"vendor",
        b"vendor",
        b"ABCDEF",
        3,
    )
    assert image.container == "raw"
    assert image.meter_type is image.firmware_version is image.signature is image.hardware is None
    assert image.sha256 == hashlib.sha256(b"vendor").digest()
    # Nothing is known, so nothing is refused here.
    image.check_meter(meter_type=None, current_version=None)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((b"x", b""), "identifier"),
        ((b"x", bytes(65)), "identifier"),
        ((b"x", b"A", 10), "part"),
        ((b"", b"A"), "size"),
    ],
)
def test_raw_images_have_their_limits(arguments: tuple[bytes, bytes, int], reason: str) -> None:
    with pytest.raises(ImageRejected) as caught:
        Image.raw(*arguments)
    assert caught.value.reason == reason


@pytest.mark.fault("K-04")
def test_a_container_cannot_be_passed_off_as_raw(key: signing_keys.PrivateKey) -> None:
    with pytest.raises(ImageRejected) as caught:
        Image.raw(container(key), b"OTHERS", 2)
    assert caught.value.reason == "container"


@pytest.mark.fault("T-16")
def test_a_file_replaced_after_opening_changes_nothing(path: Path, key: signing_keys.PrivateKey) -> None:
    image = Image.open(path)
    original = path.read_bytes()
    path.write_bytes(container(key, b"something else"))
    assert image.data == original
    assert image.sha256 == hashlib.sha256(original).digest()
    image.verify([key.public_key()])


def test_blocks_are_cut_from_the_octets_that_were_checked(path: Path) -> None:
    image = Image.open(path)
    blocks = image.blocks(512)
    assert b"".join(blocks[number].image_block_value for number in range(len(blocks))) == image.data


@pytest.mark.fault("K-01")
def test_only_a_regular_file_is_read(tmp_path: Path, path: Path) -> None:
    assert rejection(tmp_path).reason == "file"
    assert rejection(tmp_path / "missing.dfw").reason == "file"
    assert "missing.dfw" in str(rejection(tmp_path / "missing.dfw"))
    assert rejection("nul\0octet").reason == "file"
    link = tmp_path / "latest.dfw"
    link.symlink_to(path)
    assert Image.open(link) == Image.open(path)
    path.unlink()
    assert rejection(link).reason == "file"


# --- an image that stays in its file ---


@pytest.fixture
def large(tmp_path: Path, key: signing_keys.PrivateKey) -> Path:
    """A container of some pieces, the last one not a whole one."""
    file = tmp_path / "large.dfw"
    payload = b"".join(number.to_bytes(4, "big") for number in range(20_000))
    file.write_bytes(container(key, payload))
    return file


def test_an_image_in_its_file_is_the_same_image(large: Path, key: signing_keys.PrivateKey) -> None:
    in_memory, in_file = Image.open(large), Image.from_file(large, trusted=[key.public_key()])
    assert in_file == in_memory
    assert (in_file.size, in_file.crc32, in_file.signed_sha256) == (
        in_memory.size,
        in_memory.crc32,
        in_memory.signed_sha256,
    )
    assert (in_file.data, in_file.payload) == (in_memory.data, in_memory.payload)
    assert in_file.verify([key.public_key()]) == key.public_key()
    assert Image.from_file(large) == in_memory


@pytest.mark.parametrize("size", [1, 100, 1000, 1024, PIECE_SIZE, 3 * PIECE_SIZE + 1, 1 << 20])
def test_blocks_read_from_a_file_are_those_of_the_image(large: Path, size: int) -> None:
    image = Image.from_file(large)
    data, blocks, read = image.data, image.blocks(size), image.octets.read
    step = max(1, len(blocks) // 500)
    for number in (*range(0, len(blocks), step), len(blocks) - 1):
        octets = data[number * size : (number + 1) * size]
        assert blocks[number].image_block_value == octets == read(number * size, len(octets))
    padded = image.blocks(size, pad_last_block=True)[-1].image_block_value
    assert len(padded) == size
    assert padded.rstrip(b"\0") == blocks[-1].image_block_value.rstrip(b"\0")


def test_a_raw_image_may_stay_in_its_file(tmp_path: Path, path: Path) -> None:
    file = tmp_path / "vendor.bin"
    file.write_bytes(bytes(range(256)) * 40)
    assert Image.raw_file(file, b"ABCDEF", 3) == Image.raw(file.read_bytes(), b"ABCDEF", 3)
    with pytest.raises(ImageRejected, match="dfw"):
        Image.raw_file(path, b"ABCDEF")
    with pytest.raises(ImageRejected) as caught:
        Image.raw_file(file, b"ABCDEF", size_limit=100)
    assert caught.value.reason == "size"


@pytest.mark.fault("T-16")
@pytest.mark.parametrize("where", [5_000, 40_000, 75_000])
def test_what_was_written_into_the_file_afterwards_is_not_sent(large: Path, where: int) -> None:
    image = Image.from_file(large)
    octets = bytearray(large.read_bytes())
    octets[where] ^= 1
    large.write_bytes(octets)
    blocks = image.blocks(512)
    with pytest.raises(ImageRejected, match=r"large\.dfw is no longer the file") as caught:
        blocks[where // 512]
    assert caught.value.reason == "file"
    assert blocks[2].image_block_value == octets[1024:1536]
    with pytest.raises(ImageRejected):
        image.data  # noqa: B018 (reading it is the test)


@pytest.mark.fault("T-16")
def test_a_file_that_was_cut_off_afterwards_is_not_sent(large: Path) -> None:
    image = Image.from_file(large)
    os.truncate(large, 30_000)
    blocks = image.blocks(1000)
    assert len(blocks[10]) == 1000
    with pytest.raises(ImageRejected, match="no longer the file"):
        blocks[30]


def test_a_file_that_was_replaced_by_renaming_is_still_read(large: Path, path: Path) -> None:
    image, data = Image.from_file(large), large.read_bytes()
    path.rename(large)
    assert image.data == data


def test_a_file_that_grows_while_it_is_checked_is_refused(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = regular_file.open_once

    def then_grow(path: object, limit: int) -> tuple[int, os.stat_result]:
        opened = real(large, limit)
        with large.open("ab") as stream:
            stream.write(b"more")
        return opened

    monkeypatch.setattr(regular_file, "open_once", then_grow)
    with pytest.raises(ImageRejected, match="no longer the file"):
        Image.from_file(large)


def test_an_image_in_its_file_is_not_in_memory(tmp_path: Path, key: signing_keys.PrivateKey) -> None:
    size = 8 * 1024 * 1024
    file = tmp_path / "large.dfw"
    file.write_bytes(container(key, bytes(size)))
    tracemalloc.start()
    try:
        blocks = Image.from_file(file, trusted=[key.public_key()]).blocks(1024)
        for number in range(len(blocks)):
            blocks[number].encode()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * 1024 * 1024


def test_a_reader_that_gives_another_number_of_octets_is_found_out() -> None:
    short = SimpleNamespace(size=100, read=lambda offset, length: bytes(length - 1))
    with pytest.raises(ValueError, match="shorter or longer"):
        ImageBlocks(short, 10)[0]
    with pytest.raises(TypeError):
        ImageBlocks(SimpleNamespace(size=100, read=lambda offset, length: None), 10)[0]
    with pytest.raises(AttributeError):
        ImageBlocks(object(), 10)


# --- opened and verified in one ---


def test_a_trusted_signature_says_more_than_the_digest_under_it(
    path: Path, key: signing_keys.PrivateKey
) -> None:
    trusted = [key.public_key()]
    assert Image.open(path, trusted=trusted) == Image.open(path)
    data = path.read_bytes()
    with pytest.raises(ImageRejected) as caught:
        Image.open(path, trusted=[signing_keys.generate().public_key()])
    assert caught.value.reason == "untrusted"
    with pytest.raises(ImageRejected) as caught:
        Image.from_bytes(container(), trusted=trusted)
    assert caught.value.reason == "unsigned"
    with pytest.raises(ImageRejected) as caught:
        Image.from_bytes(data[:-64] + bytes(31) + b"\1" + bytes(31) + b"\1", trusted=trusted)
    assert caught.value.reason == "signature"
    with pytest.raises(ImageRejected) as caught:
        Image.from_bytes(data[:200] + b"damaged" + data[207:], trusted=trusted)
    assert caught.value.reason == "digest"
    with pytest.raises(ImageRejected) as caught:
        Image.from_bytes(data, trusted=[])
    assert caught.value.reason == "untrusted"


@pytest.mark.parametrize("trusted", [False, True])
def test_with_a_trusted_key_all_is_digested_once(
    key: signing_keys.PrivateKey, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    data, digested = container(key), [0]

    class Counting:
        def __init__(self) -> None:
            self._digest = hashlib.sha256()

        def update(self, octets: bytes) -> None:
            digested[0] += len(octets)
            self._digest.update(octets)

        def digest(self) -> bytes:
            return self._digest.digest()

    monkeypatch.setattr("dlms_fw.image.sha256", Counting)
    monkeypatch.setattr("dlms_fw.containers.dfw.sha256", Counting)
    Image.from_bytes(data, trusted=[key.public_key()] if trusted else None)
    assert digested[0] == len(data) + (0 if trusted else len(PAYLOAD))


@posix
@pytest.mark.fault("K-01")
@pytest.mark.timeout(10)
def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert rejection(tmp_path / "fifo").reason == "file"


@pytest.mark.fault("K-01")
@pytest.mark.parametrize("by", [b"more", b""], ids=["grows", "shrinks"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, by: bytes
) -> None:
    real = os.fstat

    def then_change(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        path.write_bytes(path.read_bytes() + by if by else b"x")
        return status

    monkeypatch.setattr(regular_file.os, "fstat", then_change)
    error = rejection(path)
    assert error.reason == "file"
    assert "changed" in str(error)


def test_a_file_above_the_limit_is_not_read(path: Path) -> None:
    size = path.stat().st_size
    Image.open(path, size_limit=size)
    error = rejection(path, size_limit=size - 1)
    assert error.reason == "size"
    assert str(size) in str(error)


@pytest.mark.fault("K-03")
def test_an_image_is_in_memory_once(tmp_path: Path, key: signing_keys.PrivateKey) -> None:
    size = 8 * 1024 * 1024
    file = tmp_path / "large.dfw"
    file.write_bytes(container(key, bytes(size)))
    tracemalloc.start()
    try:
        Image.open(file).verify([key.public_key()])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size <= peak < size + 512 * 1024


def test_replacing_a_file_is_all_or_nothing(tmp_path: Path) -> None:
    target = tmp_path / "image.dfw"
    target.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        regular_file.replace(target, pieces())
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
    link = tmp_path / "link.dfw"
    link.symlink_to(target)
    regular_file.replace(link, [b"new", b"er"])
    assert target.read_bytes() == b"newer"
    assert link.is_symlink()
    with pytest.raises(FileExistsError):
        regular_file.replace(tmp_path, [b"x"])


# --- the gate before a meter ---

ALLOWED: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "an upgrade": ({}, {}),
    "the same version, for the driver to notice": ({}, {"current_version": Version(2, 0, 0)}),
    "an older one, allowed": ({}, {"current_version": Version(3, 0, 0), "allow_downgrade": True}),
    "over an unknown version, allowed": ({}, {"current_version": None, "allow_downgrade": True}),
    "metrology, allowed": ({"part": 0}, {"allow_metrology": True}),
    "the lowest hardware of the range": ({"hardware": HardwareRange(3, 7)}, {"hardware": 3}),
    "any hardware, the meter says none": ({}, {"hardware": None}),
    "exactly the minimum version": ({"minimum_previous_version": Version(1, 0, 0)}, {}),
    "an identifier of the right length": ({}, {"identifier_length": 6}),
}
REFUSED: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "another meter type": ({}, {"meter_type": "MCS302"}, "meter-type"),
    "a meter type in other letters": ({}, {"meter_type": "mcs301"}, "meter-type"),
    "a meter type with a blank": ({}, {"meter_type": "MCS301 "}, "meter-type"),
    "a meter type that only begins alike": ({}, {"meter_type": "MCS3010"}, "meter-type"),
    "a meter that says no type": ({}, {"meter_type": None}, "meter-type"),
    "hardware below the range": ({"hardware": HardwareRange(3, 7)}, {"hardware": 2}, "hardware"),
    "hardware above the range": ({"hardware": HardwareRange(3, 7)}, {"hardware": 8}, "hardware"),
    "hardware unknown": ({"hardware": HardwareRange(3, 7)}, {}, "hardware"),
    "metrology without its flag": ({"part": 0}, {}, "metrology"),
    "metrology with the flag for versions": ({"part": 0}, {"allow_downgrade": True}, "metrology"),
    "an older version": ({}, {"current_version": Version(2, 0, 1)}, "version"),
    "older as a number, newer as text": ({}, {"current_version": Version(10, 0, 0)}, "version"),
    "a version that cannot be told": ({}, {"current_version": None}, "version-unknown"),
    "too old a precursor": ({"minimum_previous_version": Version(1, 0, 1)}, {}, "minimum-version"),
    "too old a precursor, downgrade allowed": (
        {"minimum_previous_version": Version(1, 0, 1)},
        {"allow_downgrade": True},
        "minimum-version",
    ),
    "a precursor that cannot be told, downgrade allowed": (
        {"minimum_previous_version": Version(1, 0, 1)},
        {"current_version": None, "allow_downgrade": True},
        "version-unknown",
    ),
    "an identifier that is one octet short": (
        {"image_identifier": IDENTIFIER[:5]},
        {"identifier_length": 6},
        "identifier",
    ),
    "an identifier that is padded": (
        {"image_identifier": IDENTIFIER + b"\0"},
        {"identifier_length": 6},
        "identifier",
    ),
    "an identifier in hex as text": (
        {"image_identifier": IDENTIFIER.hex().encode()},
        {"identifier_length": 6},
        "identifier",
    ),
}
METER = {"meter_type": "MCS301", "current_version": Version(1, 0, 0)}


@pytest.mark.fault("T-18")
@pytest.mark.fault("T-19")
@pytest.mark.fault("T-21")
@pytest.mark.parametrize("name", ALLOWED)
def test_the_gate_lets_through(name: str) -> None:
    changes, meter = ALLOWED[name]
    Image.from_bytes(container(**changes)).check_meter(**{**METER, **meter})


@pytest.mark.fault("T-18")
@pytest.mark.fault("T-19")
@pytest.mark.fault("T-20")
@pytest.mark.fault("T-21")
@pytest.mark.parametrize("name", REFUSED)
def test_the_gate_refuses(name: str) -> None:
    changes, meter, reason = REFUSED[name]
    image = Image.from_bytes(container(**changes))
    with pytest.raises(ImageRejected) as caught:
        image.check_meter(**{**METER, **meter})
    assert caught.value.reason == reason
    assert caught.value.code == f"image.{reason}"


def test_the_gate_names_the_facts() -> None:
    image = Image.from_bytes(container())
    with pytest.raises(ImageRejected, match=r"2\.0\.0.*3\.1\.0") as caught:
        image.check_meter(meter_type="MCS301", current_version=Version(3, 1, 0))
    assert caught.value.hint is not None
    with pytest.raises(ImageRejected, match=r"'MCS301'.*'XYZ'"):
        image.check_meter(meter_type="XYZ", current_version=None)


# --- signatures over files ---


def test_a_trusted_key_comes_as_object_path_or_octets(
    path: Path, key: signing_keys.PrivateKey, tmp_path: Path
) -> None:
    pem = signing_keys.public_pem(key.public_key())
    file = tmp_path / "vendor.pem"
    file.write_bytes(pem)
    image = Image.open(path)
    for trusted in (key.public_key(), file, str(file), pem):
        assert image.verify([trusted]) == key.public_key()


def test_verification_says_what_is_missing(path: Path, key: signing_keys.PrivateKey) -> None:
    cases = {
        "unsigned": (Image.from_bytes(container()), [key.public_key()]),
        "untrusted": (Image.open(path), [signing_keys.generate().public_key()]),
        "signature": (
            Image.from_bytes(path.read_bytes()[:-64] + bytes(31) + b"\1" + bytes(31) + b"\1"),
            [key.public_key()],
        ),
    }
    for reason, (image, trusted) in cases.items():
        with pytest.raises(ImageRejected) as caught:
            image.verify(trusted)
        assert caught.value.reason == reason
    with pytest.raises(ImageRejected) as caught:
        Image.raw(b"vendor", b"ABCDEF").verify([key.public_key()])
    assert caught.value.reason == "unsigned"


def test_key_objects_of_other_kinds_are_refused(path: Path, key: signing_keys.PrivateKey) -> None:
    image = Image.open(path)
    for wrong in (key, ec.generate_private_key(ec.SECP384R1()).public_key(), None, 7):
        with pytest.raises(ConfigurationError):
            image.verify([wrong])
    with pytest.raises(ConfigurationError):
        image.verify("vendor.pem")
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        image.verify(["missing.pem"])


def test_the_same_octets_are_read_once_and_their_signature_is_verified_each_time(
    key: signing_keys.PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = container(key)
    first = Image.from_bytes(data)
    assert Image.from_bytes(data) is first
    assert Image.from_bytes(bytes(bytearray(data))) is not first
    verified: list[bytes] = []
    monkeypatch.setattr(signature, "verify", lambda contents, digest, *_, **__: verified.append(digest))
    for _ in range(2):
        Image.from_bytes(data, trusted=[key.public_key()])
        first.verify([key.public_key()])
    assert verified == [first.signed_sha256] * 4
