"""Which meter, as whom, and with which records: what every command that talks to a meter is told.

Here options become a client, and signals become an orderly end. What is done with the client is the command's
matter.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

import click

from dlms_fw.cli.outcome import Outcome
from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import AssociationRejected, ConfigurationError
from dlms_fw.journal import Journal, default_path
from dlms_fw.profile_files import load_profile
from dlms_fw.profiles import Profile

P = ParamSpec("P")

MANAGEMENT_CLIENT = 1
STOPPING_SIGNALS = ("SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class Target:
    """One meter, seen from the command line.

    Attributes:
        endpoint: Where it is.
        profile: Who we are to it.
        has_profile: Whether that was said, or is the management client without any security.
        journal_path: Where our records are.
        config: The file with profiles, where one was named.
    """

    endpoint: Endpoint
    profile: Profile
    has_profile: bool
    journal_path: Path
    config: str | None = None

    @classmethod
    def of(cls, url: str, config: str | None, profile: str | None, journal_file: str | None) -> Target:
        """From what was typed. Raises ConfigurationError."""
        return cls(
            endpoint=Endpoint.parse(url),
            profile=chosen_profile(config, profile) or without_security(),
            has_profile=config is not None,
            journal_path=Path(journal_file) if journal_file else default_path(os.environ),
            config=config,
        )

    @contextmanager
    def client(self, journal: Journal | None = None) -> Iterator[Client]:
        """A client, not yet connected, and closed at the end of the block.

        Where no journal is given, one is opened if there are keys, whose counters must be kept.
        """
        with ExitStack() as stack:
            if journal is None and self.profile.needs_keys:
                journal = stack.enter_context(Journal(self.journal_path))
            client = Client(self.endpoint, self.profile, journal=journal)
            stack.callback(client.close)
            try:
                yield client
            except AssociationRejected as error:
                if not self.has_profile:
                    error.hint = (
                        "nothing was said with --config and --profile, so there is no authentication; "
                        "the public client is ?client=16"
                    )
                raise


def chosen_profile(config: str | None, profile: str | None) -> Profile | None:
    """The profile that was named, if one was. Raises ConfigurationError."""
    if config is None and profile is None:
        return None
    if config is None or profile is None:
        missing = "--config FILE" if config is None else "--profile NAME"
        raise ConfigurationError("--config and --profile go together", hint=f"add {missing}")
    return load_profile(config, profile)


def without_security() -> Profile:
    """The management client of a meter that asks for no proof, as meters on a bench do."""
    return Profile(name="(none given)", client_sap=MANAGEMENT_CLIENT)


def profile_options(function: Callable[P, None]) -> Callable[P, None]:
    """``--config FILE`` and ``--profile NAME``."""
    function = click.option("--profile", metavar="NAME", help="Which profile of that file.")(function)
    return click.option("--config", metavar="FILE", help="A TOML file with profiles.")(function)


def aimed(
    function: Callable[Concatenate[Outcome, Target, P], None],
) -> Callable[Concatenate[Outcome, P], None]:
    """Give a command ``URL`` and the options for a meter, and as second argument its :class:`Target`."""

    @wraps(function)
    def run(outcome: Outcome, /, *args: P.args, **kwargs: P.kwargs) -> None:
        told: list[Any] = [kwargs.pop(name) for name in ("url", "config", "profile", "journal_file")]
        outcome.facts["url"] = str(told[0])
        with signals_interrupt():
            function(outcome, Target.of(*told), *args, **kwargs)

    decorated = click.option(
        "--journal",
        "journal_file",
        metavar="FILE",
        help="Our own records: transfers and invocation counters. By default in the user's state folder.",
    )(run)
    return click.argument("url")(profile_options(decorated))


_MEANT_AGAIN_AFTER_S: Final = 3.0


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block like Ctrl-C: as KeyboardInterrupt, and never as if nothing had been.

    One is enough: what follows at once would only break into the cleaning up. What comes after some seconds
    means it.
    """
    interrupted_at = -math.inf

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal interrupted_at
        now = time.monotonic()
        if now - interrupted_at >= _MEANT_AGAIN_AFTER_S:
            interrupted_at = now
            raise KeyboardInterrupt

    installed: dict[int, Any] = {}
    names = [name for name in (*STOPPING_SIGNALS, "SIGINT") if hasattr(signal, name)]
    for number in (getattr(signal, name) for name in names):
        # What our parent told us to ignore (nohup) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            installed[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, before in installed.items():
            signal.signal(number, before)
    if interrupted_at > -math.inf:
        # Where a finaliser or another callback ran, Python has dropped the exception.
        raise KeyboardInterrupt
