"""Who sends a request, and how well its messages are protected, against what access rights demand."""

from __future__ import annotations

from dataclasses import dataclass

from dlms_fw._core import SecurityContext
from dlms_fw.cosem.server import CosemFault
from dlms_fw.enums import Conformance, DataAccessResult, SecurityPolicyV1
from dlms_fw.meter.access import NO_PROTECTION, REQUEST, RESPONSE
from dlms_fw.session.server import Association


@dataclass(slots=True, eq=False)
class Caller:
    """Who sends a request: an association on one connection."""

    association: Association
    connection: object
    """Tells two associations of the same client apart."""
    answer_protection: SecurityPolicyV1 = NO_PROTECTION
    """What access rights demand of the answer to the request being served."""

    @property
    def client_sap(self) -> int:
        """The client's address."""
        return self.association.client_sap

    @property
    def request_protection(self) -> SecurityPolicyV1:
        """The protection with which its request came."""
        context = self._context
        # In a policy the bits of requests stand two places lower than in the core.
        return NO_PROTECTION if context is None else SecurityPolicyV1(context.received_protection >> 2)

    @property
    def response_protection(self) -> SecurityPolicyV1:
        """The strongest protection that an answer to it can have."""
        if self._context is None:
            return NO_PROTECTION
        strongest = SecurityPolicyV1.AUTHENTICATED_RESPONSE | SecurityPolicyV1.ENCRYPTED_RESPONSE
        client = self.association.client
        signs = client is not None and client.asymmetric_keys.signing_key is not None
        if signs and self.association.conformance & Conformance.GENERAL_PROTECTION:
            strongest |= SecurityPolicyV1.DIGITALLY_SIGNED_RESPONSE
        return strongest

    @property
    def _context(self) -> SecurityContext | None:
        client = self.association.client
        return self.association.context if client is not None and client.is_protected else None

    def demand(self, protection: SecurityPolicyV1) -> None:
        """Hold the request against an access right. Raises CosemFault where it or its answer falls short."""
        if (
            protection & REQUEST & ~self.request_protection
            or protection & RESPONSE & ~self.response_protection
        ):
            raise CosemFault(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        self.answer_protection |= protection & RESPONSE
