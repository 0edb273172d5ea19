"""The page that client and meter both obey: which step leads from which state to which.

Everything that moves the state of an association stands in this table, and it does not know which role is
played: a step is taken by one side and seen by the other. A step that is not in the row of a state is an
error there; who is at fault is for the caller to say.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an association and the link below it are."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ASSOCIATING = "associating"
    AUTHENTICATING = "authenticating"
    ASSOCIATED = "associated"
    RELEASING = "releasing"
    DISCONNECTING = "disconnecting"

    __hash__ = object.__hash__  # there is one of each, so it need not hash its name each time


class Step(Enum):
    """What moves it; in brackets what is on the wire."""

    CONNECT = "connect"  # SNRM; nothing over the wrapper
    CONNECTED = "connected"  # UA
    ASSOCIATE = "associate"  # AARQ
    PRESUME = "presume"  # nothing: the association was there before, or its AARQ allows no AARE
    ACCEPT = "accept"  # AARE, accepted
    CHALLENGE = "challenge"  # AARE, accepted, passes 3 and 4 to come
    REJECT = "reject"  # AARE rejected, or an exception-response instead of one
    PROVE = "prove"  # pass 4 verified
    DISPROVE = "disprove"  # pass 3 or 4 wrong
    SERVE = "serve"  # any service
    RELEASE = "release"  # RLRQ
    RELEASED = "released"  # RLRE, or silence instead of one
    ABORT = "abort"  # nothing: the association is given up, the link stays
    DISCONNECT = "disconnect"  # DISC
    DISCONNECTED = "disconnected"  # UA to DISC, DM, or the medium is gone

    __hash__ = object.__hash__


_UP = {Step.DISCONNECT: State.DISCONNECTING, Step.DISCONNECTED: State.DISCONNECTED}
"""What may happen in every state with a link."""
_ABORT = {Step.ABORT: State.CONNECTED}

TRANSITIONS: dict[State, dict[Step, State]] = {
    State.DISCONNECTED: {Step.CONNECT: State.CONNECTING, Step.DISCONNECTED: State.DISCONNECTED},
    State.CONNECTING: _UP | {Step.CONNECTED: State.CONNECTED},
    State.CONNECTED: _UP | _ABORT | {Step.ASSOCIATE: State.ASSOCIATING, Step.PRESUME: State.ASSOCIATED},
    State.ASSOCIATING: _UP
    | _ABORT
    | {
        Step.ACCEPT: State.ASSOCIATED,
        Step.CHALLENGE: State.AUTHENTICATING,
        Step.PRESUME: State.ASSOCIATED,
        Step.REJECT: State.CONNECTED,
    },
    State.AUTHENTICATING: _UP | _ABORT | {Step.PROVE: State.ASSOCIATED, Step.DISPROVE: State.CONNECTED},
    State.ASSOCIATED: _UP
    | _ABORT
    | {
        Step.SERVE: State.ASSOCIATED,
        Step.ASSOCIATE: State.ASSOCIATING,
        Step.RELEASE: State.RELEASING,
    },
    State.RELEASING: _UP | _ABORT | {Step.RELEASED: State.CONNECTED},
    State.DISCONNECTING: {Step.DISCONNECTED: State.DISCONNECTED},
}
