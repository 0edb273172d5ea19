"""What a procedure sees of the meter, and of the one who asked for the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from dlms_fw._core import WrapperFraming
from dlms_fw.client import Client
from dlms_fw.conformance.benches.base import Bench
from dlms_fw.conformance.declaration import MEDIA, Declaration
from dlms_fw.conformance.verdicts import Inapplicable, Inconclusive
from dlms_fw.conformance.wire.acse import Edit, unchanged
from dlms_fw.conformance.wire.association import Attempt, HandMade, Line, attempt
from dlms_fw.conformance.wire.connection import Connection
from dlms_fw.conformance.wire.hdlc_frames import ServerAddress
from dlms_fw.conformance.wire.hdlc_station import HdlcStation, parameters
from dlms_fw.conformance.wire.wrapper_line import WrapperLine
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import DlmsError
from dlms_fw.journal import Journal
from dlms_fw.ledger import Ledger
from dlms_fw.profiles import Profile
from dlms_fw.session.client import ClientSession
from dlms_fw.transports.base import Transport, TransportFactory
from dlms_fw.transports.opening import open_medium

_CONNECT_S = 15.0
_CHALLENGE_OCTETS = 32
LARGE_FRAMES = parameters({"max_info_transmit": (2030, 2), "max_info_receive": (2030, 2)})
_SCHEMES = {"hdlc": "hdlc+tcp", "wrapper": "tcp", "datagrams": "udp"}


class OutOfTime(Exception):
    """A case has taken longer than it may."""


class Site:
    """The meter under test for one case; connections and clients that are left open are closed after it.

    Args:
        declaration: What is known of the meter.
        bench: What can be done to it.
        journal: Invocation counters of our clients.
        allowed: What may be altered, of :data:`~dlms_fw.conformance.catalogue.ALTERATIONS`.

    Attributes:
        steps: What was done and seen, in order, for the report.
        not_put_back: What of the meter stayed changed.
    """

    def __init__(
        self,
        declaration: Declaration,
        bench: Bench,
        journal: Journal,
        *,
        allowed: frozenset[str] = frozenset(),
        limit_s: float = float("inf"),
        medium: str | None = None,
    ) -> None:
        self.declaration = declaration
        self.bench = bench
        self.journal = journal
        self.allowed = allowed
        self.steps: list[str] = []
        self.not_put_back: list[str] = []
        self._limit_s = limit_s
        self._ends_at = bench.clock() + limit_s
        self._openers = bench.openers()
        self._medium = medium
        self._closing: list[Callable[[], None]] = []
        self._connections: list[Connection] = []
        self._undoing: list[tuple[str, Callable[[], None]]] = []

    # Facts

    @property
    def media(self) -> tuple[str, ...]:
        """Over which media the meter can be reached."""
        return tuple(name for name in MEDIA if name in self._openers or name in self.declaration.endpoints)

    @property
    def medium(self) -> str:
        """The medium of this case where it does not say another one."""
        media = self.media
        if self._medium in media:
            return self._medium
        if not media:
            raise Inapplicable("it was not declared where the meter is")
        return next((name for name in ("wrapper", "hdlc") if name in media), media[0])

    @property
    def plain_role(self) -> str:
        """Who has no protection and no authentication where there is such a client: ``public``."""
        return "public" if "public" in self.declaration.clients else "management"

    def may_alter(self, what: str) -> bool:
        """Whether that of the meter may be changed."""
        return what in self.allowed

    # Time

    def clock(self) -> float:
        """Monotonic seconds. Raises OutOfTime after the limit of the case."""
        now = self.bench.clock()
        if now > self._ends_at:
            raise OutOfTime(f"it did not end within {self._limit_s:g} s")
        return now

    def sleep(self, seconds: float) -> None:
        """Let time pass for us and for the meter."""
        if self.clock() + seconds > self._ends_at:
            raise OutOfTime(f"waiting {seconds:g} s would take it beyond {self._limit_s:g} s")
        self.bench.sleep(seconds)

    # Report

    def step(self, text: str) -> None:
        """Note what was done or seen. Never octets that may hold a secret."""
        self.steps.append(text)

    # Ways to the meter

    def open(self, medium: str | None = None, *, beside: bool = False) -> Connection:
        """A fresh connection with nothing on it.

        The ones before are closed, for many meters take one at a time, unless it is meant to be ``beside``
        them.
        """
        if not beside:
            self._close_connections()
        connection = self.open_if_it_may(medium)
        if connection is None:
            raise Inconclusive("the meter took no connection")
        return connection

    def open_if_it_may(self, medium: str | None = None) -> Connection | None:
        """A connection beside all others; ``None`` where the meter takes none."""
        try:
            transport = self.opener(medium or self.medium)(self.clock() + _CONNECT_S)
        except DlmsError:
            return None
        connection = Connection(transport, self.clock, self.declaration.silence_s)
        self._connections.append(connection)
        return connection

    def _close_connections(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def hdlc(
        self,
        role: str = "management",
        *,
        server: ServerAddress | None = None,
        connection: Connection | None = None,
    ) -> HdlcStation:
        """The client's end of an HDLC link on a fresh connection, not yet connected."""
        profile = self.declaration.profile(role)
        return HdlcStation(
            connection or self.open("hdlc"), profile.client_sap, server or self.declaration.addresses[0]
        )

    def line(self, role: str = "management", *, medium: str | None = None, beside: bool = False) -> Line:
        """What carries APDUs written by hand between a client and the meter, ready to be spoken on."""
        medium = medium or self.medium
        connection = self.open(medium, beside=beside)
        if medium == "hdlc":
            station = self.hdlc(role, connection=connection)
            station.connect(LARGE_FRAMES)
            return station
        profile = self.declaration.profile(role)
        return WrapperLine(connection, profile.client_sap, profile.server_sap)

    def attempt(
        self,
        role: str = "management",
        *,
        line: Line | None = None,
        medium: str | None = None,
        beside: bool = False,
        edit: Edit = unchanged,
        initiate: Mapping[str, Any] | None = None,
        challenge: Callable[[], bytes] | None = None,
        **changes: Any,
    ) -> Attempt:
        """Ask for an association whose APDUs are written by hand; see :func:`attempt`.

        Args:
            role: Who asks.
            line: Where; a new one by default.
            medium: Over which medium, where the line is new.
            beside: Whether the lines before stay open.
            edit: Changes each APDU of ours on its way.
            initiate: What of the InitiateRequest is another than the profile has it.
            challenge: Gives the client's challenge; random by default.
            changes: Of the profile.
        """
        profile = replace(self.declaration.profile(role), **changes)
        given: dict[str, Any] = {} if challenge is None else {"challenge": challenge}
        return attempt(
            line or self.line(role, medium=medium, beside=beside),
            self._ledger(role, profile),
            (profile.client_sap, profile.server_sap),
            edit=edit,
            initiate=initiate,
            **given,
        )

    def associate(
        self,
        role: str = "management",
        *,
        line: Line | None = None,
        medium: str | None = None,
        beside: bool = False,
        **changes: Any,
    ) -> HandMade:
        """As :meth:`attempt`; raises Inconclusive where it is not accepted."""
        made = self.attempt(role, line=line, medium=medium, beside=beside, **changes)
        if made.association is None:
            raise Inconclusive(f"the ordinary association as {role} was not accepted: {made.error or made}")
        return made.association

    def session(self, role: str = "management", **changes: Any) -> ClientSession:
        """A session on no line, which protects what its client would say; for clients that only speak."""
        profile = replace(self.declaration.profile(role), **changes)
        framing = WrapperFraming(profile.client_sap, profile.server_sap)
        session = self._ledger(role, profile).session(framing, lambda: os.urandom(_CHALLENGE_OCTETS))
        session.connect()
        session.associate()
        return session

    def _ledger(self, role: str, profile: Profile) -> Ledger:
        place = str(self.endpoint(self.medium))
        ledger = Ledger(profile, self.journal, place=place, now=self.bench.wall_clock)
        ledger.acquire()
        self._closing.append(ledger.release)
        if ledger.must_ask:
            with self.client(role):
                pass  # it asks the meter, and notes the answer for the next one
        return ledger

    def new_client(
        self,
        role: str = "management",
        *,
        medium: str | None = None,
        through: Callable[[Transport], Transport] = lambda transport: transport,
        journal: Journal | None = None,
        **changes: Any,
    ) -> Client:
        """A client that is not connected yet.

        Args:
            role: Which one.
            medium: Over which medium.
            through: Is given each transport that is opened and gives the one that is used.
            journal: Other records than those of all our clients.
            changes: Of its profile.
        """
        medium = medium or self.medium
        opener = self.opener(medium)
        return Client(
            self.endpoint(medium),
            replace(self.declaration.profile(role), **changes),
            journal=journal or self.journal,
            open_transport=lambda deadline: through(opener(deadline)),
            clock=self.clock,
            sleep=self.sleep,
            wall_clock=self.bench.wall_clock,
        )

    @contextmanager
    def client(
        self, role: str = "management", *, medium: str | None = None, **changes: Any
    ) -> Iterator[Client]:
        """A client with an association, which is released at the end of the block."""
        with self.new_client(role, medium=medium, **changes) as client:
            yield client

    def endpoint(self, medium: str) -> Endpoint:
        """Where the meter is."""
        known: Mapping[str, Endpoint] = self.declaration.endpoints
        return known.get(medium) or Endpoint.parse(f"{_SCHEMES[medium]}://meter")

    def opener(self, medium: str) -> TransportFactory:
        """What opens the medium."""
        if medium in self._openers:
            return self._openers[medium]
        if medium not in self.declaration.endpoints:
            raise Inapplicable(f"it was not declared where the meter is over {medium}")
        opener: Callable[[float], Transport] = partial(open_medium, self.declaration.endpoints[medium])
        return opener

    # What is left behind

    def put_back(self, what: str, undo: Callable[[], None]) -> None:
        """Have ``undo`` called when the case ends, however it ends; the last one first."""
        self._undoing.append((what, undo))

    def end(self) -> None:
        """Put everything back and close everything; what cannot be put back stands in ``not_put_back``."""
        self._ends_at = self.bench.clock() + self._limit_s
        while self._undoing:
            what, undo = self._undoing.pop()
            try:
                undo()
            except Exception as error:  # noqa: BLE001 - everything else must be put back all the same
                self.not_put_back.append(f"{what}: {error}")
        self._close_connections()
        while self._closing:
            self._closing.pop()()
