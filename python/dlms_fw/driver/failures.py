"""What a failure means for an association or a transfer: whether it is tried again, and how it is told."""

from __future__ import annotations

from dlms_fw.errors import (
    AssociationRejected,
    AuthenticationError,
    DlmsError,
    LinkError,
    NotNegotiated,
    RemoteProtocolError,
    ReplayError,
    ResponseTimeout,
    ServiceError,
    TransferIncomplete,
    TransportError,
)
from dlms_fw.profiles import Profile
from dlms_fw.session.client import ClientSession
from dlms_fw.transfer import Transfer


def may_be_lost(error: DlmsError) -> bool:
    """Whether an association over UDP may have failed by a datagram that was lost, doubled or late.

    A refused secret is none of these.
    """
    return isinstance(error, ResponseTimeout | RemoteProtocolError) and not isinstance(error, LinkError)


def may_be_counter(error: DlmsError, profile: Profile) -> bool:
    """Whether a failed association may come from a counter of ours that is too low.

    That is looked into without another try to authenticate; only a meter whose counter is indeed above ours
    is tried again, once. A refused proof is of this kind where messages are not protected: the counter in it
    is then the first that the meter sees.
    """
    if isinstance(error, AuthenticationError):
        return error.kind == "deciphering" or (error.kind == "proof-refused" and not profile.is_protected)
    return isinstance(error, ReplayError | AssociationRejected | ResponseTimeout | LinkError)


def does_not_tell(error: DlmsError) -> bool:
    """Whether a meter, asked for its counter through the public client, has no such client or no such object.

    A link that breaks while asking is no such answer: to begin anywhere then could use a counter twice.
    """
    return isinstance(error, ServiceError | AssociationRejected | RemoteProtocolError | ResponseTimeout)


def expected_counter(error: DlmsError) -> int | None:
    """The counter that the meter asks for, where the error says so."""
    return error.expected_counter if isinstance(error, ReplayError) else None


def is_loss(error: DlmsError) -> bool:
    """Whether a transfer goes on after this: the link is gone or the meter is away, but nobody is suspect.

    A refused password or key is not repeated: a meter may lock itself.
    """
    if isinstance(error, TransportError | LinkError):
        return True
    return isinstance(error, AssociationRejected) and (
        error.association_result == 2 or error.diagnostic in {0, 1}
    )


def is_of_request(error: DlmsError) -> bool:
    """Whether it may be the kind of request that failed, so that another kind may be tried for the same."""
    return isinstance(error, NotNegotiated | RemoteProtocolError | ServiceError)


def ending(error: BaseException, transfer: Transfer) -> DlmsError:
    """What a transfer ends with, after whatever has stopped its driver."""
    if isinstance(error, DlmsError):
        return error
    return TransferIncomplete(
        f"interrupted ({type(error).__name__}); the same call goes on where it stopped",
        state=transfer.state.value,
        retryable=True,
    )


_LINK_ENDS = {
    "disc": "DISC",
    "dm": "DM: it has no link any more, as after its inactivity timeout or a restart",
    "frmr": "FRMR: it has rejected a frame",
}


def link_ended(session: ClientSession) -> TransportError:
    """The error of a meter that took the link down."""
    end = session.link_end
    why = "" if end is None else f" ({_LINK_ENDS[end.reason]})"
    if end is not None and end.rejection is not None:
        why += f", rejection {end.rejection.hex()}"
    return TransportError(f"the meter ended the link{why}", code="transport.link-ended")
