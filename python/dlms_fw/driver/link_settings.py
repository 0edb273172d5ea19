"""How a meter is reached, as its address and the profile say: framing, station addresses, timeouts.

Also the same meter's public client, which needs no secret.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from dlms_fw._core import HdlcFraming, WrapperFraming
from dlms_fw.driver.round_trips import RoundTrips
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.profiles import Profile

PUBLIC_CLIENT_SAP = 16
_UDP_REPETITION_S = 3.0
_LEAST_UDP_TRIES = 4
_MOST_UDP_ASSOCIATION_ATTEMPTS = 5
_PUBLIC_TIMEOUT_S = 10.0
"""A meter without a public client may say nothing to it."""


def framing(endpoint: Endpoint, profile: Profile, *, group: bool = False) -> WrapperFraming | HdlcFraming:
    """How octets are framed there; what the address says goes before what the profile says.

    Args:
        endpoint: The address.
        profile: Who we are.
        group: Whether the address is that of a group, to which there is no link: over HDLC all goes in UI
            frames.

    Raises:
        ConfigurationError: the address is that of all stations, or has no form in HDLC.
    """
    client_sap = profile.client_sap if endpoint.client_sap is None else endpoint.client_sap
    server_sap = profile.server_sap if endpoint.server_sap is None else endpoint.server_sap
    if not endpoint.is_hdlc:
        _check_one_station(server_sap)
        if endpoint.scheme == "udp":
            _check_answers_can_be_told_apart(profile)
            return WrapperFraming(
                client_sap,
                server_sap,
                gateway=profile.gateway,
                datagrams=True,
                max_retries=_udp_retries(profile),
            )
        if profile.gateway is None:
            return _wrapper(client_sap, server_sap)
        return WrapperFraming(client_sap, server_sap, gateway=profile.gateway)
    hdlc = profile.hdlc
    linkless = group or (profile.pre_established and hdlc.unconfirmed_as_ui)
    server_lower = hdlc.server_lower if endpoint.server_lower is None else endpoint.server_lower
    _check_one_station(server_sap, server_lower, hdlc.address_size)
    try:
        return HdlcFraming(
            client_sap,
            server_sap,
            server_lower,
            address_size=hdlc.address_size,
            max_info_field_length_transmit=hdlc.max_info_field_length,
            max_info_field_length_receive=hdlc.max_info_field_length,
            window_size_transmit=hdlc.window_size,
            window_size_receive=hdlc.window_size,
            unconfirmed_as_ui=group or hdlc.unconfirmed_as_ui,
            gateway=profile.gateway,
            max_info_field_length_unconfirmed=hdlc.max_info_field_length if linkless else None,
        )
    except (ValueError, OverflowError) as error:
        lower = "none" if server_lower is None else server_lower
        raise ConfigurationError(
            f"HDLC has no such address: client {client_sap}, server {server_sap}, lower {lower}, "
            f"address_size {hdlc.address_size or 'the shortest'} ({error})",
            code="configuration.address",
            hint="a client goes up to 127; a server address of 1 octet up to 127 and has no lower half, "
            "one of 2 or 4 octets has both, up to 127 or 16383 each",
        ) from error


@lru_cache(maxsize=64)
def _wrapper(client_sap: int, server_sap: int) -> WrapperFraming:
    """Most meters have the same service access points: one object says so for all of them."""
    return WrapperFraming(client_sap, server_sap)


def keep_alive_interval(framed: WrapperFraming | HdlcFraming, profile: Profile) -> float:
    """Seconds of a pause after which an HDLC link needs a sign of life; never over the wrapper."""
    # Within half of the timeout there is time for one that gets lost.
    return 0.45 * profile.hdlc.inactivity_timeout_s if isinstance(framed, HdlcFraming) else math.inf


def silence(endpoint: Endpoint, profile: Profile) -> float:
    """Seconds without an octet after which something is repeated or has failed.

    Over UDP the response timeout is what a request has altogether; it is repeated several times meanwhile,
    as soon as :func:`round_trips` has learned how long an answer takes.
    """
    return _udp_repetition(profile) if endpoint.scheme == "udp" else profile.response_timeout_s


def round_trips(endpoint: Endpoint, profile: Profile) -> RoundTrips | None:
    """What learns how soon a request is repeated, over datagrams; ``None`` over all else."""
    if endpoint.scheme != "udp":
        return None
    return RoundTrips(_udp_retries(profile), profile.response_timeout_s)


def association_attempts(profile: Profile, trips: RoundTrips | None) -> list[float]:
    """How long an association may take until it is begun anew; over datagrams, where ``trips`` are known.

    Nothing of it is repeated. The first ones are given up soon, the last one has all the time of a request.
    """
    if trips is None:
        return [math.inf]
    first_s = trips.association_s(_udp_repetition(profile))
    times = min(_MOST_UDP_ASSOCIATION_ATTEMPTS, 1 + _udp_retries(profile)) - 1
    return [*(min(first_s * 2.0**number, profile.response_timeout_s) for number in range(times)), math.inf]


def public_endpoint(endpoint: Endpoint) -> Endpoint:
    """The same place for the public client, whatever client the address names."""
    return replace(endpoint, client_sap=PUBLIC_CLIENT_SAP)


def public_profile(profile: Profile) -> Profile:
    """The public client of the same meter, with no secret and no more patience than that needs."""
    return Profile(
        name=f"{profile.name}, public client",
        client_sap=PUBLIC_CLIENT_SAP,
        server_sap=profile.server_sap,
        max_pdu_size=profile.max_pdu_size,
        referencing=profile.referencing,
        short_names=profile.short_names,
        general_block_transfer=profile.general_block_transfer,
        general_block_transfer_window=profile.general_block_transfer_window,
        general_block_transfer_acknowledge_last=profile.general_block_transfer_acknowledge_last,
        hdlc=profile.hdlc,
        gateway=profile.gateway,
        connect_timeout_s=profile.connect_timeout_s,
        response_timeout_s=min(profile.response_timeout_s, _PUBLIC_TIMEOUT_S),
        request_deadline_s=profile.request_deadline_s,
    )


def _check_one_station(upper: int, lower: int | None = None, address_size: int | None = 1) -> None:
    # Halves of 14 bits are used where asked for or needed; over the wrapper the address is that of 7 bits.
    wide = address_size == 4 or (address_size is None and max(upper, lower or 0) > 0x7F)
    all_stations = 0x3FFF if wide else 0x7F
    if all_stations in {upper, lower}:
        raise ConfigurationError(
            f"the server address {all_stations} is that of all stations",
            code="configuration.address",
            hint="a client talks to one meter; name its own address",
        )


def _check_answers_can_be_told_apart(profile: Profile) -> None:
    """Over UDP an answer may come twice or late; an invoke id or a counter must tell it from the next one."""
    if profile.referencing == "short-name" and not profile.is_protected:
        raise ConfigurationError(
            "short names have no invoke ids: over UDP a doubled answer would pass for the next one",
            code="configuration.address",
            hint="use tcp://, or protect the messages, so that counters tell answers apart",
        )


def _udp_repetition(profile: Profile) -> float:
    return min(_UDP_REPETITION_S, profile.response_timeout_s / _LEAST_UDP_TRIES)


def _udp_retries(profile: Profile) -> int:
    return min(0xFF, round(profile.response_timeout_s / _udp_repetition(profile)) - 1)
