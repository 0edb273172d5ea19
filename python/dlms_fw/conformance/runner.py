"""Runs cases against a meter, one after the other, and sees to it that the meter is idle in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.catalogue import HARMLESS, Case, cases
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.needs import NEEDS
from dlms_fw.conformance.registry import Procedure, procedures
from dlms_fw.conformance.site import OutOfTime, Site
from dlms_fw.conformance.verdicts import CaseEnd, Failed, Inapplicable, Inconclusive, SuiteError, Verdict
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.errors import DlmsError, TransportError
from dlms_fw.journal import Journal

_LOGICAL_DEVICE_NAME = Data(well_known.LOGICAL_DEVICE_NAME)
_RECOVERY_S = 30.0
"""How long a meter may take until it answers again after a case."""
_MEDIA_OF_NEEDS = ("hdlc", "wrapper", "datagrams")


@dataclass(frozen=True, slots=True)
class Result:
    """How one case ended.

    Attributes:
        case: Which.
        verdict: How.
        reason: Why, where it is not PASS.
        steps: What was done and seen.
        seconds: How long it took.
        not_put_back: What of the meter stayed changed.
    """

    case: Case
    verdict: Verdict
    reason: str = ""
    steps: tuple[str, ...] = ()
    seconds: float = 0.0
    not_put_back: tuple[str, ...] = ()


@dataclass(slots=True)
class Runner:
    """A run of the suite.

    Attributes:
        declaration: What is known of the meter.
        bench: What can be done to it.
        journal: Invocation counters of our clients.
        allowed: What may be altered beyond what is harmless.
        on_result: Is told each result as it comes.
    """

    declaration: Declaration
    bench: Bench
    journal: Journal
    allowed: frozenset[str] = frozenset()
    on_result: Callable[[Result], object] = lambda _: None
    catalogue: Mapping[str, Case] = field(default_factory=cases)
    procedures: Mapping[str, Procedure] = field(default_factory=procedures)

    def run(self, chosen: Sequence[str] | None = None) -> list[Result]:
        """Run these cases, or all; a case whose predecessor was not chosen is run without it.

        Raises:
            TransportError: the meter does not answer even before the first case.
            SuiteError: a case has no procedure.
        """
        wanted = [self.catalogue[number] for number in (self.catalogue if chosen is None else chosen)]
        if missing := [case.id for case in wanted if case.id not in self.procedures]:
            raise SuiteError(f"no procedure for {', '.join(missing)}")
        if (silent := self._answers()) is not None:
            raise TransportError(
                f"the meter does not answer before the first case: {silent}", code="transport.silent"
            )
        self._learn_counters()
        results: dict[str, Result] = {}
        lost = ""
        for case in wanted:
            if lost:
                result = Result(
                    case, Verdict.INCONCLUSIVE, f"not run: the meter has not answered since {lost}"
                )
            else:
                result = self._run(case, results)
                if result.verdict is not Verdict.INAPPLICABLE and (silent := self._recovers(case)):
                    result = _blamed(result, silent)
                    lost = case.id
            results[case.id] = result
            self.on_result(result)
        return list(results.values())

    def _run(self, case: Case, before: Mapping[str, Result]) -> Result:
        site = self._site(case)
        began = self.bench.clock()
        verdict, reason = Verdict.PASS, ""
        try:
            self._check_may_run(case, site, before)
            self.procedures[case.id](site)
        except CaseEnd as end:
            verdict, reason = end.verdict, end.reason
        except (OutOfTime, DlmsError) as error:
            verdict, reason = Verdict.INCONCLUSIVE, f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - a defect of the suite says nothing about the meter
            verdict, reason = Verdict.INCONCLUSIVE, f"defect of the suite: {type(error).__name__}: {error}"
        finally:
            site.end()
        return Result(
            case,
            verdict,
            reason,
            tuple(site.steps),
            self.bench.clock() - began,
            tuple(site.not_put_back),
        )

    def _check_may_run(self, case: Case, site: Site, before: Mapping[str, Result]) -> None:
        for name in case.needs:
            need = NEEDS[name]
            if not need.is_met(site):
                raise Inapplicable(need.missing)
        if case.alters not in HARMLESS | self.allowed:
            raise Inapplicable(f"not allowed: it alters {case.alters} (--allow-alter {case.alters})")
        for number in case.after:
            earlier = before.get(number)
            if earlier is not None and earlier.verdict is not Verdict.PASS:
                raise _depends_on(earlier)

    def _site(self, case: Case) -> Site:
        medium = next((name for name in case.needs if name in _MEDIA_OF_NEEDS), None)
        return Site(
            self.declaration,
            self.bench,
            self.journal,
            allowed=HARMLESS | self.allowed,
            limit_s=case.limit_s,
            medium=medium,
        )

    def _learn_counters(self) -> None:
        """Ask the meter for counters that we know nothing of, while no case has its only connection."""
        site = Site(self.declaration, self.bench, self.journal, limit_s=_RECOVERY_S)
        for role, profile in self.declaration.clients.items():
            if profile.needs_keys:
                with suppress(OutOfTime, DlmsError), site.client(role):
                    pass  # where it cannot be had, the cases say so
        site.end()

    # Back to idle

    def _recovers(self, case: Case) -> str:
        """Why the meter does not answer any more after a case; empty where it does."""
        medium = next((name for name in case.needs if name in _MEDIA_OF_NEEDS), None)
        silent = self._answers(medium)
        if silent is not None:
            self.bench.sleep(_RECOVERY_S)
            silent = self._answers(medium)
        return silent or ""

    def _answers(self, medium: str | None = None) -> str | None:
        """Why the meter does not answer an ordinary question; ``None`` where it does."""
        site = Site(self.declaration, self.bench, self.journal, limit_s=4 * _RECOVERY_S, medium=medium)
        role = "public" if "public" in self.declaration.clients else "management"
        try:
            with site.client(role) as client:
                client.get(_LOGICAL_DEVICE_NAME.value)
        except (OutOfTime, DlmsError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            site.end()
        return None


def _depends_on(earlier: Result) -> CaseEnd:
    reason = f"{earlier.case.id}, which it builds on, is {earlier.verdict.value}"
    if earlier.verdict is Verdict.INAPPLICABLE:
        return Inapplicable(reason)
    return Inconclusive(reason)


def _blamed(result: Result, silent: str) -> Result:
    """A case after which the meter does not come back has failed, whatever it has seen."""
    failure = Failed("the meter to answer an ordinary request after the case", silent)
    also = f"; before that {result.verdict.value}: {result.reason}" if result.reason else ""
    return Result(
        result.case,
        Verdict.FAIL,
        failure.reason + also,
        result.steps,
        result.seconds,
        result.not_put_back,
    )


def counts(results: Sequence[Result]) -> dict[Verdict, int]:
    """How many ended how."""
    return {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}


def by_group(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    """The results, group by group."""
    names = dict.fromkeys(result.case.group for result in results)
    for name in names:
        yield name, [result for result in results if result.case.group == name]
