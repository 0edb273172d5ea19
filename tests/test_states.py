"""The table of states, and that no session shows a secret."""

from __future__ import annotations

import pytest

from dlms_fw.errors import (
    DlmsError,
)
from dlms_fw.session.states import TRANSITIONS, State, Step
from harness import (
    AUTHENTICATION_KEY,
    PASSWORD,
    PROFILES,
    UNICAST_KEY,
    Pair,
    server_client,
)


def fail(pair: Pair) -> None:
    """A pair that cannot work must say so, or work."""
    pair.associate()
    pair.get()
    raise DlmsError("no difference")


def attributes(value: object) -> dict[str, object]:
    """All that an object of slots holds."""
    names = {name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())}
    assert names
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


@pytest.mark.fault("S-28")
def test_no_session_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []
    for name, profile in PROFILES.items():
        pair = Pair(profile)
        pair.associate()
        pair.get()
        shown += [
            repr(attributes(pair.session)),
            repr(pair.meter.session.association),
            repr(pair.session.context),
        ]
        shown += [repr(server_client(profile)), repr(profile), str(profile)]
        wrong = Pair(profile, client=server_client(PROFILES["lls" if name != "lls" else "none"]))
        with pytest.raises(DlmsError) as caught:
            fail(wrong)
        shown.append(f"{caught.value!r} {caught.value} {vars(caught.value)}")
    shown.append(caplog.text)
    text = "\n".join(shown)
    for secret in (UNICAST_KEY, AUTHENTICATION_KEY, PASSWORD):
        for form in (
            secret.hex(),
            secret.hex().upper(),
            secret.hex(" "),
            repr(secret)[2:-1],
            str(list(secret)),
        ):
            assert form not in text


class TestTable:
    def test_every_state_has_a_row_and_can_be_reached(self) -> None:
        assert set(TRANSITIONS) == set(State)
        reached = {State.DISCONNECTED}
        while True:
            further = reached | {to for state in reached for to in TRANSITIONS[state].values()}
            if further == reached:
                break
            reached = further
        assert reached == set(State)

    def test_every_step_leads_somewhere(self) -> None:
        assert {step for row in TRANSITIONS.values() for step in row} == set(Step)

    def test_services_only_while_associated(self) -> None:
        assert [state for state, row in TRANSITIONS.items() if Step.SERVE in row] == [State.ASSOCIATED]

    def test_every_state_with_a_link_can_lose_it(self) -> None:
        for row in TRANSITIONS.values():
            assert row[Step.DISCONNECTED] is State.DISCONNECTED
