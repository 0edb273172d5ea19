"""A bench of somebody else's, driven by a command: relays, signal generators, the tools of a laboratory.

For each verb the command is run with the verb and its arguments. It ends with 0 when that is done, with 2
where it cannot do that, and with anything else where it went wrong; what it then says on standard error is
the reason in the report.

| run as | does |
|---|---|
| ``CMD verbs`` | prints the verbs that it has, one on a line |
| ``CMD restart SECONDS`` | power off for so long, on, and back when the meter can be reached |
| ``CMD cut_power_at STEP [KEY=VALUE...]`` | arms a power cut |
| ``CMD has_power`` | prints ``yes`` or ``no`` |
| ``CMD set_clock TIME`` | ISO 8601 |
| ``CMD advance SECONDS`` | lets time pass for the meter |
| ``CMD read_slot NAME`` | prints a JSON object |
| ``CMD inject FAULT [KEY=VALUE...]`` | makes the meter have a fault; ``none`` ends all |
| ``CMD configure KEY=VALUE...`` | restarts it with other settings |
| ``CMD renew`` | replaces the meter by a new one |
| ``CMD close`` | the run is over; always called |
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dlms_fw.conformance.benches.base import VERBS, Bench, Facts
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive
from dlms_fw.errors import ConfigurationError

CANNOT: Final = 2
_LIMIT_S: Final = 600.0


class CommandBench(Bench):
    """A bench behind a command.

    Args:
        command: As in a shell, without a shell: program and arguments.

    Raises:
        ConfigurationError: it cannot be run, or names verbs that there are not.
    """

    def __init__(self, command: str) -> None:
        try:
            self._command = shlex.split(command)
            told = self._run("verbs").split()
        except (ValueError, Inconclusive, Inapplicable) as error:
            raise ConfigurationError(f"the bench {command} does not tell its verbs: {error}") from None
        if unknown := sorted(set(told) - set(VERBS)):
            raise ConfigurationError(
                f"the bench {command} has verbs that there are not: {', '.join(unknown)}"
            )
        self.name = command
        self.verbs = frozenset(told)

    def restart(self, seconds_without: float = 0.0) -> None:
        """``restart SECONDS``."""
        self._do("restart", f"{seconds_without:g}")

    def cut_power_at(self, step: str, **details: Any) -> None:
        """``cut_power_at STEP``."""
        self._do("cut_power_at", step, **details)

    def has_power(self) -> bool:
        """``has_power``, where power can be cut."""
        return "cut_power_at" not in self.verbs or self._run("has_power").strip() != "no"

    def set_clock(self, moment: datetime) -> None:
        """``set_clock TIME``."""
        self._do("set_clock", moment.isoformat())

    def advance(self, seconds: float) -> None:
        """``advance SECONDS``."""
        self._do("advance", f"{seconds:g}")

    def read_slot(self, name: str) -> Facts:
        """``read_slot NAME``."""
        said = self._do("read_slot", name)
        try:
            facts = json.loads(said)
        except ValueError:
            facts = None
        if not isinstance(facts, Mapping):
            raise Inconclusive(f"the bench does not tell a JSON object about {name}")
        return facts

    def inject(self, fault: str, **details: Any) -> None:
        """``inject FAULT``."""
        self._do("inject", fault, **details)

    def configure(self, **facts: Any) -> None:
        """``configure KEY=VALUE``."""
        self._do("configure", **facts)

    def renew(self) -> None:
        """``renew``."""
        self._do("renew")

    def close(self) -> None:
        """``close``."""
        self._run("close")

    def _do(self, verb: str, *arguments: str, **details: Any) -> str:
        if verb not in self.verbs:
            self._lacks(verb)
        pairs = (f"{name}={value}" for name, value in details.items())
        return self._run(verb, *arguments, *pairs)

    def _run(self, *arguments: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - whoever runs the suite names the command
                [*self._command, *arguments], capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Inconclusive(f"the bench cannot {arguments[0]}: {error}") from None
        if done.returncode == CANNOT:
            raise Inapplicable(f"the bench cannot {' '.join(arguments)}")
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Inconclusive(f"the bench failed to {arguments[0]}: {said}")
        return done.stdout
