"""The conformance cases about objects and security, against meters of ours that have what they are about."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance_meters import METERS
from dlms_fw.certificate_authority import CertificateAuthority
from dlms_fw.conformance.catalogue import groups
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.declaration_file import load_declaration
from dlms_fw.conformance.expectations import judged
from dlms_fw.conformance.report import Report
from dlms_fw.conformance.report_page import page
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.errors import ConfigurationError
from dlms_fw.memory_journal import MemoryJournal

EVERYTHING = frozenset({"keys", "lockout", "parameters", "power"})
ALL = {*groups()["objects"].cases, *groups()["security"].cases}
OF_PROTECTION = {
    *(
        "OB-09",
        "SE-01",
        "SE-02",
        "SE-03",
        "SE-04",
        "SE-05",
        "SE-06",
        "SE-07",
        "SE-08",
        "SE-09",
        "SE-10",
        "SE-11",
    ),
    *(
        "SE-12",
        "SE-16",
        "SE-17",
        "SE-18",
        "SE-19",
        "SE-20",
        "SE-21",
        "SE-22",
        "SE-23",
        "SE-24",
        "SE-25",
        "SE-26",
    ),
    *("SE-37", "SE-38", "SE-39", "SE-40", "SE-41", "SE-42", "SE-45", "SE-46"),
}
OF_POLICIES = {"SE-13", "SE-14", "SE-15"}
OF_PASSES = {"SE-27", "SE-28", "SE-29", "SE-30", "SE-31", "SE-32"}
OF_SIGNATURES = {"SE-35", "SE-36", "SE-37", "SE-38"}
INAPPLICABLE = {
    "keys": OF_POLICIES | OF_SIGNATURES | {"SE-34"},
    "weak policy": OF_PROTECTION | OF_SIGNATURES | {"SE-34"},
    "password": OF_PROTECTION | OF_POLICIES | OF_PASSES | OF_SIGNATURES,
    "curves": set(),
    "certificates": set(),
}
"""What each of the meters cannot be asked."""
WHAT_IT_IS_FOR = {
    "curves": {"SE-01", "SE-04", "SE-11", "SE-30", "SE-31", "SE-32", "SE-35", "SE-37", "SE-38"},
    "certificates": {"SE-35", "SE-36"},
}
ALREADY = {"SE-27", "SE-43", "OB-01", "OB-02", "OB-03", "OB-04", "OB-06"}
"""What takes longest, and is the same for all of them."""


def forms_of_secrets(declaration: Declaration) -> set[bytes]:
    """Every declared secret as octets, in hex and in base64."""
    forms: set[bytes] = set()
    for profile in declaration.clients.values():
        keys = [getattr(profile.keys, field.name) for field in fields(profile.keys)]
        for key in (*keys, profile.password):
            if key is not None:
                octets = key.expose()
                forms |= {octets, octets.hex().encode(), octets.hex().upper().encode()}
                forms |= {b64encode(octets), repr(octets)[2:-1].encode()}
    return forms


def everything_said(results: list[Result]) -> bytes:
    """All words of the results, before a report takes anything out of them."""
    return "\n".join([line for r in results for line in (r.reason, *r.steps, *r.not_put_back)]).encode()


@pytest.mark.parametrize("meter", METERS)
def test_our_meter_conforms(meter: str) -> None:
    chosen = ALL if meter == "keys" else WHAT_IT_IS_FOR.get(meter, ALL - ALREADY)
    declaration, bench = METERS[meter]()
    results = Runner(declaration, bench, MemoryJournal(), EVERYTHING).run(sorted(chosen))
    wrong = {r.case.id: r.reason for r in results if r.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}}
    assert wrong == {}
    assert {r.case.id for r in results if r.verdict is Verdict.INAPPLICABLE} == INAPPLICABLE[meter] & chosen
    assert {r.case.id: r.not_put_back for r in results if r.not_put_back} == {}

    report = Report.of(declaration, bench.name, bench.wall_clock(), EVERYTHING, judged(results, {}))
    said = everything_said(results), report.as_json().encode(), page(report).encode()
    assert all(not any(secret in text for secret in forms_of_secrets(declaration)) for text in said)


def test_every_case_applies_to_some_meter() -> None:
    applied = [WHAT_IT_IS_FOR.get(meter, ALL) - inapplicable for meter, inapplicable in INAPPLICABLE.items()]
    assert set.union(*applied) == ALL


DECLARED = """
[profiles.manager]
client_sap = 1
server_sap = 1
authentication = "none"

[conformance]
clients = { management = "manager" }
authority = { key = "key.pem", certificate = "certificate.pem" }
"""


def test_an_authority_comes_from_two_files(tmp_path: Path) -> None:
    made = CertificateAuthority.create("Bench", at=datetime(2026, 1, 1, tzinfo=UTC))
    (tmp_path / "meter.toml").write_text(DECLARED, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"conformance\.authority"):
        load_declaration(tmp_path / "meter.toml")
    (tmp_path / "key.pem").write_bytes(made.private_pem())
    (tmp_path / "certificate.pem").write_bytes(made.certificate.to_pem())
    declared = load_declaration(tmp_path / "meter.toml").authority
    assert declared is not None
    assert declared.certificate.der == made.certificate.der
