"""``dlms-fw sim`` with private keys of its own: signatures and agreed keys from the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import dlms_fw
from dlms_fw._core import Key, PrivateKey
from dlms_fw.enums import SecuritySuite
from dlms_fw.journal import Journal
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import Profile
from dlms_fw.security import MessageProtection
from harness import FULL
from meter_bench import CLOCK, Bench
from simulator import CLIENT_TITLE, METER_TITLE, SMALL, Workshop, workshop

__all__ = ["workshop"]

CURVES = {1: ec.SECP256R1(), 2: ec.SECP384R1()}
NAMES = ("client-signing", "client-agreement", "meter-signing", "meter-agreement")


def write_keys(folder: Path, suite: int) -> None:
    """PEM files of both sides."""
    for name in NAMES:
        key = ec.generate_private_key(CURVES[suite])
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )


def write_profile(workshop: Workshop, suite: int) -> None:
    long = "" if suite == 1 else "-long"
    for name in ("guek", "gak"):
        short = (workshop.folder / f"{name}.hex").read_text()
        (workshop.folder / f"{name}-long.hex").touch(mode=0o600)
        (workshop.folder / f"{name}-long.hex").write_text(short * 2)
    workshop.config.write_text(f"""\
[profiles.signed]
client_sap = 1
server_sap = 1
authentication = "hls-ecdsa"
security_suite = {suite}
security_policy = "authenticated-encrypted"
ciphering = "general-ciphering"
key_information = "one-pass-diffie-hellman"
sign_requests = true
signed_responses = true
system_title = "{CLIENT_TITLE.hex()}"
meter_system_title = "{METER_TITLE.hex()}"
global_unicast_encryption_key = "file:guek{long}.hex"
authentication_key = "file:gak{long}.hex"
signing_key = "file:client-signing"
key_agreement_key = "file:client-agreement"
peer_signing_key = "file:meter-signing.pub"
peer_key_agreement_key = "file:meter-agreement.pub"
""")


OPTIONS = ("--signing-key", "file:meter-signing", "--key-agreement-key", "file:meter-agreement")


@pytest.mark.proves("sim-asymmetric-keys")
@pytest.mark.parametrize("suite", [2])  # suite 1 is below, without processes
def test_an_upgrade_signed_and_under_an_agreed_key(workshop: Workshop, suite: int) -> None:
    write_keys(workshop.folder, suite)
    write_profile(workshop, suite)
    meter = workshop.meter(*OPTIONS, profile="signed")
    image = workshop.image(SMALL)
    ended = workshop.upgrade(meter.url, image, profile="signed")
    assert ended.code == 0, ended
    assert ended.document["outcome"] == "activated"
    assert meter.stop().code == 0
    assert meter.bank() == image.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "the meter needs a signing key"),
        (("--signing-key", "file:client-signing.pub"), "not one private key"),
        (("--signing-key", "env:NOWHERE"), "a private key cannot be read"),
    ],
)
def test_a_meter_without_its_key_does_not_begin(
    workshop: Workshop, options: tuple[str, ...], said: str
) -> None:
    write_keys(workshop.folder, 1)
    write_profile(workshop, 1)
    ended = workshop.run(
        "sim", "--listen", "tcp://127.0.0.1:0", "--state", "state", *workshop.as_profile("signed"), *options
    )
    assert ended.code == 2
    assert said in ended.stderr
    assert "BEGIN" not in ended.stderr


@pytest.mark.proves("sim-asymmetric-keys")
def test_a_program_gives_them_to_the_configuration(tmp_path: Path) -> None:
    ours, theirs = (PrivateKey("P-256", bytes([seed]) * 32) for seed in (1, 3))
    profile = Profile(
        client_sap=1,
        mechanism=5,
        security_suite=SecuritySuite(1),
        security_policy=FULL,
        system_title=CLIENT_TITLE,
        meter_system_title=METER_TITLE,
        protection=MessageProtection(sign_requests=True, signed_responses=True),
        keys=dlms_fw.Keys(
            global_unicast_encryption_key=Key(bytes(16)), authentication_key=Key(bytes(range(16)))
        ),
        asymmetric_keys=dlms_fw.AsymmetricKeys(
            signing_key=ours,
            key_agreement_key=ours,
            peer_signing_key=theirs.public,
            peer_key_agreement_key=theirs.public,
        ),
    )
    config = mcs301.configured(profile, signing_key=theirs, key_agreement_key=theirs)
    assert config.asymmetric_keys.peer_signing_key == ours.public
    bench = Bench(profile, signing_key=theirs, key_agreement_key=theirs)
    with Journal(tmp_path / "journal") as journal:
        bench.journal = journal
        for information in ("one-pass-diffie-hellman", "static-unified"):
            protection = replace(
                profile.protection, ciphering="general-ciphering", key_information=information
            )
            with bench.client(replace(profile, protection=protection)) as client:
                assert client.get(CLOCK.time) is not None
