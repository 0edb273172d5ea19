"""One client's invocation counters: whose they are, where they begin, and what each meter is known to accept.

A stream belongs to a key and our system title, whatever meters they are used for, so no two messages under
one key ever share a counter. Only one process owns a stream at a time. Of each meter we keep what it has
accepted and used, to know whether it must be asked, and whether it goes back. The journal keeps all of it;
nothing is sent from here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dlms_fw._core import HdlcFraming, WrapperFraming
from dlms_fw.errors import ConfigurationError, SecurityError
from dlms_fw.journal import CounterStream, Journal, MeterCounters
from dlms_fw.profiles import Profile
from dlms_fw.security import resynchronised_counter
from dlms_fw.session.aare import counter_went_back
from dlms_fw.session.client import ClientSession

_LOG = logging.getLogger("dlms_fw.client")

FIRST_COUNTER = 1
"""Where a stream begins of which neither we nor the meter know anything."""


class Ledger:
    """What one client's associations need of the journal."""

    __slots__ = ("_challenges", "_first_counter", "_leased", "_now", "_profile", "_stream")

    def __init__(
        self,
        profile: Profile,
        journal: Journal | None,
        *,
        place: object = "",
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._profile = profile
        self._challenges = None if journal is None else _Challenges(journal, place)
        self._now = now
        self._stream: CounterStream | None = None
        self._leased = False
        self._first_counter = profile.first_invocation_counter or 0
        if not profile.needs_keys:
            return
        if journal is None:
            raise ConfigurationError("protection by keys needs a journal to keep the invocation counters in")
        key = profile.counter_key
        if key is not None and profile.system_title is not None:
            self._stream = journal.counters(key.fingerprint, profile.system_title)

    def acquire(self) -> None:
        """Own the stream of counters. Raises Busy; SecurityError for a key that other meters have too."""
        if self._profile.strict_keys and self._profile.meter_system_title is not None:
            self._check_key_is_its_own(self._profile.meter_system_title)
        if self._stream is not None and not self._leased:
            self._stream.journal.acquire(self._stream.lease_name)
            self._leased = True

    def release(self) -> None:
        """Give the stream back."""
        if self._stream is not None and self._leased:
            self._stream.journal.release(self._stream.lease_name)
            self._leased = False

    @property
    def must_ask(self) -> bool:
        """Whether the meter must be asked first: we know nothing of the stream, or of this meter."""
        stream, title = self._stream, self._profile.meter_system_title
        if stream is None or self._first_counter:
            return False
        if stream.next is None:
            return True
        return (
            title is not None
            and stream.journal.meter_counters(stream.key_fingerprint, stream.system_title, title) is None
        )

    def learn(self, accepts_from: int | None) -> None:
        """The meter says that it accepts counters from here on, or has no such object.

        Raises:
            SecurityError: it asks for more than an unprotected hint may.
        """
        assert self._stream is not None  # noqa: S101 (must_ask)
        if accepts_from is None:
            if self._stream.next is None:
                _LOG.warning(
                    "neither journal nor meter knows an invocation counter of key %s: beginning with %d",
                    self._stream.key_fingerprint,
                    FIRST_COUNTER,
                )
            accepts_from = FIRST_COUNTER
        self._first_counter = resynchronised_counter(self._stream.next, max(accepts_from, FIRST_COUNTER))

    def session(
        self,
        framing: WrapperFraming | HdlcFraming,
        challenge: Callable[[], bytes],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> ClientSession:
        """A session with counters of its own."""
        return ClientSession(
            framing,
            self._profile,
            challenge=challenge,
            counters=self._stream,
            first_counter=self._first_counter,
            meter_counter=self._meter_counter(),
            dedicated_key=randomness,
            seen_challenges=self._challenges,
            now=self._now,
            randomness=randomness,
        )

    def _meter_counter(self) -> int | None:
        stream, title = self._stream, self._profile.meter_system_title
        if stream is None or title is None or self._profile.trust_meter_counter_reset:
            return None
        known = stream.journal.meter_counters(stream.key_fingerprint, stream.system_title, title)
        return None if known is None or known.last_received < 0 else known.last_received

    def verify(self, session: ClientSession) -> None:
        """A meter has proved itself just now: its own counter must be above all that we have seen of it.

        Raises:
            ReplayError: it is not.
            SecurityError: another meter has the same key, and the profile is strict about that.
        """
        if (title := _title(session)) is not None:
            self._check_key_is_its_own(title)
        known = self._known(session)
        received = None if session.context is None else session.context.peer_invocation_counter
        if known is None or received is None or self._profile.trust_meter_counter_reset:
            return
        if received <= known.last_received:
            raise counter_went_back(known.last_received + 1)

    def note(self, session: ClientSession) -> None:
        """Remember what the meter has accepted and used so far in this session."""
        stream, context, title = self._stream, session.context, _title(session)
        if stream is None or context is None or title is None:
            return
        received = context.peer_invocation_counter
        stream.journal.note_meter_counters(
            stream.key_fingerprint,
            stream.system_title,
            title,
            accepts_from=context.invocation_counter,
            last_received=-1 if received is None else received,
        )

    def _check_key_is_its_own(self, title: bytes) -> None:
        stream = self._stream
        if stream is None or self._profile.counter_key is self._profile.keys.global_broadcast_encryption_key:
            return
        others = set(stream.journal.meters_under(stream.key_fingerprint)) - {title.hex()}
        if not others:
            return
        said = (
            f"key {stream.key_fingerprint} of meter {title.hex().upper()} is also that of {len(others)} other"
        )
        if self._profile.strict_keys:
            raise SecurityError(
                f"{said} (such as {min(others).upper()}), and strict_keys refuses that", kind="shared-key"
            )
        _LOG.warning("%s: who opens one of these meters can pose as all of them", said)

    def _known(self, session: ClientSession) -> MeterCounters | None:
        stream, title = self._stream, _title(session)
        if stream is None or title is None:
            return None
        return stream.journal.meter_counters(stream.key_fingerprint, stream.system_title, title)


@dataclass(frozen=True, slots=True)
class _Challenges:
    """The challenges of meters, by title, or by the place of one that does not say its title."""

    journal: Journal
    place: object

    def has(self, meter: bytes | None, challenge: bytes) -> bool:
        return self.journal.has_challenge(self._name(meter), challenge)

    def note(self, meter: bytes | None, challenge: bytes) -> None:
        self.journal.note_challenge(self._name(meter), challenge)

    def _name(self, meter: bytes | None) -> str:
        return str(self.place) if meter is None else meter.hex()


def _title(session: ClientSession) -> bytes | None:
    return None if session.association is None else session.association.meter_system_title
