"""One request and the wait for its answer: how long, what came besides, and what is counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlms_fw._core import DataNotification, Discarded, EventNotification, InformationReport
from dlms_fw.errors import DecodeError, LocalProtocolError
from dlms_fw.notifications import notification
from dlms_fw.session.client import ClientSession, Message, wants_answer
from dlms_fw.session.states import State

if TYPE_CHECKING:
    from dlms_fw._core import BlockRun, Event

_LOG = logging.getLogger("dlms_fw.client")
BUSY_POLL_S = 1.0
"""Between two questions to a meter that has said that it is not ready to receive."""


@dataclass(slots=True)
class Statistics:
    """What a client has done since it was made.

    Attributes:
        associations: Times an association was established.
        counters_read: Times a meter was asked for its invocation counter.
        requests: Service requests sent.
        octets_sent: On the line.
        octets_received: From the line.
        discarded: APDUs that were refused and dropped, by reason.
    """

    associations: int = 0
    counters_read: int = 0
    requests: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    discarded: dict[str, int] = field(default_factory=dict)


def patience(session: ClientSession, response_timeout_s: float) -> float:
    """Seconds to wait for the next octets; a meter that has said that it is busy is asked again sooner."""
    return min(BUSY_POLL_S, response_timeout_s) if session.channel.peer_busy else response_timeout_s


def count_run(run: BlockRun, statistics: Statistics) -> None:
    """Add what a run of blocks has sent and received."""
    statistics.requests += run.sent
    statistics.octets_sent += run.octets_sent
    statistics.octets_received += run.octets_received


def is_settled(session: ClientSession) -> bool:
    """Whether the link has delivered what no answer will acknowledge, where the meter never answers."""
    unanswered = session.profile.is_unanswered and session.state is not State.DISCONNECTED
    return not unanswered or session.is_linkless or session.channel.idle


def check_unanswered(message: Message) -> None:
    """Raises LocalProtocolError where a message would be answered."""
    if wants_answer(message):
        raise LocalProtocolError("the meter would answer this; exchange it")


def note_aside(event: Event, statistics: Statistics, notify: Callable[[Any], None] | None) -> None:
    """What came besides the answer: counted, logged, or handed on with its values decoded."""
    if isinstance(event, Discarded):
        statistics.discarded[event.reason] = statistics.discarded.get(event.reason, 0) + 1
        _LOG.warning("an APDU was dropped: %s", event.reason)
    elif isinstance(event, DataNotification | EventNotification | InformationReport) and notify is not None:
        try:
            told = notification(event)
        except DecodeError as error:
            statistics.discarded[error.kind] = statistics.discarded.get(error.kind, 0) + 1
            _LOG.warning("a notification was dropped: %s", error)
        else:
            notify(told)
