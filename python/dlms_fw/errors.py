"""All exceptions of the library: who is at fault, and the facts.

Every exception keeps its facts as attributes; its message is made from them and from one sentence. ``code``
is stable and meant for programs, the message for people. This module imports nothing, so the extension can
import it.
"""

from __future__ import annotations


class DlmsError(Exception):
    """The root of every error that the library raises on purpose.

    Attributes:
        code: A stable, dotted code such as ``"security.downgrade"``.
        hint: What to try next, or ``None``.
        retryable: Whether the same call may succeed later without a change.
    """

    code: str = "dlms"
    retryable: bool = False

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.hint = hint


class LocalProtocolError(DlmsError):
    """You asked for what the state, the negotiated conformance or a limit forbids. Nothing was sent."""

    code = "protocol.local"


class NotNegotiated(LocalProtocolError):
    """The request needs a service that the association does not have. Nothing was sent."""

    code = "protocol.not-negotiated"


class UnknownInterfaceClass(LocalProtocolError, LookupError):
    """No interface class with that class_id and version is declared. Nothing was sent.

    Attributes:
        class_id: Of the class that was asked for.
        version: Of the class that was asked for.
    """

    code = "protocol.unknown-interface-class"

    def __init__(self, class_id: int, version: int) -> None:
        super().__init__(f"class_id {class_id}, version {version} is not declared")
        self.class_id = class_id
        self.version = version


class RemoteProtocolError(DlmsError):
    """The peer broke the rules of the protocol."""

    code = "protocol.remote"


class DecodeError(RemoteProtocolError):
    """Bytes that could not be decoded.

    Attributes:
        kind: Which rule they broke, e.g. ``"truncated"``.
        offset: The octet at which they broke it, from the start of the data given to the decoder.
    """

    code = "protocol.decode"

    def __init__(self, message: str, *, kind: str, offset: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.offset = offset


class LinkError(RemoteProtocolError):
    """An HDLC link or wrapper stream that cannot go on.

    Attributes:
        kind: Why, e.g. ``"wrapper-version"``.
    """

    code = "link"
    retryable = True

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message, code=f"link.{kind}")
        self.kind = kind


class SecurityError(DlmsError):
    """A message whose protection is wrong or too weak, or that could not be protected.

    Attributes:
        kind: Why, e.g. ``"downgrade"``.
        expected_counter: The smallest invocation counter that would have been accepted, where that is the
        matter.
    """

    code = "security"

    def __init__(self, message: str, *, kind: str, expected_counter: int | None = None) -> None:
        super().__init__(message, code=f"security.{kind}")
        self.kind = kind
        self.expected_counter = expected_counter


class AuthenticationError(SecurityError):
    """The peer could not prove who it is: a tag or an HLS proof does not match."""


class ReplayError(SecurityError):
    """An invocation counter that is not above the last one accepted."""


class KeyChangeFailed(DlmsError):
    """A meter does not answer under the keys that it was given; nothing may be thrown away yet.

    Attributes:
        restored: Whether it answers under the old keys, with which the client is then associated.
    """

    code = "key-change"

    def __init__(self, message: str, *, restored: bool) -> None:
        super().__init__(message)
        self.restored = restored


class NotConforming(DlmsError):
    """A meter does not do what conformance cases expect of it.

    Attributes:
        cases: The ids of the cases that did not end as expected.
    """

    code = "conformance"

    def __init__(self, message: str, *, cases: tuple[str, ...]) -> None:
        super().__init__(message)
        self.cases = cases


class AssociationRejected(DlmsError):
    """The meter refused the association.

    Attributes:
        association_result: The ``result`` of the AARE (1 permanent, 2 transient).
        diagnostic: The ``result-source-diagnostic``.
    """

    code = "association.rejected"

    def __init__(
        self, message: str, *, association_result: int, diagnostic: int, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.association_result = association_result
        self.diagnostic = diagnostic


class ServiceError(DlmsError):
    """The meter answered a request with an error.

    Attributes:
        result: The ``data-access-result`` or ``action-result``, or ``None`` with an exception-response.
        state_error: The state error of an exception-response, or ``None``.
        service_error: The service error of an exception-response, or ``None``.
        invocation_counter: The counter that the meter expects, where an exception-response says so.
    """

    code = "service"

    def __init__(
        self,
        message: str,
        *,
        result: int | None = None,
        state_error: int | None = None,
        service_error: int | None = None,
        invocation_counter: int | None = None,
    ) -> None:
        super().__init__(message)
        self.result = result
        self.state_error = state_error
        self.service_error = service_error
        self.invocation_counter = invocation_counter


class TransportError(DlmsError, OSError):
    """The medium failed: refused, reset, closed, unreachable."""

    code = "transport"
    retryable = True


class ResponseTimeout(TransportError, TimeoutError):
    """The peer did not answer within the deadline, repetitions included."""

    code = "transport.timeout"


class JournalError(DlmsError):
    """The client's own records cannot be read, written or trusted."""

    code = "journal"


class Busy(JournalError):
    """Another process holds this meter, this key or this serial port; its owner is named where known."""

    code = "busy"
    retryable = True


class ConfigurationError(DlmsError):
    """A profile, URL, key reference or option that cannot be used."""

    code = "configuration"


class ImageRejected(DlmsError):
    """An image that we refuse to send: container, digest, signature, type, part or version.

    Attributes:
        reason: Which check failed, e.g. ``"signature"``, ``"meter-type"``, ``"version"``, ``"metrology"``.
    """

    code = "image.rejected"

    def __init__(self, message: str, *, reason: str, hint: str | None = None) -> None:
        super().__init__(message, code=f"image.{reason}", hint=hint)
        self.reason = reason


class TransferError(DlmsError):
    """An image transfer that ended without its goal.

    Attributes:
        state: The state of our machine in which it ended.
        image_transfer_status: What the meter's status said last, or ``None``.
    """

    code = "transfer"

    def __init__(
        self,
        message: str,
        *,
        state: str,
        image_transfer_status: int | None = None,
        hint: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.state = state
        self.image_transfer_status = image_transfer_status
        self.retryable = retryable


class TransferNotEnabled(TransferError):
    """``image_transfer_enabled`` is FALSE and cannot be set."""

    code = "transfer.not-enabled"


class TransferRefused(TransferError):
    """The meter refused to initiate, or to take a block, for good."""

    code = "transfer.refused"


class ForeignTransfer(TransferError):
    """The meter holds a transfer that is not provably ours; it was not touched. ``--restart`` discards it."""

    code = "transfer.foreign"


class TransferIncomplete(TransferError):
    """The transfer stopped before the image was complete; the same call goes on where it stopped."""

    code = "transfer.incomplete"


class VerificationFailed(TransferError):
    """The meter found the image wrong, or its image_to_activate_info is not our image."""

    code = "transfer.verification-failed"


class ActivationFailed(TransferError):
    """Activation was refused, or the meter does not run the new firmware afterwards."""

    code = "transfer.activation-failed"


class ScheduleRefused(TransferError):
    """The activation was not scheduled: clock, script or schedule are not as they must be.

    The verified image rests in the meter.
    """

    code = "transfer.schedule"
