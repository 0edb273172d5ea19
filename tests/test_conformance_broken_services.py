"""Broken links and services: each is caught by the case that is about what is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import mutants_of_links
import mutants_of_services
from dlms_fw._core import Key
from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.runner import Runner
from dlms_fw.conformance.simulated import simulated
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.profiles import HdlcSettings, Profile
from mutants_of_links import Between

SECRET = Key(b"a secret of 24 octets...")
PLAIN = Profile(client_sap=1)
CLIENTS: dict[str, tuple[Profile, dict[str, Any]]] = {
    "plain": (PLAIN, {}),
    "password": (Profile(client_sap=1, mechanism=1, password=SECRET), {"authentication_tries": 0}),
    "sha-256": (Profile(client_sap=1, mechanism=6, password=SECRET, system_title=b"DFWTEST\x03"), {}),
    "user": (replace(PLAIN, client_user_id=7), {"users": {7: "seven"}}),
}


def fails(declaration: Declaration, bench: Bench, number: str) -> None:
    """The case itself fails, and not the question that comes behind it."""
    runner = Runner(declaration, bench, MemoryJournal())
    site = Site(declaration, bench, runner.journal)
    result = runner._run(runner.catalogue[number], {})
    site.end()
    assert result.verdict is Verdict.FAIL, (result.verdict, result.reason, result.steps)


@pytest.mark.parametrize(("number", "client", "mutant"), mutants_of_services.MUTANTS)
def test_a_broken_service_fails_its_case(
    number: str, client: str, mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, changes = CLIENTS[client]
    declaration, bench = simulated(profile, **changes)
    mutant(monkeypatch)
    fails(declaration, bench, number)


@pytest.mark.parametrize(("number", "medium", "to_meter", "from_meter"), mutants_of_links.MUTANTS)
def test_a_broken_link_fails_its_case(
    number: str, medium: str, to_meter: Any, from_meter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration, bench = simulated(PLAIN)
    openers = bench.openers()
    broken = {medium: lambda deadline: Between(openers[medium](deadline), to_meter, from_meter)}
    monkeypatch.setattr(bench, "openers", lambda: broken)
    fails(declaration, bench, number)


@pytest.mark.parametrize(
    ("number", "setting"),
    [
        ("HD-02", "inter_octet_timeout_s"),
        ("HD-03", "inactivity_timeout_s"),
        ("AP-49", "inactivity_timeout_s"),
    ],
)
def test_a_meter_that_waits_for_ever_fails_its_case(number: str, setting: str) -> None:
    patient: dict[str, Any] = {setting: 100_000.0}
    declaration, bench = simulated(PLAIN, hdlc=HdlcSettings(**patient))
    fails(declaration, bench, number)
