"""A referee that is asked by the batch, and that is started again when a case has ended it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from peers.run import Peer, PeerError

CASE_SECONDS = 0.25
BATCH = 250

Case = tuple[str, str, Any]
"""Operation ("encode" or "decode"), kind, argument."""

Answer = tuple[bool, Any]
"""Whether it went well, and the value or what went wrong."""


class Referee:
    """One script of `tests/peers` that serves batches; `kinds` is what it can do, as "encode get-request"."""

    def __init__(self, script: str, **config: Any) -> None:
        self._script = script
        self._config = {"case_seconds": CASE_SECONDS, "limits": {"cpu_seconds": 600}} | config
        self.restarts = 0
        self._peer: Peer | None = None
        self.kinds: frozenset[str] = frozenset()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._peer is not None
        self._peer.__exit__(kind, error, traceback)

    def ask(self, cases: Sequence[Case]) -> list[Answer]:
        """The answers to all cases, in their order."""
        answers: list[Answer] = []
        for start in range(0, len(cases), BATCH):
            answers += self._ask(cases[start : start + BATCH])
        return answers

    def _ask(self, cases: Sequence[Case]) -> list[Answer]:
        assert self._peer is not None
        try:
            self._peer.send(cases)
            answers = self._peer.report(60.0)["answers"]
        except PeerError as error:
            self._start()
            self.restarts += 1
            if len(cases) == 1:
                return [(False, f"ended the referee: {error}")]
            middle = len(cases) // 2
            return self._ask(cases[:middle]) + self._ask(cases[middle:])
        return [(bool(well), value) for well, value in answers]

    def _start(self) -> None:
        if self._peer is not None:
            self._peer.__exit__(None, None, None)
        self._peer = Peer(self._script, self._config)
        self.kinds = frozenset(self._peer.report()["kinds"])
