"""What a transfer is told before it begins: what the association and the link carry, and its policy."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.profiles import Profile
from dlms_fw.security import SecurityPolicy
from dlms_fw.session.client import ClientSession
from dlms_fw.transfer import LinkFacts, Medium, TransferPolicy

_LOG = logging.getLogger("dlms_fw.client")
_MEDIA: dict[str, Medium] = {"tcp": "stream", "sim": "stream", "udp": "datagram"}
"""What carries the wrapper, by the scheme of the address; all others are HDLC."""


@lru_cache(maxsize=64)
def _shared(**facts: Any) -> LinkFacts:
    """The meters of a fleet have equal links: one object stands for them."""
    return LinkFacts(**facts)


@lru_cache(maxsize=64)
def _for_meter_type(policy: TransferPolicy, meter_type: str) -> TransferPolicy:
    return replace(policy, meter_type=meter_type)


def link_facts(session: ClientSession, endpoint: Endpoint) -> LinkFacts:
    """What one request may carry on this association, and over what."""
    association = session.association
    if association is None:
        return LinkFacts()
    profile = session.profile
    overhead = profile.protection.overhead(profile.security_suite) if profile.is_protected else 0
    return _shared(
        max_pdu_size=association.server_max_receive_pdu_size,
        ciphering_overhead=overhead,
        conformance=association.conformance,
        medium=_MEDIA.get(endpoint.scheme, "hdlc"),
        short_names=profile.referencing == "short-name",
        response_timeout_seconds=profile.response_timeout_s,
        pre_established=profile.is_unanswered,
        client_max_pdu_size=profile.max_pdu_size,
        block_runs=True,
    )


def policy_for(
    profile: Profile, policy: TransferPolicy | None, *, sends_blocks: bool = True
) -> TransferPolicy:
    """The policy, with the meter type of the profile where it names none itself.

    Raises:
        ConfigurationError: neither side would prove itself, and the policy does not allow that.
    """
    policy = policy or TransferPolicy()
    if policy.strategy == "elsewhere" and sends_blocks:
        raise ConfigurationError(
            "a client sends the blocks itself",
            code="configuration.strategy",
            hint="drive a Transfer where they come by another way",
        )
    unproven = (
        not profile.authentication.high_level and not profile.security_policy & SecurityPolicy.AUTHENTICATED
    )
    if unproven and not (policy.allow_insecure or policy.dry_run):
        raise ConfigurationError(
            f"profile {profile.name}: no image is sent where neither side proves itself "
            f"(authentication {profile.authentication.name}, messages not authenticated)",
            code="configuration.insecure",
            hint="allow_insecure lets it through, on a bench; else give the profile keys or an HLS secret",
        )
    if policy.meter_type is None and profile.meter_type is not None:
        policy = _for_meter_type(policy, profile.meter_type)
    if not profile.is_protected:
        _LOG.warning("profile %s: the image is sent without protection", profile.name)
    return policy
