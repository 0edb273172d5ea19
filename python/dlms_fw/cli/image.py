"""``dlms-fw image``: make, sign, check and show firmware images. Nothing here talks to a meter."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from dlms_fw import regular_file, signing_keys
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.containers import dfw
from dlms_fw.containers.description import ANY_VERSION, IDENTIFIER_LIMIT, PARTS, HardwareRange, Version
from dlms_fw.errors import ConfigurationError, ImageRejected
from dlms_fw.image import Image, read_file

_PART_NAMES = {0: "metrology", 1: "meter application"}


def parse_identifier(text: str) -> bytes:
    """An image identifier in hex. Raises ``ValueError``."""
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    if not 1 <= len(octets) <= IDENTIFIER_LIMIT:
        raise ValueError(
            f"{text!r} is not an identifier; write 1 to {IDENTIFIER_LIMIT} octets in hex, 6 for an MCS301"
        )
    return octets


def parsed_by(parse: Callable[[str], object]) -> Callable[[object], object]:
    """A click type of ``parse``, whose ValueError becomes a usage error with the same words."""

    def convert(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return convert


VERSION = parsed_by(Version.parse)
HARDWARE = parsed_by(HardwareRange.parse)
IDENTIFIER = parsed_by(parse_identifier)


@click.group()
def image() -> None:
    """Make, sign, check and show firmware images."""


@image.command()
@click.option(
    "--out", required=True, metavar="FILE", help="The private key, PKCS #8 PEM, for its owner alone."
)
@click.option("--public", required=True, metavar="FILE", help="The public key, PEM: what --trust takes.")
@reported("image keygen")
def keygen(outcome: Outcome, out: str, public: str) -> None:
    """Make a P-256 key pair for signing images. Existing files are not touched."""
    key = signing_keys.generate()
    signing_keys.write_pair(key, out, public)
    key_id = signing_keys.key_id(key.public_key()).hex()
    outcome.facts.update(changed=True, private=out, public=public, key_id=key_id)
    outcome.table([("key id", key_id), ("private", f"{out} (keep it secret)"), ("public", public)])


@image.command()
@click.argument("payload")
@click.option(
    "--out", required=True, metavar="FILE", help="The container to write; an older one is replaced."
)
@click.option("--identifier", required=True, type=IDENTIFIER, metavar="HEX", help="12 digits for an MCS301.")
@click.option(
    "--part", required=True, type=click.IntRange(PARTS.start, PARTS.stop - 1), help="Firmware part."
)
@click.option("--meter-type", required=True, metavar="TEXT", help="The meter's type, exactly as it says it.")
@click.option("--firmware-version", required=True, type=VERSION, metavar="X.Y.Z", help="The version inside.")
@click.option(
    "--minimum-version",
    type=VERSION,
    metavar="X.Y.Z",
    default=ANY_VERSION,
    help="The oldest version that may be upgraded with it; any by default.",
)
@click.option(
    "--hardware",
    type=HARDWARE,
    metavar="N..M",
    default=HardwareRange.ANY,
    help="The hardware revisions it is for; any by default.",
)
@click.option("--key", metavar="FILE", help="Sign at once with this private key.")
@reported("image create")
def create(
    outcome: Outcome,
    payload: str,
    out: str,
    identifier: bytes,
    part: int,
    meter_type: str,
    firmware_version: Version,
    minimum_version: Version,
    hardware: HardwareRange,
    key: str | None,
) -> None:
    """Put the firmware PAYLOAD into a container.

    Part 0 is the metrologically relevant firmware, 1 the meter application, 2 to 9 are others.
    """
    signing_key = None if key is None else signing_keys.load_private_key(key)
    data = dfw.build(
        read_file(payload),
        image_identifier=identifier,
        part=part,
        meter_type=meter_type,
        firmware_version=firmware_version,
        minimum_previous_version=minimum_version,
        hardware=hardware,
        key=signing_key,
    )
    if os.path.exists(out) and os.path.samefile(out, payload):
        raise ConfigurationError(f"{out} is the payload itself", hint="name another file with --out")
    _write(out, data)
    _show(outcome, Image.from_bytes(data), out, verdict="just made")
    outcome.facts["changed"] = True


@image.command()
@click.argument("file")
@click.option("--key", required=True, metavar="FILE", help="The private key.")
@click.option("--out", metavar="FILE", help="Write here instead of replacing FILE.")
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
@reported("image sign")
def sign(outcome: Outcome, file: str, key: str, out: str | None, yes: bool) -> None:
    """Sign the container FILE; header and payload stay as they are, an older signature is replaced."""
    signing_key = signing_keys.load_private_key(key)
    unsigned = Image.from_bytes(read_file(file))
    if unsigned.container != dfw.NAME:
        raise ImageRejected(
            f"only DFW containers are signed here, this is {unsigned.container}", reason="container"
        )
    if not (yes or outcome.as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        outcome.table(_rows(unsigned, "not yet"))
        click.confirm("Sign this image?", abort=True)
    signed = Image.from_bytes(dfw.sign(unsigned.data, signing_key))
    _write(out or file, signed.data)
    _show(outcome, signed, out or file, verdict="just made")
    outcome.facts["changed"] = out is not None or signed.data != unsigned.data


@image.command()
@click.argument("file")
@click.option(
    "--trust",
    required=True,
    multiple=True,
    metavar="FILE",
    help="A trusted public key, PEM; may be repeated.",
)
@reported("image verify")
def verify(outcome: Outcome, file: str, trust: tuple[str, ...]) -> None:
    """Check the container FILE and that a trusted key signed it."""
    _show(outcome, Image.open(file), file, trust=trust)


@image.command()
@click.argument("file")
@click.option("--trust", multiple=True, metavar="FILE", help="Check the signature with this public key, PEM.")
@reported("image inspect")
def inspect(outcome: Outcome, file: str, trust: tuple[str, ...]) -> None:
    """Show what the container FILE says. Its digests are checked, its signature only with --trust."""
    _show(outcome, Image.open(file), file, trust=trust)


def image_facts(image: Image) -> dict[str, Any]:
    """What is known about an image, for a JSON document."""
    return {
        "container": image.container,
        "identifier": image.image_identifier.hex().upper(),
        "part": image.part,
        "meter_type": image.meter_type,
        "hardware": _text(image.hardware),
        "firmware_version": _text(image.firmware_version),
        "minimum_previous_version": _text(image.minimum_previous_version),
        "bytes": len(image.data),
        "payload_bytes": image.contents.payload_length,
        "sha256": image.sha256.hex(),
        "crc32": f"{image.crc32:08x}",
        "signature": None if image.signature is None else image.signature.hex(),
        "key_id": None if image.contents.key_id is None else image.contents.key_id.hex(),
    }


def _show(
    outcome: Outcome, image: Image, file: str, *, trust: tuple[str, ...] = (), verdict: str = "not checked"
) -> None:
    outcome.facts.update(image_facts(image), file=file, changed=False, signature_verified=None)
    if not trust:
        outcome.table(_rows(image, verdict))
        return
    try:
        image.verify(trust)
    except ImageRejected:
        outcome.facts["signature_verified"] = False
        outcome.table(_rows(image, "NOT TRUSTED"))
        raise
    outcome.facts["signature_verified"] = True
    outcome.table(_rows(image, "ok, by a trusted key"))


def _rows(image: Image, verdict: str) -> list[tuple[str, str]]:
    contents = image.contents
    minimum = image.minimum_previous_version
    rows = [
        (
            "container",
            f"{image.container}, {len(image.data)} octets, {contents.payload_length} of them payload",
        ),
        ("identifier", f"{image.image_identifier.hex().upper()} ({len(image.image_identifier)} octets)"),
        (
            "part",
            "unknown"
            if image.part is None
            else f"{image.part} ({_PART_NAMES.get(image.part, 'other part')})",
        ),
        ("meter type", image.meter_type or "unknown"),
        ("hardware", _text(image.hardware) or "unknown"),
        ("version", _text(image.firmware_version) or "unknown"),
        ("upgrades", "any version" if minimum in (None, ANY_VERSION) else f"{minimum} or newer"),
        ("sha256", image.sha256.hex()),
        ("crc32", f"{image.crc32:08x}"),
    ]
    if image.signature is None:
        return [*rows, ("signature", "none")]
    by = "" if contents.key_id is None else f" by key {contents.key_id.hex()}"
    return [*rows, ("signature", f"ECDSA P-256 with SHA-256{by}: {verdict}")]


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _write(path: str, data: bytes) -> None:
    try:
        regular_file.replace(path, (data,))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}", code="configuration.output"
        ) from error
