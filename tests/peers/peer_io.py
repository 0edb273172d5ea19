"""The peer's end of the pipe to the test: one JSON line in, JSON lines out, and limits that it cannot exceed.

Standard output belongs to the reports: whatever a referee library prints goes to standard error. This file
runs in the peers' environment and knows neither `dlms_fw` nor a referee.
"""

import json
import os
import resource
import sys


def begin() -> tuple[dict, "Reports"]:
    """Take the limits on, and return the configuration and where to report."""
    config = json.loads(sys.stdin.buffer.raw.readline())
    limits = config["limits"]
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_octets"], limits["memory_octets"]))
    return config, Reports()


class Reports:
    """JSON documents, one a line, on what was standard output when the process began."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(self, **report: object) -> None:
        """Write one report at once."""
        self._stream.write(json.dumps(report) + "\n")
        self._stream.flush()
