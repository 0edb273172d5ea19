"""Keys and certificates of a meter, as the client changes them: procedures without IO, and two short drivers.

A procedure is a generator: it gives a call of a method, an attribute to read, or a :class:`Reassociate`, and
is sent what came back, or thrown what went wrong. :func:`run` carries one out with a client,
:func:`run_async` with an asyncio client:

    profile = run(client, transfer_keys(client.profile, {KeyId.AUTHENTICATION_KEY: new}, master_key))

Nobody is locked out by a change of keys that fails half-way. The caller has the new keys in safe keeping
before anything is sent. After the meter has been told, or may have been told, the client associates anew with
the new keys; only when the meter has proved itself with them are the old ones of no use any more. Where that
fails, the old ones are tried once, and a :class:`KeyChangeFailed` says which hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from dlms_fw._core import Key, PrivateKey, PublicKey, derive_key
from dlms_fw.certificates import Certificate, CertificateRequest
from dlms_fw.cosem import well_known
from dlms_fw.cosem.interface import AttributeRef, MethodCall
from dlms_fw.cosem.security_setup import (
    CertificateIdentification,
    CertificateInfo,
    KeyAgreementData,
    KeyTransferData,
    SecuritySetup,
    SecuritySetupV0,
)
from dlms_fw.enums import CertificateType, KeyId, SecuritySuite
from dlms_fw.errors import (
    ConfigurationError,
    DlmsError,
    KeyChangeFailed,
    LinkError,
    SecurityError,
    TransportError,
)
from dlms_fw.security import AsymmetricKeys, curve_of, key_length

if TYPE_CHECKING:
    from dlms_fw.async_client import AsyncClient
    from dlms_fw.client import Client
    from dlms_fw.profiles import Profile

_T = TypeVar("_T")
_RANDOM_OCTETS: Final = {"P-256": 64, "P-384": 96}


@dataclass(frozen=True, slots=True)
class Reassociate:
    """An order to the driver: end the association, and open another one with this profile."""

    profile: Profile


Order: TypeAlias = MethodCall[Any] | AttributeRef[Any] | Reassociate
Procedure: TypeAlias = Generator[Order, Any, _T]


def run(client: Client, procedure: Procedure[_T]) -> _T:
    """Carries a procedure out with a blocking client. Raises what the procedure raises."""
    try:
        order = next(procedure)
        while True:
            try:
                if isinstance(order, Reassociate):
                    client.close()
                    client.change_profile(order.profile)
                    client.connect()
                    answer: Any = None
                elif isinstance(order, AttributeRef):
                    answer = client.get(order)
                else:
                    answer = client.action(order)
            except DlmsError as error:
                order = procedure.throw(error)
            else:
                order = procedure.send(answer)
    except StopIteration as end:
        returned: _T = end.value
        return returned


async def run_async(client: AsyncClient, procedure: Procedure[_T]) -> _T:
    """Carries a procedure out with an asyncio client. Raises what the procedure raises."""
    try:
        order = next(procedure)
        while True:
            try:
                if isinstance(order, Reassociate):
                    await client.close()
                    client.change_profile(order.profile)
                    await client.connect()
                    answer: Any = None
                elif isinstance(order, AttributeRef):
                    answer = await client.get(order)
                else:
                    answer = await client.action(order)
            except DlmsError as error:
                order = procedure.throw(error)
            else:
                order = procedure.send(answer)
    except StopIteration as end:
        returned: _T = end.value
        return returned


# Symmetric keys


def transfer_keys(
    profile: Profile,
    new_keys: Mapping[KeyId, Key],
    master_key: Key,
    *,
    setup: SecuritySetup | SecuritySetupV0 | None = None,
) -> Procedure[Profile]:
    """Replaces symmetric keys by new ones that travel wrapped under the master key (class 64, key_transfer).

    Args:
        profile: That of the client.
        new_keys: All keys to be replaced at once, the master key too if wanted.
        master_key: The master key that the meter has now.
        setup: The security setup object; by default 0-0:43.0.0.255, version 1.

    Returns:
        The profile with the new keys, under which the client is associated.

    Raises:
        ConfigurationError: a key has not the length that the suite needs; nothing was sent.
        ServiceError: the meter refuses; its old keys hold.
        KeyChangeFailed: it does not answer under the new keys.
    """
    if not new_keys:
        raise ConfigurationError("no key is named that shall be replaced")
    named = {key_id.name.lower().replace("_", " "): key for key_id, key in new_keys.items()}
    _check_lengths(profile.security_suite, {**named, "the master key of now": master_key})
    items = [KeyTransferData(key_id, key.wrap(master_key)) for key_id, key in new_keys.items()]
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    call = (
        setup.global_key_transfer(items) if isinstance(setup, SecuritySetupV0) else setup.key_transfer(items)
    )
    doubt: DlmsError | None = None
    try:
        yield call
    except (TransportError, LinkError) as error:
        doubt = error  # the request or the answer was lost: the meter may have done it
    return (yield from confirm_keys(profile, with_keys(profile, new_keys), doubt))


def agree_keys(
    profile: Profile,
    key_ids: Iterable[KeyId],
    keys: AsymmetricKeys,
    *,
    meter_system_title: bytes,
    setup: SecuritySetup | None = None,
    randomness: Callable[[int], bytes] = os.urandom,
    older_algorithm_ids: bool = False,
) -> Procedure[tuple[Profile, dict[KeyId, Key]]]:
    """Replaces symmetric keys by such that both sides derive (class 64, key_agreement; suites 1 and 2).

    The scheme is the ephemeral unified model, C(2e, 0s): each side signs its ephemeral key, and the meter's
    signature is verified before anything is derived.

    Args:
        profile: That of the client.
        key_ids: The keys to be replaced.
        keys: Ours for signing, and the meter's public key for that.
        meter_system_title: As in the association.
        setup: The security setup object; by default 0-0:43.0.0.255.
        randomness: Gives so many random octets.
        older_algorithm_ids: Whether the meter derives keys with the algorithm ids of older texts.

    Returns:
        The profile with the new keys, under which the client is associated, and the new keys.

    Raises:
        ConfigurationError: the suite has no such thing, or a key is missing; nothing was sent.
        ServiceError: the meter refuses; its old keys hold.
        SecurityError: the meter's answer is not signed by it.
        KeyChangeFailed: it does not answer under the new keys.
    """
    suite, ours, theirs = profile.security_suite, keys.signing_key, keys.peer_signing_key
    curve, title = curve_of(suite), profile.system_title
    if curve is None or title is None:
        raise ConfigurationError("key agreement needs security suite 1 or 2, and a system title")
    if ours is None or theirs is None:
        raise ConfigurationError("key agreement needs our signing key, and the meter's public key for that")
    ephemeral = {
        key_id: PrivateKey.from_randomness(curve, randomness(_RANDOM_OCTETS[curve])) for key_id in key_ids
    }
    items = [
        KeyAgreementData(key_id, _signed(ours, key_id, bytes(key.public)))
        for key_id, key in ephemeral.items()
    ]
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    answers: list[KeyAgreementData] = yield setup.key_agreement(items)
    if [answer.key_id for answer in answers] != list(ephemeral):
        raise SecurityError("the meter has agreed on other keys than it was asked for", kind="key-agreement")
    new: dict[KeyId, Key] = {}
    for key_id, key_data in answers:
        shared_secret = ephemeral[key_id].agree(_verified(theirs, key_id, key_data))
        new[key_id] = derive_key(
            shared_secret,
            suite,
            "ephemeral-unified",
            originator_system_title=title,
            recipient_system_title=meter_system_title,
            key_wrapping=key_id == KeyId.MASTER_KEY,
            older_algorithm_ids=older_algorithm_ids,
        )
    return (yield from confirm_keys(profile, with_keys(profile, new), None)), new


def confirm_keys(old: Profile, new: Profile, doubt: DlmsError | None = None) -> Procedure[Profile]:
    """Finds out which keys the meter uses: the new ones, and only if it does not answer to them the old ones.

    It is also what to do after a crash between a change and its confirmation.

    Args:
        old: The profile before the change.
        new: The profile after it.
        doubt: Why it is not known whether the change was made, if it is not.

    Raises:
        KeyChangeFailed: the meter does not answer under the new keys; ``restored`` says whether it does under
            the old ones, and the client is then associated with those.
    """
    if new == old:
        return old  # only keys that no association is protected with: there is nothing to try
    try:
        yield Reassociate(new)
    except DlmsError as error:
        refused = error
    else:
        return new
    try:
        yield Reassociate(old)
    except DlmsError as error:
        raise KeyChangeFailed(
            "the meter answers neither under the new keys nor under the old ones: keep both", restored=False
        ) from error
    raise KeyChangeFailed("the meter goes on with the old keys", restored=True) from (doubt or refused)


def with_keys(profile: Profile, new_keys: Mapping[KeyId, Key]) -> Profile:
    """The profile with other keys, where it has such keys."""
    fields = {
        _FIELDS[key_id]: key
        for key_id, key in new_keys.items()
        if key_id in _FIELDS and _has(profile, key_id)
    }
    keys = replace(profile.keys, **fields)
    return profile if keys == profile.keys else replace(profile, keys=keys)


# Certificates


def request_certificate(
    kind: CertificateType,
    *,
    meter_system_title: bytes | None = None,
    new_key_pair: bool = True,
    setup: SecuritySetup | None = None,
) -> Procedure[bytes]:
    """A certificate signing request of the meter, PKCS #10 in DER, for a key pair that it has just made.

    The meter goes on with its old key pair until the certificate for the new one is imported.

    Args:
        kind: What the key is for.
        meter_system_title: Whose title the request must carry; ``None`` takes any.
        new_key_pair: Whether the meter makes a new pair first.
        setup: The security setup object.

    Raises:
        ServiceError: the meter refuses.
        SecurityError: of kind ``certificate``: what came back is no request that its own key has signed.
    """
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    if new_key_pair:
        yield setup.generate_key_pair(kind)
    request: bytes = yield setup.generate_certificate_request(kind)
    found = CertificateRequest.from_der(request)
    if meter_system_title is not None and found.system_title != meter_system_title:
        raise SecurityError("the request is for another system title", kind="certificate")
    return request


def import_certificate(certificate: Certificate, *, setup: SecuritySetup | None = None) -> Procedure[None]:
    """Gives the meter a certificate: of an authority, of a client, or its own. Raises ServiceError."""
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    yield setup.import_certificate(certificate.der)


def export_certificate(
    identification: CertificateIdentification, *, setup: SecuritySetup | None = None
) -> Procedure[Certificate]:
    """A certificate of the meter, by whose it is or by serial number; nothing of it is verified.

    Raises ServiceError where the meter has none, and SecurityError where what comes back is none.
    """
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    der: bytes = yield setup.export_certificate(identification)
    return Certificate.from_der(der)


def remove_certificate(
    identification: CertificateIdentification, *, setup: SecuritySetup | None = None
) -> Procedure[None]:
    """Takes a certificate from the meter. Raises ServiceError."""
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    yield setup.remove_certificate(identification)


def list_certificates(*, setup: SecuritySetup | None = None) -> Procedure[list[CertificateInfo]]:
    """What certificates the meter holds. Raises ServiceError."""
    setup = setup or SecuritySetup(well_known.SECURITY_SETUP)
    listed: list[CertificateInfo] = yield setup.certificates
    return listed


def renew_certificate(
    kind: CertificateType,
    issue: Callable[[bytes], Certificate],
    *,
    meter_system_title: bytes | None = None,
    setup: SecuritySetup | None = None,
) -> Procedure[Certificate]:
    """A new key pair of the meter, the certificate that ``issue`` makes of its request, and its import."""
    request = yield from request_certificate(kind, meter_system_title=meter_system_title, setup=setup)
    certificate = issue(request)
    yield from import_certificate(certificate, setup=setup)
    return certificate


_KeyField: TypeAlias = Literal[
    "global_unicast_encryption_key",
    "global_broadcast_encryption_key",
    "authentication_key",
    "master_key",
]
_FIELDS: Final[dict[KeyId, _KeyField]] = {
    KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY: "global_unicast_encryption_key",
    KeyId.GLOBAL_BROADCAST_ENCRYPTION_KEY: "global_broadcast_encryption_key",
    KeyId.AUTHENTICATION_KEY: "authentication_key",
    KeyId.MASTER_KEY: "master_key",
}


def _has(profile: Profile, key_id: KeyId) -> bool:
    return getattr(profile.keys, _FIELDS[key_id]) is not None


def _check_lengths(suite: SecuritySuite, keys: Mapping[str, Key]) -> None:
    needed = key_length(suite)
    for name, key in keys.items():
        if len(key) != needed:
            raise ConfigurationError(
                f"{name}: {len(key)} octets, but security suite {suite.value} needs {needed}"
            )


def _signed(signing_key: PrivateKey, key_id: KeyId, public: bytes) -> bytes:
    return public + signing_key.sign(bytes((key_id,)) + public)


def _verified(signing_key: PublicKey, key_id: KeyId, key_data: bytes) -> PublicKey:
    half = len(key_data) // 2
    public, signature = key_data[:half], key_data[half:]
    signing_key.verify(bytes((key_id,)) + public, signature)
    return PublicKey(signing_key.curve, public)
