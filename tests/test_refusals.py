"""What a meter refuses, and what the client says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlms_fw._core import AssociationResponse, ExceptionResponse, Key
from dlms_fw.errors import AssociationRejected, AuthenticationError, ReplayError, SecurityError
from dlms_fw.session.events import AssociationFailed
from dlms_fw.session.states import State
from harness import (
    KEYS,
    PASSWORD,
    PROFILES,
    UNICAST_KEY,
    ClientCounters,
    MeterCounters,
    Pair,
    server_client,
)


class TestRefusals:
    @pytest.mark.parametrize("way", ["gmac", "lls ciphered"])
    @pytest.mark.parametrize("which", ["global_unicast_encryption_key", "authentication_key"])
    def test_wrong_keys(self, way: str, which: str) -> None:
        keys = replace(KEYS, **{which: Key(bytes(16))})
        pair = Pair(replace(PROFILES[way], keys=keys), client=server_client(PROFILES[way]))
        with pytest.raises(AuthenticationError, match="decipher") as caught:
            pair.associate()
        assert "lock itself" in (caught.value.hint or "")
        assert pair.session.state is State.CONNECTED
        assert pair.meter.events == [AssociationFailed(1, "ciphering")]

    def test_wrong_keys_without_ciphering(self) -> None:
        pair = Pair(
            replace(PROFILES["gmac clear"], keys=replace(KEYS, authentication_key=Key(bytes(16)))),
            client=server_client(PROFILES["gmac clear"]),
        )
        with pytest.raises(AuthenticationError, match="did not accept our proof"):
            pair.associate()
        assert pair.meter.events == [AssociationFailed(1, "proof")]

    def test_a_wrong_password(self) -> None:
        for password in (b"sesame", b"x" * 100, PASSWORD + b"\0"):
            pair = Pair(
                replace(PROFILES["lls"], password=Key(password)), client=server_client(PROFILES["lls"])
            )
            with pytest.raises(AssociationRejected, match="authentication failure") as caught:
                pair.associate()
            assert (caught.value.association_result, caught.value.diagnostic) == (1, 13)
            assert "password" in (caught.value.hint or "")
            assert "lock itself" in (caught.value.hint or "")
            assert pair.meter.events == [AssociationFailed(1, "password")]

    @pytest.mark.parametrize(
        ("way", "client", "reason", "diagnostic"),
        [
            ("none", server_client(PROFILES["none"], locked=True), "locked", 1),
            ("none", server_client(PROFILES["lls"]), "mechanism", 14),
            ("lls", server_client(PROFILES["none"]), "mechanism", 11),
            ("none", server_client(PROFILES["gmac"]), "context", 2),
            ("gmac", server_client(PROFILES["none"]), "context", 2),
            ("none", server_client(PROFILES["none"], conformance=0x40_0000), "conformance", 1),
            ("gmac", server_client(PROFILES["gmac"], client_system_title=b"somebody"), "title", 3),
        ],
    )
    def test_an_aarq_that_is_refused(self, way: str, client: Any, reason: str, diagnostic: int) -> None:
        pair = Pair(PROFILES[way], client=client)
        with pytest.raises(AssociationRejected) as caught:
            pair.associate()
        assert caught.value.diagnostic == diagnostic
        assert pair.meter.events == [AssociationFailed(1, reason)]
        assert (pair.session.state, pair.meter.session.state) == (State.CONNECTED, State.CONNECTED)

    def test_a_client_that_is_not_known(self) -> None:
        pair = Pair(PROFILES["none"])
        pair.meter.session._clients = {}
        with pytest.raises(AssociationRejected, match="no reason given"):
            pair.associate()
        assert pair.meter.events == [AssociationFailed(1, "unknown-client")]

    @pytest.mark.fault("S-25")
    @pytest.mark.parametrize("way", ["gmac", "lls ciphered"])
    def test_a_counter_that_is_too_low(self, way: str) -> None:
        counters = MeterCounters(last={Key(UNICAST_KEY).fingerprint: 5000})
        pair = Pair(PROFILES[way], meter_counters=counters)
        with pytest.raises(ReplayError) as caught:
            pair.associate()
        assert caught.value.expected_counter == 5001
        again = Pair(PROFILES[way], meter_counters=counters, first_counter=5001)
        again.associate()
        assert again.session.state is State.ASSOCIATED
        assert again.session.started_at == 5001

    @pytest.mark.fault("S-22")
    def test_counters_that_are_used_up(self) -> None:
        pair = Pair(PROFILES["gmac"], counters=ClientCounters(2**32 - 2**16 - 10))
        pair.connect()
        with pytest.raises(SecurityError, match="change the key"):
            pair.session.associate()
        assert pair.session.state is State.CONNECTED
        assert len(pair.wire) == 0

    def test_an_exception_instead_of_an_aare(self) -> None:
        pair = Pair(PROFILES["none"])
        pair.connect()
        apdu = ExceptionResponse(1, 2).encode()
        pair.to_client = lambda _: bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu
        with pytest.raises(AssociationRejected, match="exception"):
            pair.associate()
        assert pair.session.state is State.CONNECTED

    @pytest.mark.parametrize(
        ("result", "diagnostic", "source", "information", "text"),
        [
            (2, 1, 1, None, "for now (no reason given)"),
            (1, 2, 2, None, "no common acse version"),
            (1, 99, 1, None, "diagnostic 99"),
            (1, 1, 1, b"\x0e\x01\x06\x03", "max_pdu_size too small"),
            (1, 1, 1, b"\x0e\x01\x06\x63", "initiate error 99"),
        ],
    )
    def test_refusals_in_words(
        self, result: int, diagnostic: int, source: int, information: bytes | None, text: str
    ) -> None:
        pair = Pair(PROFILES["none"])
        pair.connect()
        apdu = AssociationResponse(1, result, diagnostic, information, diagnostic_source=source).encode()
        pair.to_client = lambda _: bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu
        with pytest.raises(AssociationRejected) as caught:
            pair.associate()
        assert text in str(caught.value)
