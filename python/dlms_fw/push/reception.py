"""Judging what was pushed: whose it is, whether it is genuine and new, and what it says.

The keys are those of the meter that a message claims to come from; only when its tag has been verified is
anything of it believed. Each meter's invocation counter must grow. Nothing here waits, opens or looks at a
clock; whatever is wrong with a message is counted and never raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dlms_fw._core import (
    DataNotification,
    EventNotification,
    InformationReport,
    ReceivedApdu,
    SecurityContext,
    decode_apdu,
)
from dlms_fw.errors import DecodeError, DlmsError, JournalError, SecurityError
from dlms_fw.journal import CounterStream, Journal
from dlms_fw.notifications import PushedData, notification
from dlms_fw.profiles import Profile
from dlms_fw.push.arrival import Arrival, ListenerStatistics, Meters, Sender
from dlms_fw.security import SYSTEM_TITLE_LENGTH

_LOG = logging.getLogger("dlms_fw.push")

_NOBODY = b"\xff" * SYSTEM_TITLE_LENGTH
"""Our title where a profile has none: nothing is then addressed to us by it."""


@dataclass(slots=True)
class _Meter:
    """What is kept of one meter under one profile."""

    profile: Profile
    context: SecurityContext
    key_fingerprint: str
    counters: CounterStream | None

    def seal(self, octets: bytes) -> bytes:
        """A confirmation under the next counter of ours.

        The stream is owned only for so long: whoever upgrades this meter meanwhile is not disturbed, and then
        there is no confirmation.
        """
        stream = self.counters
        assert stream is not None  # noqa: S101 (looked at before)
        with stream.journal.lease(stream.lease_name):
            taken = stream.reserve(1, 1)
            self.context.extend(taken.start, taken.stop)
            return self.context.seal(octets)


class _Refused(Exception):
    """A message that is not looked at any further."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reception:
    """Takes APDUs as they came and gives what was pushed.

    Args:
        meters: Whose keys belong to whom.
        accept_unprotected: Whether a plain message of a meter that is not known is handed on. A plain message
            of a meter whose profile demands protection never is.
        journal: Where the meters' invocation counters are kept, so that nothing that was accepted is accepted
            again after a restart. Each protected message then costs one write to the disk. Confirmations of
            protected messages need it as well.
        randomness: Gives that many random octets.
        max_meters: How many meters' counters are kept in memory.
        statistics: Where to count.
    """

    def __init__(
        self,
        meters: Meters | None,
        *,
        accept_unprotected: bool,
        journal: Journal | None,
        randomness: Callable[[int], bytes],
        max_meters: int,
        statistics: ListenerStatistics,
    ) -> None:
        self._meters = meters
        self._accept_unprotected = accept_unprotected
        self._journal = journal
        self._randomness = randomness
        self._max_meters = max_meters
        self._known: dict[tuple[bytes, str], _Meter] = {}
        self.statistics = statistics

    def take(
        self, received: ReceivedApdu, sender: Sender, arrived_at: datetime
    ) -> tuple[Arrival, bytes | None] | None:
        """What was pushed, and the APDU that confirms it where that is wanted; ``None`` for what is refused.

        Args:
            received: As it came.
            sender: The socket that it came from.
            arrived_at: The time, aware.
        """
        sender = replace(
            sender,
            client_sap=received.client_sap,
            server_sap=received.server_sap,
            server_lower=received.server_lower,
            gateway=received.gateway,
            system_title=received.system_title,
        )
        try:
            return self._take(received, sender, arrived_at)
        except _Refused as refused:
            self._refuse(refused.reason, sender)
        except (SecurityError, DecodeError) as error:
            self._refuse(error.kind, sender)
        except JournalError as error:
            self._refuse("journal", sender)
            _LOG.error("a counter could not be recorded: %s", error)
        return None

    def _take(
        self, received: ReceivedApdu, sender: Sender, arrived_at: datetime
    ) -> tuple[Arrival, bytes | None]:
        profile = self._profile_of(sender)
        meter: _Meter | None = None
        octets, protection, title = received.octets, 0, None
        if received.is_protected:
            title = sender.system_title or (None if profile is None else profile.meter_system_title)
            if profile is None or title is None:
                raise _Refused("unknown-meter")
            meter = self._meter(profile, title)
            if meter is None:
                raise _Refused("meters")
            octets = meter.context.open(octets)
            protection = meter.context.received_protection
            self._note_counter(meter, title)
        elif profile is None and not self._accept_unprotected:
            raise _Refused("unknown-meter")
        elif profile is not None and profile.protection.responses(profile.security_policy):
            raise _Refused("downgrade")
        apdu = decode_apdu(octets, "server")
        if not isinstance(apdu, DataNotification | EventNotification | InformationReport):
            raise _Refused("not-a-notification")
        told = notification(apdu)
        arrival = Arrival(
            notification=told,
            sender=sender,
            arrived_at=arrived_at,
            meter=None if profile is None else profile.name,
            system_title=title if profile is None else title or profile.meter_system_title,
            protection=protection,
        )
        if isinstance(told, PushedData) and told.wants_confirmation:
            return arrival, self._confirmation(told, meter)
        return arrival, None

    def _profile_of(self, sender: Sender) -> Profile | None:
        meters = self._meters
        if meters is None:
            return None
        if isinstance(meters, Mapping):
            return None if sender.system_title is None else meters.get(sender.system_title)
        try:
            return meters(sender)
        except Exception:  # noqa: BLE001 (logged)
            # Somebody else's code, fed with what a stranger has sent: it must not end the listener.
            self.statistics.refused["lookup"] += 1
            _LOG.exception("the function of meters failed")
            return None

    def _meter(self, profile: Profile, title: bytes) -> _Meter | None:
        key = profile.keys.counter_key
        if key is None:
            raise SecurityError("the profile has no keys", kind="missing-key")
        place = (title, key.fingerprint)
        known = self._known.get(place)
        if known is not None and known.profile is profile:
            return known
        if known is None and len(self._known) >= self._max_meters:
            return None
        meter = self._new_meter(profile, title, key.fingerprint)
        if known is not None and (last := known.context.peer_invocation_counter) is not None:
            meter.context.peer_invocation_counter = max(last, meter.context.peer_invocation_counter or 0)
        self._known[place] = meter
        return meter

    def _new_meter(self, profile: Profile, title: bytes, key_fingerprint: str) -> _Meter:
        ours = profile.system_title or _NOBODY
        counters, last = None, None
        if self._journal is not None:
            known = self._journal.meter_counters(key_fingerprint, ours, title)
            last = None if known is None or known.last_received < 0 else known.last_received
            if profile.system_title is not None:
                counters = self._journal.counters(key_fingerprint, profile.system_title)
        keys, protection = profile.keys, profile.protection
        context = SecurityContext(
            profile.security_suite,
            protection.requests(profile.security_policy),
            system_title=ours,
            peer_system_title=title,
            global_unicast_encryption_key=keys.global_unicast_encryption_key,
            global_broadcast_encryption_key=keys.global_broadcast_encryption_key,
            authentication_key=keys.authentication_key,
            peer_invocation_counter=last,
            general=True,
            floor=protection.responses(profile.security_policy),
        )
        # A meter that pushes decides on the form: all of them are opened, as far as there are keys.
        protection.prepare(context, keys, profile.asymmetric_keys, self._randomness, answering=True)
        return _Meter(profile, context, key_fingerprint, counters)

    def _note_counter(self, meter: _Meter, title: bytes) -> None:
        received = meter.context.peer_invocation_counter
        if self._journal is None or received is None:
            return
        self._journal.note_meter_counters(
            meter.key_fingerprint,
            meter.profile.system_title or _NOBODY,
            title,
            accepts_from=0,
            last_received=received,
        )

    def _confirmation(self, told: PushedData, meter: _Meter | None) -> bytes | None:
        octets = told.confirmation().encode()
        if meter is None:
            return octets
        if meter.counters is None:
            self.statistics.unconfirmed["no-journal"] += 1
            return None
        try:
            return meter.seal(octets)
        except DlmsError as error:
            # It has been accepted and is handed on all the same; its meter will say it again.
            self.statistics.unconfirmed[error.code] += 1
            _LOG.warning("a notification is not confirmed: %s", error)
            return None

    def _refuse(self, reason: str, sender: Sender) -> None:
        self.statistics.refused[reason] += 1
        title = "" if sender.system_title is None else f", system title {sender.system_title.hex().upper()}"
        _LOG.debug("a message of %s was refused: %s%s", sender.url, reason, title)
