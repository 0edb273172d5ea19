"""``dlms-fw conformance``: hold a meter against the cases of the suite, and report."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.cli.target import chosen_profile, profile_options, signals_interrupt, without_security
from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.benches.command import CommandBench
from dlms_fw.conformance.catalogue import ALTERATIONS, GROUPS, HARMLESS, cases, groups
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.declaration_file import load_declaration, minimal_declaration
from dlms_fw.conformance.expectations import Expectation, judged, load_expectations
from dlms_fw.conformance.report import Report
from dlms_fw.conformance.report_page import page
from dlms_fw.conformance.runner import Result, Runner
from dlms_fw.conformance.simulated import complete, simulated
from dlms_fw.conformance.verdicts import Verdict
from dlms_fw.errors import ConfigurationError, NotConforming
from dlms_fw.journal import Journal, default_path
from dlms_fw.profiles import Profile

_ALTERABLE = sorted(set(ALTERATIONS) - HARMLESS)
_SIMULATED = "sim:"


@click.command()
@reported("conformance")
@click.argument("urls", metavar="URL...", nargs=-1)
@profile_options
@click.option("--model", metavar="MODEL", help="What sim: is, as dlms-fw sim --model takes it.")
@click.option("--list", "only_list", is_flag=True, help="List the cases and end.")
@click.option("--group", multiple=True, type=click.Choice(list(GROUPS)), help="This group; may be repeated.")
@click.option("--case", "case_ids", multiple=True, metavar="ID", help="This case; may be repeated.")
@click.option(
    "--allow-alter",
    multiple=True,
    type=click.Choice(_ALTERABLE),
    help="Let cases change that of the meter; may be repeated. A simulated meter may be changed.",
)
@click.option("--bench-command", metavar="CMD", help="A command that restarts the meter and so on.")
@click.option("--expect", metavar="FILE", help="Failures that are known, TOML.")
@click.option("--report", "reports", multiple=True, metavar="FILE", help="Write FILE.html or FILE.json.")
@click.option("--journal", "journal_file", metavar="FILE", help="Our own records: invocation counters.")
def conformance(
    outcome: Outcome,
    urls: tuple[str, ...],
    config: str | None,
    profile: str | None,
    model: str | None,
    only_list: bool,
    group: tuple[str, ...],
    case_ids: tuple[str, ...],
    allow_alter: tuple[str, ...],
    bench_command: str | None,
    expect: str | None,
    reports: tuple[str, ...],
    journal_file: str | None,
) -> None:
    """Hold the meter at URL against the conformance cases, and say where it falls short.

    Several URLs are the same meter over several media. sim: is a simulated meter in this process, in virtual
    time. Cases that would change more of the meter than --allow-alter says are not run.
    """
    chosen = _chosen(group, case_ids)
    if only_list:
        outcome.facts["cases"] = chosen
        outcome.say(_listing(chosen))
        return
    for file in reports:
        _check_report_name(file)
    known = {} if expect is None else load_expectations(expect, cases())
    declaration, bench = _meter(urls, config, profile, model, bench_command)
    allowed = frozenset(_ALTERABLE if bench.is_simulated else allow_alter)
    with signals_interrupt(), _journal(journal_file, bench) as journal:
        began = bench.wall_clock()
        runner = Runner(declaration, bench, journal, allowed, lambda result: _tell(outcome, result, known))
        try:
            results = runner.run(chosen)
        finally:
            bench.close()
    report = Report.of(declaration, bench.name, began, allowed, judged(results, known))
    for file in reports:
        _write(file, report)
    document = report.document()
    del document["schema"]  # that of a report; here it is that of all commands
    outcome.facts |= {**document, "changed": bool(report.not_put_back)}
    _end(outcome, report)


def _chosen(group: tuple[str, ...], case_ids: tuple[str, ...]) -> list[str]:
    """The ids asked for, in the order of the suite; all where nothing was."""
    known = cases()
    if unknown := sorted(set(case_ids) - set(known)):
        raise ConfigurationError(f"there is no case {', '.join(unknown)}", hint="--list shows all")
    if not group and not case_ids:
        return list(known)
    return [number for number, case in known.items() if number in case_ids or case.group in group]


def _listing(chosen: list[str]) -> str:
    lines: list[str] = []
    for group in groups().values():
        rows = [case for number, case in group.cases.items() if number in chosen]
        if rows:
            lines += [f"{group.title}: {group.about}", *(f"  {case.id}  {case.title}" for case in rows)]
    return "\n".join(lines)


def _meter(
    urls: tuple[str, ...],
    config: str | None,
    profile: str | None,
    model: str | None,
    bench_command: str | None,
) -> tuple[Declaration, Bench]:
    if urls == (_SIMULATED,):
        if bench_command is not None:
            raise ConfigurationError("sim: is its own bench; --bench-command is for other meters")
        return _simulated(chosen_profile(config, profile), model or "mcs301")
    if _SIMULATED in urls or model is not None:
        raise ConfigurationError("sim: stands alone, and --model is for it")
    bench = Bench() if bench_command is None else CommandBench(bench_command)
    if config is not None and profile is None:
        return load_declaration(config, urls), bench
    if not urls:
        raise ConfigurationError("which meter?", hint="name its URL, or sim:")
    management: Profile = chosen_profile(config, profile) or without_security()
    return minimal_declaration(management, urls), bench


def _simulated(profile: Profile | None, model: str) -> tuple[Declaration, Bench]:
    """The meter of a profile; without one, a meter that has all that cases ask for."""
    return complete(model) if profile is None else simulated(profile, model=model)


@contextmanager
def _journal(journal_file: str | None, bench: Bench) -> Iterator[Journal]:
    """Our records; a simulated meter dies with the command, and so do its."""
    folder = tempfile.mkdtemp(prefix="dlms-fw-") if bench.is_simulated and journal_file is None else None
    path = Path(journal_file) if journal_file else default_path(os.environ)
    try:
        with Journal(path if folder is None else Path(folder) / "journal.sqlite3") as journal:
            yield journal
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _tell(outcome: Outcome, result: Result, known: dict[str, Expectation]) -> None:
    if result.verdict is Verdict.PASS and result.case.id not in known:
        return
    outcome.say(f"{result.case.id}  {result.verdict.value}  {result.case.title}: {result.reason}")


def _check_report_name(file: str) -> None:
    if Path(file).suffix not in {".html", ".json"}:
        raise ConfigurationError(f"a report is a .html or a .json file, not {file}")


def _write(file: str, report: Report) -> None:
    text = report.as_json() if file.endswith(".json") else page(report)
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written to {file}: {error.strerror}") from error


def _end(outcome: Outcome, report: Report) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
    outcome.say(f"{len(report.judged)} cases: {counts}")
    for number, what in report.not_put_back.items():
        outcome.say(f"{number} could not put back: {'; '.join(what)}")
    surprises: list[Any] = [one.result.case.id for one in report.surprises]
    if surprises:
        raise NotConforming(f"not as expected: {', '.join(surprises)}", cases=tuple(surprises))
