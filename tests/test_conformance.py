"""The conformance suite itself: its data, its runner, and all of it against the simulated meter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlms_fw._core import Key
from dlms_fw.conformance.catalogue import GROUPS, Case, cases, groups
from dlms_fw.conformance.registry import procedures
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.simulated import complete, fresh_profile, simulated
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inapplicable, SuiteError, Verdict
from dlms_fw.errors import ServiceError, TransportError
from dlms_fw.journal import Journal
from dlms_fw.meter.model_files import model_names
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.transports.base import Transport
from docs_scripts import check_freshness


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def runner(journal: Journal, *one: Case, procedure: object = None) -> Runner:
    declaration, bench = simulated()
    made = Runner(declaration, bench, journal)
    if one:
        made.catalogue = {case.id: case for case in one}
        made.procedures = {case.id: procedure for case in one}  # type: ignore[misc]
    return made


CASE = Case(id="XX-01", group="hdlc", title="", does="", expects="")


OURS = ("hdlc", "wrapper", "application")
PASSWORD = Key(b"a password of 24 octets!")
CLIENTS = {
    "plain": Profile(client_sap=1),
    "password": Profile(client_sap=1, mechanism=1, password=PASSWORD),
    "sha-256": Profile(client_sap=1, mechanism=6, password=PASSWORD, system_title=b"DFWTEST\x02"),
}


def test_the_drawn_page_is_fresh() -> None:
    check_freshness("make_conformance_page")


def test_every_id_of_every_group_stands_exactly_once() -> None:
    assert {name: len(group.cases) for name, group in groups().items()} == GROUPS
    assert len(cases()) == 259


def test_every_case_has_a_procedure_and_every_procedure_a_case() -> None:
    assert set(procedures()) == set(cases())


@pytest.mark.parametrize("client", CLIENTS)
def test_our_meter_conforms(client: str, journal: Journal) -> None:
    declaration, bench = simulated(CLIENTS[client], authentication_tries=0)
    chosen = [number for name in OURS for number in groups()[name].cases]
    results = Runner(declaration, bench, journal, frozenset({"image"})).run(chosen)
    assert wrong(results) == {}
    inapplicable = {r.case.id for r in results if r.verdict is Verdict.INAPPLICABLE}
    assert inapplicable <= {"HD-14", "AP-03", "AP-04", "AP-08", "AP-17", "AP-18", "AP-19"}


def test_our_meter_conforms_over_hdlc_alone(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, bench = simulated(CLIENTS["password"], authentication_tries=0)
    hdlc = {"hdlc": bench.openers()["hdlc"]}
    monkeypatch.setattr(bench, "openers", lambda: hdlc)
    results = Runner(declaration, bench, journal).run(list(groups()["application"].cases))
    assert wrong(results) == {}


@pytest.mark.parametrize("model", sorted(set(model_names()) - {"mcs301"}))
def test_other_models_conform(model: str, journal: Journal) -> None:
    declaration, bench = simulated(model=model)
    chosen = [number for name in OURS for number in groups()[name].cases]
    assert wrong(Runner(declaration, bench, journal, frozenset({"image"})).run(chosen)) == {}


def test_a_complete_meter_is_asked_for_everything(journal: Journal) -> None:
    declaration, bench = complete()
    chosen = [number for name in OURS for number in groups()[name].cases]
    results = Runner(declaration, bench, journal, frozenset({"image"})).run(chosen)
    assert {r.case.id: r.reason for r in results if r.verdict is not Verdict.PASS} == {}


@pytest.mark.parametrize("size", [2, 4])
def test_our_meter_conforms_with_a_lower_address(size: int, journal: Journal) -> None:
    hdlc = HdlcSettings(server_lower=17, address_size=size)
    declaration, bench = simulated(replace(fresh_profile(), hdlc=hdlc))
    results = Runner(declaration, bench, journal).run(list(groups()["hdlc"].cases))
    assert wrong(results) == {}
    assert {r.verdict for r in results} == {Verdict.PASS}


def wrong(results: list[Result]) -> dict[str, str]:
    return {r.case.id: r.reason for r in results if r.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}}


def test_what_a_procedure_raises_is_its_verdict(journal: Journal) -> None:
    def fails(site: Site) -> None:
        site.step("looked")
        raise Failed("a", "b")

    def gives_up(site: Site) -> None:
        raise Inapplicable("no such thing")

    def is_refused(site: Site) -> None:
        raise ServiceError("refused", result=3)

    def is_wrong(site: Site) -> None:
        raise KeyError("a slip")

    found = [runner(journal, CASE, procedure=p).run()[0] for p in (fails, gives_up, is_refused, is_wrong)]
    assert [(r.verdict.value, r.reason) for r in found] == [
        ("FAIL", "expected a; observed b"),
        ("INAPPLICABLE", "no such thing"),
        ("INCONCLUSIVE", "ServiceError: refused"),
        ("INCONCLUSIVE", "defect of the suite: KeyError: 'a slip'"),
    ]
    assert found[0].steps == ("looked",)


def test_a_case_without_procedure_is_an_error_of_the_suite(journal: Journal) -> None:
    made = runner(journal, CASE)
    made.procedures = {}
    with pytest.raises(SuiteError, match="XX-01"):
        made.run()


def test_a_meter_that_does_not_come_back_fails_the_case_before(journal: Journal) -> None:
    made = runner(journal, CASE, replace(CASE, id="XX-02"))

    def unreachable(deadline: float) -> Transport:
        raise TransportError("unreachable")

    def kills(site: Site) -> None:
        made.bench.openers = lambda: {"wrapper": unreachable}  # type: ignore[method-assign]

    made.procedures = {"XX-01": kills, "XX-02": kills}
    first, second = made.run()
    assert first.verdict is Verdict.FAIL
    assert "answer an ordinary request" in first.reason
    assert second.verdict is Verdict.INCONCLUSIVE
    assert "since XX-01" in second.reason


def test_everything_is_put_back_and_what_cannot_be_is_said(journal: Journal) -> None:
    undone: list[str] = []

    def changes(site: Site) -> None:
        site.put_back("the first", lambda: undone.append("first"))
        site.put_back("the second", lambda: [][0])
        raise Failed("a", "b")

    result = runner(journal, CASE, procedure=changes).run()[0]
    assert undone == ["first"]
    assert result.not_put_back == ("the second: list index out of range",)


def test_a_case_does_not_last_longer_than_it_may(journal: Journal) -> None:
    result = runner(journal, CASE, procedure=lambda site: site.sleep(601)).run()[0]
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "600 s" in result.reason


def test_what_alters_too_much_is_not_run(journal: Journal) -> None:
    touching = replace(CASE, alters="image")
    made = runner(journal, touching, procedure=lambda site: None)
    assert "--allow-alter image" in made.run()[0].reason
    made.allowed = frozenset({"image"})
    assert made.run()[0].verdict is Verdict.PASS


def test_a_need_that_is_not_met_is_the_reason(journal: Journal) -> None:
    made = runner(journal, replace(CASE, needs=("short-names",)), procedure=lambda site: None)
    assert made.run()[0].reason == "the meter was not declared to know short names"


def test_what_builds_on_a_failed_case_says_nothing(journal: Journal) -> None:
    def fails(site: Site) -> None:
        raise Failed("a", "b")

    made = runner(journal, CASE, replace(CASE, id="XX-02", after=("XX-01",)), procedure=fails)
    assert made.run()[1].reason == "XX-01, which it builds on, is FAIL"
