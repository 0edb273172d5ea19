"""Starts a peer in its own process and environment, speaks JSON lines with it, and sees to its end.

This is the only file of the directory that the tests import; the others run in the peers' environment.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PEERS = Path(__file__).resolve().parent
PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
LIMITS = {"cpu_seconds": 60, "memory_octets": 1 << 29}
_END_SECONDS = 10.0


class PeerError(AssertionError):
    """The peer did not start, ended early, or said nothing in time."""


class Peer:
    """One running peer: `report` takes its next JSON line, `finish` ends its input and takes the last one."""

    def __init__(self, script: str, config: dict[str, Any]) -> None:
        if not PYTHON.exists():
            raise PeerError(f"{PYTHON} is missing: `make test` installs the peers' environment")
        self._script = script
        self._reports: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [PYTHON, "-E", "-s", PEERS / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._write(json.dumps(config | {"limits": LIMITS | config.get("limits", {})}) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if error is not None:
            error.add_note(f"{self._script} wrote to standard error:\n{self._said()}")
        self._errors.close()

    def report(self, seconds: float = 60.0) -> dict[str, Any]:
        """The next report; raises PeerError where none comes in time."""
        try:
            line = self._reports.get(timeout=seconds)
        except queue.Empty:
            raise PeerError(f"{self._script} said nothing for {seconds:.0f} s") from None
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
            raise PeerError(f"{self._script} ended with {self._process.returncode}")
        report: dict[str, Any] = json.loads(line)
        return report

    def send(self, order: object) -> None:
        """One more JSON line to the peer's standard input."""
        self._write(json.dumps(order) + "\n")

    def finish(self, seconds: float = 60.0) -> dict[str, Any]:
        """End the peer's input, and give its last report once it has ended well."""
        deadline = time.monotonic() + seconds
        if self._process.stdin is not None:
            self._process.stdin.close()
        report = self.report(seconds)
        if self._process.wait(max(0.1, deadline - time.monotonic())) != 0:
            raise PeerError(f"{self._script} ended with {self._process.returncode}")
        return report

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._reports.put(line)
        self._reports.put("")

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-4_000:].decode(errors="replace")
