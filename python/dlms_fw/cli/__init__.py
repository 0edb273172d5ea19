"""The command line: ``main`` is the click group ``dlms-fw``.

Without the ``cli`` extra it is a function that says so in one line. Ctrl-C while all of it is still being
imported ends it like any other time, without a trace.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

__all__ = ["main"]


def _cli_extra_is_missing() -> None:
    sys.stderr.write("dlms-fw: the command line needs click and rich: pip install 'dlms-fw[cli]'\n")
    sys.exit(2)


def _interrupted_early() -> NoReturn:
    if "--json" in sys.argv:
        error = '{"code": "interrupted", "message": "interrupted", "hint": null, "retryable": true}'
        sys.stdout.write(f'{{"schema": "dlms-fw/1", "ok": false, "changed": false, "error": {error}}}\n')
    else:
        sys.stderr.write("error: interrupted\n")
    sys.exit(130)


main: Callable[[], object]
try:
    from dlms_fw.cli.root import main
except ModuleNotFoundError as missing:
    if missing.name != "click":
        raise
    main = _cli_extra_is_missing
except KeyboardInterrupt:
    _interrupted_early()
