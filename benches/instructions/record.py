"""The counts that are held, in TOML, with what they depend on."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COUNTS: Final = Path(__file__).with_name("counts.toml")


@dataclass(frozen=True, slots=True)
class Record:
    """Counts of one day.

    Attributes:
        environment: The tools and the kind of processor, by name.
        counts: Instructions of one operation, by the name of the case.
    """

    environment: Mapping[str, str]
    counts: Mapping[str, int]

    def differences(self, other: Record) -> list[str]:
        """What of the environment is not the same, a line each."""
        names = sorted({*self.environment, *other.environment})
        pairs = [(name, self.environment.get(name), other.environment.get(name)) for name in names]
        return [f"  {name}: {held} then, {now} now" for name, held, now in pairs if held != now]


def load(path: Path) -> Record:
    document = tomllib.loads(path.read_text())
    return Record(document["environment"], document["counts"])


def store(path: Path, record: Record) -> None:
    path.write_text("\n".join(lines(record)) + "\n")


def lines(record: Record) -> Iterator[str]:
    yield "# Instructions of one operation of each case of rust/benches; `make instructions UPDATE=1`."
    yield ""
    for title, table in (("environment", record.environment), ("counts", record.counts)):
        yield f"[{title}]"
        # A string or a whole number is the same in JSON and in TOML.
        yield from (f"{name} = {json.dumps(value)}" for name, value in table.items())
        yield ""
