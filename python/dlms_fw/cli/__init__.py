"""The command line: ``main`` is the click group ``dlms-fw``.

Without the ``cli`` extra it is a function that says so in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["main"]


def _cli_extra_is_missing() -> None:
    sys.stderr.write("dlms-fw: the command line needs click and rich: pip install 'dlms-fw[cli]'\n")
    sys.exit(2)


main: Callable[[], object]
try:
    from dlms_fw.cli.root import main
except ModuleNotFoundError as missing:
    if missing.name != "click":
        raise
    main = _cli_extra_is_missing
