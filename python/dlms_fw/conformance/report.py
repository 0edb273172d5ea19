"""The report of a run: what was tested, how each case ended and why; as a document, and as a page.

Steps and reasons are words. Should an octet of a declared secret stand in one of them all the same, it is
taken out here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from dlms_fw._core import Key, __version__
from dlms_fw.conformance.catalogue import groups
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.conformance.expectations import Judged
from dlms_fw.conformance.verdicts import Verdict

SCHEMA: Final = "dlms-fw-conformance/1"
_REMOVED: Final = "(removed)"


@dataclass(frozen=True, slots=True)
class Report:
    """One run against one meter.

    Attributes:
        declaration: The meter.
        bench: What was done to it with.
        began: When, aware.
        allowed: What might be altered.
        judged: The results in their order.
        secrets: What must not stand in it.
    """

    declaration: Declaration
    bench: str
    began: datetime
    allowed: frozenset[str]
    judged: Sequence[Judged]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(
        cls,
        declaration: Declaration,
        bench: str,
        began: datetime,
        allowed: frozenset[str],
        judged: Sequence[Judged],
    ) -> Report:
        """A report that keeps the declared secrets to itself."""
        return cls(declaration, bench, began, allowed, judged, frozenset(_secrets(declaration)))

    @property
    def counts(self) -> dict[str, int]:
        """How many cases ended how."""
        return {
            verdict.value: sum(one.result.verdict is verdict for one in self.judged) for verdict in Verdict
        }

    @property
    def surprises(self) -> list[Judged]:
        """What did not end as expected."""
        return [one for one in self.judged if one.is_surprise]

    @property
    def not_put_back(self) -> dict[str, tuple[str, ...]]:
        """What of the meter stayed changed, by the case that changed it."""
        return {one.result.case.id: one.result.not_put_back for one in self.judged if one.result.not_put_back}

    def by_group(self) -> Iterator[tuple[str, list[Judged]]]:
        """The titles of groups and their results."""
        for name, group in groups().items():
            rows = [one for one in self.judged if one.result.case.group == name]
            if rows:
                yield group.title, rows

    def document(self) -> dict[str, Any]:
        """All of it, for programs."""
        document: dict[str, Any] = self.scrubbed(
            {
                "schema": SCHEMA,
                "dlms_fw": __version__,
                "meter": self.declaration.name,
                "places": {medium: str(place) for medium, place in self.declaration.endpoints.items()},
                "bench": self.bench,
                "began": self.began.isoformat(timespec="seconds"),
                "allowed": sorted(self.allowed),
                "counts": self.counts,
                "surprises": [one.result.case.id for one in self.surprises],
                "not_put_back": {number: list(what) for number, what in self.not_put_back.items()},
                "cases": [_row(one) for one in self.judged],
            }
        )
        return document

    def as_json(self) -> str:
        """The document as text."""
        return json.dumps(self.document(), indent=1) + "\n"

    def scrub(self, text: str) -> str:
        """A text without declared secrets, in hex or as characters."""
        lowered = text.lower()
        for secret in self.secrets:
            while (at := lowered.find(secret.lower())) >= 0:
                text = text[:at] + _REMOVED + text[at + len(secret) :]
                lowered = text.lower()
        return text

    def scrubbed(self, value: Any) -> Any:
        """A document without declared secrets."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, Mapping):
            return {key: self.scrubbed(inner) for key, inner in value.items()}
        return [self.scrubbed(inner) for inner in value] if isinstance(value, list) else value


def _row(one: Judged) -> dict[str, Any]:
    result, case = one.result, one.result.case
    row: dict[str, Any] = {
        "id": case.id,
        "group": case.group,
        "title": case.title,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "steps": list(result.steps),
        "seconds": round(result.seconds, 3),
        "surprise": one.is_surprise,
    }
    if one.expectation is not None:
        row["expected"] = {
            "verdict": one.expectation.verdict.value,
            "reason": one.expectation.reason,
            "since": one.expectation.since.isoformat(),
        }
    return row


def _secrets(declaration: Declaration) -> Iterator[str]:
    """Hex digits of each declared secret, and its characters where it has any."""
    for profile in declaration.clients.values():
        keys = [profile.password, *(getattr(profile.keys, one.name) for one in fields(profile.keys))]
        for key in keys:
            if isinstance(key, Key) and len(key) >= 4:
                octets = key.expose()
                yield octets.hex()
                if octets.isascii() and octets.decode().isprintable():
                    yield octets.decode()
