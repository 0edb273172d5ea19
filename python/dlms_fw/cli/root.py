"""The group ``dlms-fw``: which commands there are, and where each one lives.

A command's module is imported only when it runs: ``dlms-fw --help`` stays quick, and one command's needs are
not another's.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from dlms_fw.cli.outcome import ExitCode, printable, tell_early, write_line


class Home(NamedTuple):
    """Where a command lives: ``module`` holds a click command called ``name``."""

    module: str
    name: str
    help: str


COMMANDS: dict[str, Home] = {
    "demo": Home("dlms_fw.cli.demo", "demo", "Upgrade a simulated meter; needs nothing."),
    "upgrade": Home("dlms_fw.cli.upgrade", "upgrade", "Bring a firmware image into a meter."),
    "multicast": Home("dlms_fw.cli.multicast", "multicast", "Bring an image into a group of meters."),
    "cancel": Home("dlms_fw.cli.cancel", "cancel", "Take back a scheduled activation."),
    "info": Home("dlms_fw.cli.info", "info", "What a meter is, runs and has received."),
    "objects": Home("dlms_fw.cli.read", "objects", "Show the objects that a client sees in a meter."),
    "read": Home("dlms_fw.cli.read", "read", "Read attributes of a meter."),
    "profile": Home("dlms_fw.cli.profile", "profile", "Show rows of a load profile or an event log."),
    "clock": Home("dlms_fw.cli.clock", "clock", "Show the time of a meter, and set it."),
    "record": Home("dlms_fw.cli.record", "record", "Read a whole meter into a file."),
    "keys": Home("dlms_fw.cli.keys", "keys", "Replace a meter's keys, and give it certificates."),
    "image": Home("dlms_fw.cli.image", "image", "Make, sign, check and show firmware images."),
    "decode": Home("dlms_fw.cli.decode", "decode", "Show what captured octets mean."),
    "listen": Home("dlms_fw.cli.listen", "listen", "Print what meters push."),
    "conformance": Home("dlms_fw.cli.conformance", "conformance", "Hold a meter against conformance cases."),
    "sim": Home("dlms_fw.cli.sim", "sim", "Run a simulated meter."),
    "bench": Home("dlms_fw.cli.bench", "bench", "Measure how fast images are transferred here."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and puts usage errors into JSON where asked to."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the order of the table, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command, imported now."""
        home = COMMANDS.get(cmd_name)
        if home is None:
            return None
        if home.module not in sys.modules:
            _import_without_collecting(home.module)
        command: click.Command = getattr(sys.modules[home.module], home.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, home.help) for name, home in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> Any:
        """Run; the arguments are those of :meth:`click.Group.main`."""
        arguments = list(sys.argv[1:] if args is None else args)
        _never_fail_to_print()
        try:
            code = super().main(arguments, *others, **{**more, "standalone_mode": False})
        except (click.ClickException, click.Abort) as error:
            tell_early(error, as_json="--json" in arguments)
        sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _import_without_collecting(module: str) -> None:
    """What importing makes is kept: to look for garbage in it, then and later, is a tenth of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        import_module(module)
        gc.freeze()
    finally:
        if collects:
            gc.enable()


def _never_fail_to_print() -> None:
    """Streams that can always be written to, whatever we were started with.

    A terminal with a small character set gets escapes instead of ending the command. A stream that was closed
    leads nowhere: were its number left free, the next file opened would get it, and our lines.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # takes its time, and is for this alone

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
    "the meter, 8 activated but not confirmed, 9 not conforming, 130 interrupted.",
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
