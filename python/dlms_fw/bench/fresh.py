"""The other side of :func:`dlms_fw.bench.measure.in_fresh_process`: one function called in this process.

``module:name`` is the argument, its keyword arguments come as JSON on standard input; what it returned and
the memory of the process go as JSON to standard output. What the function writes goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

__all__ = ["main", "memory"]

_FIGURES = ("VmHWM", "VmRSS", "RssAnon")


def memory() -> dict[str, int]:
    """Memory of this process in octets, by the names of ``/proc/self/status``.

    Raises:
        OSError: This system has no such file.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    figures = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(figures[name].split()[0]) * 1024 for name in _FIGURES}


def main() -> None:
    """Calls the function."""
    module, name = sys.argv[1].split(":")
    arguments = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        function = getattr(importlib.import_module(module), name)
        before = memory()
        result = function(**arguments)
        after = memory()
    json.dump({"result": result, "before": before, "after": after}, sys.stdout)


if __name__ == "__main__":
    main()
