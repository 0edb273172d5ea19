"""Certificates: read, chained, requested, issued, and what a meter takes of them and refuses."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlms_fw._core import Key, PrivateKey
from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.certificates import (
    Certificate,
    CertificateRequest,
    asymmetric_keys,
    certificate_request,
    certificates_in,
    check_anchor,
    signing_key_of,
)
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.security_setup import (
    CertificateIdentificationByEntity,
    CertificateIdentificationBySerial,
    KeyAgreementData,
    SecuritySetup,
)
from dlms_fw.elliptic_keys import (
    EllipticPrivateKey,
    generate_key,
    key_from_scalar,
    load_private_key,
    private_der,
    private_key_in,
    private_pem,
    public_key_in,
)
from dlms_fw.enums import ActionResult, CertificateEntity, CertificateType, KeyId, SecuritySuite
from dlms_fw.errors import AuthenticationError, ConfigurationError, SecurityError, ServiceError
from dlms_fw.key_management import (
    agree_keys,
    export_certificate,
    import_certificate,
    list_certificates,
    remove_certificate,
    renew_certificate,
    request_certificate,
    run,
)
from dlms_fw.meter import key_pairs
from dlms_fw.meter.key_pairs import MAX_CERTIFICATES
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys
from meter_bench import CLIENT_TITLE, GMAC, IMAGE_TRANSFER, Bench, refusal_of
from test_key_change import of_suite

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

NOW = datetime.fromtimestamp(1_764_000_000, UTC)
METER_TITLE = bytes.fromhex("4D43530460BC614E")
SIGNATURE, AGREEMENT, TLS, OTHER = CertificateType
CURVES = {1: "P-256", 2: "P-384"}
SETUP = SecuritySetup(well_known.SECURITY_SETUP)
REFUSED = ActionResult.OTHER_REASON
AUTHORITIES = {
    suite: CertificateAuthority.create("Test root", curve, at=NOW) for suite, curve in CURVES.items()
}


class Site:
    """A meter of a suite with one trust anchor, and a client with a signing key."""

    def __init__(self, suite: int = 1, **changes: object) -> None:
        self.authority = AUTHORITIES[suite]
        self.profile = of_suite(suite)[0]
        settings = {"trust_anchors": (self.authority.certificate.der,)} | changes
        self.bench = Bench(self.profile, **settings)
        self.key = generate_key(CURVES[suite])
        self.certificate = self.issue(self.key)

    def issue(
        self, key: EllipticPrivateKey, title: bytes = CLIENT_TITLE, kind: CertificateType = SIGNATURE
    ) -> Certificate:
        return self.authority.issue(key.public_key(), title, kind, at=NOW)

    def renew(self, client: Client, kind: CertificateType = SIGNATURE) -> Certificate:
        def issue(request: bytes) -> Certificate:
            return self.authority.issue_requested(request, kind, system_title=METER_TITLE, at=NOW)

        return run(client, renew_certificate(kind, issue, meter_system_title=METER_TITLE))

    def keys(self, meters: Certificate) -> AsymmetricKeys:
        return asymmetric_keys(
            [(SIGNATURE, self.key)],
            [meters],
            peer_system_title=METER_TITLE,
            anchors=[self.authority.certificate],
            at=NOW,
        )


@pytest.mark.proves("certificates-chain")
@pytest.mark.parametrize("curve", ["P-256", "P-384"])
def test_a_chain_is_checked_to_its_anchor(curve: str) -> None:
    root = CertificateAuthority.create("Root", curve, at=NOW)
    between = root.issue_authority("Between", at=NOW)
    key = generate_key(curve)
    device = between.issue(key.public_key(), METER_TITLE, SIGNATURE, at=NOW)
    assert (device.system_title, device.curve, device.certificate_type) == (METER_TITLE, curve, SIGNATURE)
    device.verify([root.certificate], [between.certificate], NOW)
    device.verify([between.certificate], [], NOW)
    impostor = CertificateAuthority.create("Root", curve, at=NOW)
    for anchors, others, at in (
        ([root.certificate], [], NOW),
        ([], [between.certificate, root.certificate], NOW),
        ([impostor.certificate], [between.certificate], NOW),
        ([root.certificate], [between.certificate], NOW + timedelta(days=366)),
        ([root.certificate], [between.certificate], NOW - timedelta(hours=2)),
    ):
        with pytest.raises(SecurityError, match="certificate is refused"):
            device.verify(anchors, others, at)
    # A device issues nothing, and an authority that may not have others beneath it has none.
    below = between.issue_authority("Below", at=NOW)
    deep = below.issue(key.public_key(), METER_TITLE, SIGNATURE, at=NOW)
    with pytest.raises(SecurityError):
        deep.verify([root.certificate], [between.certificate, below.certificate], NOW)
    with pytest.raises(ConfigurationError):
        CertificateAuthority(key, device)
    with pytest.raises(ConfigurationError):
        CertificateAuthority(key, root.certificate)


@pytest.mark.proves("certificates-chain")
def test_what_is_no_certificate_is_refused_and_never_more_than_that() -> None:
    der = AUTHORITIES[1].issue(generate_key("P-256").public_key(), METER_TITLE, SIGNATURE, at=NOW).der
    chance = random.Random(5)
    assert Certificate.from_der(der).to_pem().startswith(b"-----BEGIN CERTIFICATE-----")
    for length in (0, 1, 10, len(der) - 1):
        with pytest.raises(SecurityError):
            Certificate.from_der(der[:length])
    with pytest.raises(SecurityError):
        Certificate.from_der(der + bytes(5000))
    for _ in range(300):
        damaged = bytearray(der)
        damaged[chance.randrange(len(der))] ^= 1 << chance.randrange(8)
        with pytest.raises(SecurityError):
            Certificate.from_der(bytes(damaged)).verify([AUTHORITIES[1].certificate], [], NOW)


def test_authorities_and_keys_are_files_too() -> None:
    authority = AUTHORITIES[1]
    again = CertificateAuthority.from_pem(authority.private_pem(), authority.certificate.to_pem())
    assert again.certificate == authority.certificate
    key = generate_key("P-384")
    assert bytes(PrivateKey.from_pkcs8(private_der(load_private_key(private_pem(key)))).public)
    for pem in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(ConfigurationError):
            load_private_key(pem)
        with pytest.raises(SecurityError):
            Certificate.from_pem(pem)


def test_a_request_is_signed_by_its_own_key_and_names_a_title() -> None:
    request = certificate_request(generate_key("P-256"), METER_TITLE)
    assert CertificateRequest.from_der(request).system_title == METER_TITLE
    for wrong in (request[:-1], request[:-3] + bytes(3), bytes(5000), b""):
        with pytest.raises(SecurityError):
            CertificateRequest.from_der(wrong)
    with pytest.raises(SecurityError, match="somebody else"):
        AUTHORITIES[1].issue_requested(request, SIGNATURE, system_title=CLIENT_TITLE, at=NOW)
    with pytest.raises(ValueError, match="8 octets"):
        certificate_request(generate_key("P-256"), b"short")


@pytest.mark.proves("certificates-asymmetric-keys")
def test_keys_of_a_peer_come_from_verified_certificates_only() -> None:
    site = Site()
    meter = site.issue(generate_key("P-256"), METER_TITLE)
    keys = site.keys(meter)
    assert keys.peer_signing_key == meter.public_key
    assert keys.peer_key_agreement_key is None
    assert keys.signing_key is not None
    with pytest.raises(SecurityError, match="common name"):
        site.keys(site.certificate)
    stranger = CertificateAuthority.create("Stranger", at=NOW)
    with pytest.raises(SecurityError, match="trust anchors"):
        site.keys(stranger.issue(generate_key("P-256").public_key(), METER_TITLE, SIGNATURE, at=NOW))


@pytest.mark.proves("certificates-asymmetric-keys")
def test_keys_and_certificates_in_texts() -> None:
    authority, key = AUTHORITIES[1], generate_key("P-256")
    device = authority.issue(key.public_key(), METER_TITLE, SIGNATURE, at=NOW)
    pem = authority.certificate.to_pem() + device.to_pem()
    assert certificates_in(pem.decode()) == (authority.certificate.der, device.der)
    public = private_key_in(private_pem(key).decode()).public
    assert public == device.public_key == public_key_in(bytes(public).hex())
    anchors = (authority.certificate.der,)
    assert signing_key_of(device.der, anchors=anchors, system_title=METER_TITLE, now=NOW) == public
    check_anchor(authority.certificate.der)
    with pytest.raises(ConfigurationError):
        check_anchor(device.der)
    with pytest.raises(AuthenticationError):
        signing_key_of(device.der, anchors=anchors, system_title=CLIENT_TITLE, now=NOW)
    for read in (certificates_in, private_key_in, public_key_in):
        for text in ("", "hex", "00" * 64, pem.decode()[:100]):
            with pytest.raises(ValueError, match="what it refers to"):
                read(text)


@pytest.mark.proves("security-setup-key-pairs")
@pytest.mark.proves("security-setup-certificates")
@pytest.mark.parametrize("suite", [1, 2])
def test_a_meter_gets_a_key_pair_and_its_certificate(suite: int) -> None:
    site = Site(suite)
    with site.bench.client() as client:
        first = site.renew(client)
        site.renew(client, AGREEMENT)
        before = site.bench.meter.units.key_pairs.private_key(SIGNATURE)
        request = run(client, request_certificate(SIGNATURE))
        pairs = site.bench.meter.units.key_pairs
        assert before is not None
        assert pairs.private_key(SIGNATURE).public == before.public == first.public_key  # type: ignore[union-attr]
        assert CertificateRequest.from_der(request).public_key != first.public_key
    site.bench.power_cycle()
    with site.bench.client() as client:
        second = site.authority.issue_requested(request, SIGNATURE, at=NOW)
        run(client, import_certificate(second))
        run(client, import_certificate(second))
        listed = run(client, list_certificates())
        assert [(info.certificate_entity, info.certificate_type) for info in listed] == [
            (CertificateEntity.CERTIFICATION_AUTHORITY, OTHER),
            (CertificateEntity.SERVER, AGREEMENT),
            (CertificateEntity.SERVER, SIGNATURE),
        ]
        assert refusal_of(client, SETUP.import_certificate(first.der).request) == REFUSED, "its pair is gone"
    site.bench.power_cycle()
    assert site.bench.meter.units.key_pairs.private_key(SIGNATURE).public == second.public_key  # type: ignore[union-attr]


@pytest.mark.proves("security-setup-certificates")
def test_certificates_are_exported_and_removed_by_both_identifications() -> None:
    site = Site()
    with site.bench.client() as client:
        run(client, import_certificate(site.certificate))
        by_entity = CertificateIdentificationByEntity(CertificateEntity.CLIENT, SIGNATURE, CLIENT_TITLE)
        by_serial = CertificateIdentificationBySerial(site.certificate.serial_number, site.certificate.issuer)
        root = CertificateIdentificationByEntity(CertificateEntity.CERTIFICATION_AUTHORITY, OTHER, b"")
        assert run(client, export_certificate(by_entity)) == site.certificate
        assert run(client, export_certificate(by_serial)) == site.certificate
        assert run(client, export_certificate(root)) == site.authority.certificate
        assert refusal_of(client, SETUP.remove_certificate(root).request) == ActionResult.READ_WRITE_DENIED
        for identification in (by_serial, by_entity):
            run(client, remove_certificate(identification))
            assert len(run(client, list_certificates())) == 1
            with pytest.raises(ServiceError):
                run(client, export_certificate(by_entity))
            with pytest.raises(ServiceError):
                run(client, remove_certificate(by_serial))
            run(client, import_certificate(site.certificate))
    site.bench.power_cycle()
    with site.bench.client() as client:
        assert run(client, export_certificate(by_serial)) == site.certificate


@pytest.mark.proves("security-setup-certificates")
def test_what_a_meter_does_not_import() -> None:
    site = Site()
    key = generate_key("P-256")
    stranger = CertificateAuthority.create("Test root", at=NOW)
    other_curve = AUTHORITIES[2]
    refused = {
        "no certificate": b"certificate",
        "another authority of the same name": stranger.issue(
            key.public_key(), CLIENT_TITLE, SIGNATURE, at=NOW
        ).der,
        "an authority that nobody trusts": stranger.certificate.der,
        "another curve": other_curve.issue(
            generate_key("P-384").public_key(), CLIENT_TITLE, SIGNATURE, at=NOW
        ).der,
        "over": site.authority.issue(
            key.public_key(), CLIENT_TITLE, SIGNATURE, at=NOW - timedelta(days=800)
        ).der,
        "not yet": site.authority.issue(
            key.public_key(), CLIENT_TITLE, SIGNATURE, at=NOW + timedelta(days=1)
        ).der,
        "of the meter, for a key it has not": site.issue(key, METER_TITLE).der,
        "for a use it does not know": site.issue(key, CLIENT_TITLE, TLS).der,
    }
    with site.bench.client() as client:
        for why, der in refused.items():
            assert refusal_of(client, SETUP.import_certificate(der).request) == REFUSED, why
        assert len(run(client, list_certificates())) == 1
        assert refusal_of(client, SETUP.generate_key_pair(TLS).request) == REFUSED
        assert refusal_of(client, SETUP.generate_certificate_request(SIGNATURE).request) == REFUSED
        below = site.authority.issue_authority("Below", at=NOW)
        device = below.issue(key.public_key(), CLIENT_TITLE, SIGNATURE, at=NOW)
        assert refusal_of(client, SETUP.import_certificate(device.der).request) == REFUSED
        run(client, import_certificate(below.certificate))
        run(client, import_certificate(device))
        for number in range(MAX_CERTIFICATES - 2):
            run(client, import_certificate(site.issue(key, bytes(7) + bytes((number,)))))
        assert (
            refusal_of(client, SETUP.import_certificate(site.issue(key, b"one more").der).request) == REFUSED
        )
        run(client, import_certificate(site.issue(key, bytes(8))))
    with Bench(GMAC, system_title=b"suite 0.").client() as client:
        assert refusal_of(client, SETUP.generate_key_pair(SIGNATURE).request) == REFUSED
        assert refusal_of(client, SETUP.import_certificate(site.certificate.der).request) == REFUSED


@pytest.mark.proves("security-setup-key-agreement")
@pytest.mark.parametrize("older_algorithm_ids", [False, True])
@pytest.mark.parametrize("suite", [1, 2])
def test_keys_are_agreed_on_and_used(suite: int, older_algorithm_ids: bool) -> None:
    site = Site(suite, master_key=of_suite(suite)[1], older_algorithm_ids=older_algorithm_ids)
    with site.bench.client() as client:
        run(client, import_certificate(site.certificate))
        keys = site.keys(site.renew(client))
        wanted = [KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, KeyId.AUTHENTICATION_KEY, KeyId.MASTER_KEY]
        changed, new = run(
            client,
            agree_keys(
                client.profile,
                wanted,
                keys,
                meter_system_title=METER_TITLE,
                older_algorithm_ids=older_algorithm_ids,
            ),
        )
        assert client.profile == changed != site.profile
        assert client.get(IMAGE_TRANSFER.image_transfer_status) == 0
    site.bench.power_cycle()
    assert site.bench.meter.units.symmetric_keys.keys(0) == new
    assert [entry.code for entry in site.bench.meter.units.standard_log.entries].count(48) == 1


@pytest.mark.proves("security-setup-key-agreement")
def test_an_agreement_is_refused_unless_each_side_has_signed_it() -> None:
    site = Site()
    ours = PrivateKey.from_pkcs8(private_der(site.key))
    ephemeral = bytes(PrivateKey.from_pkcs8(private_der(generate_key("P-256"))).public)

    def item(key_id: int, signed: bytes, public: bytes = ephemeral) -> KeyAgreementData:
        return KeyAgreementData(key_id, public + ours.sign(signed))  # type: ignore[arg-type]

    good = item(0, b"\0" + ephemeral)
    no_point = bytes(64)
    refused = {
        "signed for another key": [item(0, b"\2" + ephemeral)],
        "signed without its id": [item(0, ephemeral)],
        "one of two is wrong": [good, item(2, ephemeral)],
        "the same twice": [good, good],
        "an id that is none": [item(9, b"\x09" + ephemeral)],
        "no point of the curve": [item(0, b"\0" + no_point, no_point)],
        "cut short": [KeyAgreementData(KeyId(0), good.key_data[:-1])],
        "empty": [KeyAgreementData(KeyId(0), b"")],
        "none at all": [],
    }
    with site.bench.client() as client:
        before = dict(site.bench.meter.units.symmetric_keys.keys(0))
        call = SETUP.key_agreement([good]).request
        assert refusal_of(client, call) == REFUSED, "no certificate of the client"
        run(client, import_certificate(site.certificate))
        assert refusal_of(client, call) == REFUSED, "no key pair of the meter"
        meters = site.renew(client)
        for why, items in refused.items():
            assert refusal_of(client, SETUP.key_agreement(items).request) == REFUSED, why
        assert site.bench.meter.units.symmetric_keys.keys(0) == before
        wrong = replace(site.keys(meters), peer_signing_key=site.certificate.public_key)
        with pytest.raises(SecurityError):
            run(client, agree_keys(client.profile, [KeyId(0)], wrong, meter_system_title=METER_TITLE))
    for profile, keys in ((GMAC, site.keys(meters)), (site.profile, AsymmetricKeys())):
        with pytest.raises(ConfigurationError):
            next(agree_keys(profile, [KeyId(0)], keys, meter_system_title=METER_TITLE))


@pytest.mark.proves("security-setup-key-agreement")
def test_the_published_example_of_an_agreement_gives_the_published_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Green Book, key agreement by the ephemeral unified model, suite 1: both sides' octets and the key."""
    signer = "418073C239FA6125011DE4D6CD2E645780289F761BB21BFB0835CB5585E8B373"
    ephemeral = bytes.fromhex("34A8C23A34DBB519D09B245754C85A6CFE05D14A063EFA5AA41545AA8241EFAE")
    key_data = (
        "2914D60E10AB705F62ED6CC349D7CB99B9AB3F3978E59278C7AF595B3AF98794"
        "1372DAB6D5AF1FA867E134167E6F23DE664A6693E05F43414611058D1B48F894"
        "06F0607702AA0E2435A183E2F6B1ECD19629712E389A213610C03F77B2590860"
        "EA840AF5C3FA1F2BCDF055D4744E9A01CE9A0E55026BCAA4EEBEB764CED64BB3"
    )
    for older, key in (
        (False, "C5F4512846EDE51CFB8CCF59F08A694E"),
        (True, "E025CA6F9EE8D2B40F993739D44CFBC0"),
    ):
        meter_title = bytes.fromhex("4D4D4D0000000001")
        site = Site(system_title=meter_title, older_algorithm_ids=older)
        units = site.bench.meter.units
        pairs = units.key_pairs
        pairs.generate(SIGNATURE)
        request = pairs.request(SIGNATURE)
        pairs.import_certificate(site.authority.issue_requested(request, SIGNATURE, at=NOW).der)
        pairs.import_certificate(site.issue(key_from_scalar("P-256", bytes.fromhex(signer))).der)
        with monkeypatch.context() as fixed:
            fixed.setattr(key_pairs, "generate_key", lambda curve: key_from_scalar(curve, ephemeral))
            item = KeyAgreementData(KeyId(0), bytes.fromhex(key_data))
            new, answers = pairs.agree([item], bytes.fromhex("4D4D4D0000BC614E"))
        assert new == {KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY: Key(bytes.fromhex(key))}
        assert [answer.key_id for answer in answers] == [0]


def test_a_profile_of_suite_2_is_what_it_says() -> None:
    profile: Profile = of_suite(2)[0]
    assert profile.security_suite is SecuritySuite.ECDH_ECDSA_AES_GCM_256_SHA_384
