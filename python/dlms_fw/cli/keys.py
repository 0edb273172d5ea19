"""``dlms-fw keys``: replace the keys of a meter, and give it certificates.

Keys come from references (``file:``, ``env:``, ``cmd:``), never from the command line itself, and are never
shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dlms_fw import regular_file
from dlms_fw._core import Key
from dlms_fw.certificates import CERTIFICATE_LIMIT, Certificate
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import Target, aimed
from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateIdentificationByEntity,
    CertificateIdentificationBySerial,
    CertificateInfo,
    SecuritySetup,
    SecuritySetupV0,
)
from dlms_fw.enums import CertificateEntity, CertificateType, KeyId
from dlms_fw.errors import ConfigurationError
from dlms_fw.key_management import (
    export_certificate,
    import_certificate,
    list_certificates,
    remove_certificate,
    request_certificate,
    run,
    transfer_keys,
)
from dlms_fw.profile_files import read_key

_KINDS = {
    "signature": CertificateType.DIGITAL_SIGNATURE,
    "key-agreement": CertificateType.KEY_AGREEMENT,
}
_OPTIONS = {
    "guek": KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY,
    "gbek": KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY,
    "gak": KeyId.AUTHENTICATION_KEY,
    "new_master_key": KeyId.MASTER_KEY,
}
_SETUP = click.option(
    "--setup", default="0-0:43.0.0.255", show_default=True, metavar="NAME", help="The Security setup object."
)
_KIND = click.option(
    "--kind", type=click.Choice(list(_KINDS)), default="signature", show_default=True, help="Its use."
)


@click.group()
def keys() -> None:
    """Replace the keys of a meter, and give it certificates."""


@keys.command()
@click.option(
    "--master-key", required=True, metavar="REF", help="The meter's master key: file:PATH and so on."
)
@click.option("--guek", metavar="REF", help="The new global unicast encryption key.")
@click.option("--gbek", metavar="REF", help="The new global broadcast encryption key.")
@click.option("--gak", metavar="REF", help="The new authentication key.")
@click.option("--new-master-key", metavar="REF", help="The new master key.")
@click.option("--setup-version", type=click.IntRange(0, 1), default=1, show_default=True, help="Its version.")
@_SETUP
@reported("keys transfer")
@aimed
def transfer(
    outcome: Outcome, target: Target, /, master_key: str, setup: str, setup_version: int, **new: str | None
) -> None:
    """Replace keys of the meter at URL by new ones, wrapped under its master key.

    The profile has the keys that hold now. Keep those and the new ones until this has ended well: only then
    has the meter proved itself with the new ones.
    """
    outcome.facts["changed"] = False
    new_keys = {_OPTIONS[name]: read_key(ref) for name, ref in new.items() if ref is not None}
    known: Key = read_key(master_key)
    declared = SecuritySetupV0 if setup_version == 0 else SecuritySetup
    outcome.facts["replaced"] = [key_id.name.lower() for key_id in new_keys]
    with target.client() as client:
        client.connect()
        outcome.facts["changed"] = True
        run(client, transfer_keys(client.profile, new_keys, known, setup=declared(setup)))
    outcome.say("done: the meter uses the new keys; put them into the profile")


@keys.command("list")
@_SETUP
@reported("keys list")
@aimed
def list_(outcome: Outcome, target: Target, /, setup: str) -> None:
    """List the certificates of the meter at URL."""
    with target.client() as client:
        client.connect()
        found = run(client, list_certificates(setup=SecuritySetup(setup)))
    outcome.facts["certificates"] = [_facts(info) for info in found]
    for info in found:
        outcome.say(
            f"{_name(info.certificate_entity):<24} {_name(info.certificate_type):<18} "
            f"{info.serial_number.hex()}"
        )


@keys.command()
@click.option("--out", required=True, metavar="FILE", help="The request to write, PKCS #10 in DER.")
@click.option(
    "--same-key-pair", is_flag=True, help="For the key pair in use; by default the meter makes one."
)
@_KIND
@_SETUP
@reported("keys request")
@aimed
def request(
    outcome: Outcome, target: Target, /, out: str, kind: str, setup: str, *, same_key_pair: bool
) -> None:
    """Have the meter at URL make a key pair, and fetch the request for its certificate."""
    with target.client() as client:
        client.connect()
        made = run(
            client,
            request_certificate(_KINDS[kind], new_key_pair=not same_key_pair, setup=SecuritySetup(setup)),
        )
    _write(out, made)
    outcome.facts.update(changed=not same_key_pair, out=out)
    outcome.say(f"done: {out} is for the authority; the meter uses its old key pair until the import")


@keys.command("import")
@click.option("--certificate", required=True, metavar="FILE", help="X.509 in DER or PEM.")
@_SETUP
@reported("keys import")
@aimed
def import_(outcome: Outcome, target: Target, /, certificate: str, setup: str) -> None:
    """Give a certificate to the meter at URL: its own, a client's, or an authority's."""
    given = read_certificate(certificate)
    with target.client() as client:
        client.connect()
        run(client, import_certificate(given, setup=SecuritySetup(setup)))
    outcome.facts["changed"] = True
    outcome.say("done: the meter has the certificate")


def _identified(function: Callable[..., None]) -> Callable[..., None]:
    """How a certificate is named: by its own copy, or by whose it is and what for."""
    for option in (
        click.option("--certificate", metavar="FILE", help="The certificate itself, by its serial number."),
        click.option("--system-title", metavar="HEX", help="Of whom it is."),
        _KIND,
        _SETUP,
    ):
        function = option(function)
    return function


@keys.command()
@click.option("--out", required=True, metavar="FILE", help="The certificate to write, PEM.")
@_identified
@reported("keys export")
@aimed
def export(outcome: Outcome, target: Target, /, out: str, setup: str, **named: Any) -> None:
    """Fetch a certificate from the meter at URL."""
    with target.client() as client:
        client.connect()
        title = client.association.meter_system_title if client.association else None
        identification = _identification(title, **named)
        found = run(client, export_certificate(identification, setup=SecuritySetup(setup)))
    _write(out, found.to_pem())
    outcome.facts["out"] = out
    outcome.say(f"done: {out}")


@keys.command()
@_identified
@reported("keys remove")
@aimed
def remove(outcome: Outcome, target: Target, /, setup: str, **named: Any) -> None:
    """Take a certificate from the meter at URL."""
    with target.client() as client:
        client.connect()
        title = client.association.meter_system_title if client.association else None
        run(client, remove_certificate(_identification(title, **named), setup=SecuritySetup(setup)))
    outcome.facts["changed"] = True
    outcome.say("done: the meter has forgotten the certificate")


def read_certificate(path: str) -> Certificate:
    """A certificate in DER or PEM. Raises ConfigurationError, SecurityError."""
    try:
        octets, _ = regular_file.read_once(path, 4 * CERTIFICATE_LIMIT)
    except regular_file.UnreadableError as error:
        raise ConfigurationError(f"the certificate cannot be read: {error}") from error
    return (
        Certificate.from_pem(octets) if octets.lstrip().startswith(b"-----") else Certificate.from_der(octets)
    )


def _identification(
    meter_system_title: bytes | None, *, certificate: str | None, system_title: str | None, kind: str
) -> CertificateIdentification:
    if certificate is not None:
        known = read_certificate(certificate)
        return CertificateIdentificationBySerial(known.serial_number, known.issuer)
    try:
        title = bytes.fromhex(system_title or "")
    except ValueError:
        title = b""
    if len(title) != 8:
        raise ConfigurationError("name it by --certificate FILE, or by --system-title with 16 hex digits")
    entity = CertificateEntity.SERVER if title == meter_system_title else CertificateEntity.CLIENT
    return CertificateIdentificationByEntity(entity, _KINDS[kind], title)


def _write(path: str, octets: bytes) -> None:
    try:
        regular_file.replace(path, [octets])
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}", code="configuration.output"
        ) from error


def _facts(info: CertificateInfo) -> dict[str, Any]:
    return {
        "entity": _name(info.certificate_entity),
        "type": _name(info.certificate_type),
        "serial_number": info.serial_number.hex(),
        "issuer": info.issuer.hex(),
        "subject": info.subject.hex(),
    }


def _name(code: int) -> str:
    return getattr(code, "name", str(code)).lower().replace("_", " ")
