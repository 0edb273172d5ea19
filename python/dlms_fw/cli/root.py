"""The group ``dlms-fw``: which commands there are, and where each one lives.

A command's module is imported only when it runs: ``dlms-fw --help`` stays quick, and one command's needs are
not another's.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import click

from dlms_fw.cli.outcome import SCHEMA, ExitCode, one_line, print_document, printable, silence, write_line
from dlms_fw.errors import ConfigurationError


class Home(NamedTuple):
    """Where a command lives: ``module`` holds a click command called ``name``."""

    module: str
    name: str
    help: str


COMMANDS: dict[str, Home] = {
    "demo": Home("dlms_fw.cli.demo", "demo", "Upgrade a simulated meter; needs nothing."),
    "upgrade": Home("dlms_fw.cli.upgrade", "upgrade", "Bring a firmware image into a meter."),
    "cancel": Home("dlms_fw.cli.cancel", "cancel", "Take back a scheduled activation."),
    "info": Home("dlms_fw.cli.info", "info", "What a meter is, runs and has received."),
    "image": Home("dlms_fw.cli.image", "image", "Make, sign, check and show firmware images."),
    "sim": Home("dlms_fw.cli.sim", "sim", "Run a simulated meter."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and puts usage errors into JSON where asked to."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the order of the table, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        home = COMMANDS.get(cmd_name)
        if home is None:
            return None
        try:
            command: click.Command = getattr(import_module(home.module), home.name)
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.partition(".")[0] != "rich":
                raise
            error = ConfigurationError("the command line needs rich", hint="pip install 'dlms-fw[cli]'")
            click.echo(one_line(error), err=True)
            ctx.exit(ExitCode.USAGE)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, home.help) for name, home in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> Any:
        """Run; the arguments are those of :meth:`click.Group.main`."""
        arguments = list(sys.argv[1:] if args is None else args)
        _never_fail_to_print()
        if "--json" not in arguments:
            return super().main(arguments, *others, **more)
        try:
            code = super().main(arguments, *others, **{**more, "standalone_mode": False})
        except BrokenPipeError:
            silence(sys.stdout)
            sys.exit(ExitCode.UNEXPECTED)
        except click.ClickException as error:
            command = _command_of(error)
            print_document(
                {
                    "schema": SCHEMA,
                    "command": command,
                    "ok": False,
                    **_blank_facts(command),
                    "error": {
                        "code": "usage",
                        "message": error.format_message(),
                        "hint": None,
                        "retryable": False,
                    },
                }
            )
            sys.exit(error.exit_code)
        sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _command_of(error: click.ClickException) -> str | None:
    """The command that was typed, without the program's name, as far as there was one."""
    names: list[str] = []
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    while ctx is not None and ctx.parent is not None:
        names.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return " ".join(names) or None


def _blank_facts(command: str | None) -> dict[str, Any]:
    """The fields that a command's document always has, for one that was never begun."""
    home = COMMANDS.get(command or "")
    blank = None if home is None else getattr(import_module(home.module), "blank_facts", None)
    return {} if blank is None else dict(blank())


def _never_fail_to_print() -> None:
    """A terminal with a small character set gets escapes instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    try:
        number = version("dlms-fw")
    except PackageNotFoundError:
        number = "(not installed)"
    click.echo(f"dlms-fw {number}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done or already current, 1 unexpected, 2 usage or configuration, 3 link, "
    "4 authentication, 5 image refused, 6 incomplete (the same command goes on), 7 verification failed at "
    "the meter, 8 activated but not confirmed, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)
def main() -> None:
    """Upgrade the firmware of DLMS/COSEM meters."""
    log = logging.getLogger("dlms_fw")
    if not any(isinstance(handler, _Warnings) for handler in log.handlers):
        log.addHandler(_Warnings(logging.WARNING))


class _Warnings(logging.Handler):
    """Warnings of the library, each as one line on standard error, as it is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        write_line(sys.stderr, printable(f"{record.levelname.lower()}: {record.getMessage()}"))
