"""Values and APDUs as `dlms_fw`, gurux-dlms and dlms-cosem write and read them; what is compared, and what is
known to differ, is in `differential`."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
from collections.abc import Iterator

import pytest

from differential import campaign, known, page
from differential.compare import THEY_ENCODE, WE_ENCODE, Tally
from differential.known_absent import ABSENT, Absent
from differential.referee import Referee

PEERS = tuple(known.SCRIPTS)
TODAY = int(os.environ.get("DLMS_FW_SEED", dt.date.today().toordinal()))
RECORDED_SEED = 2026


def test_the_referees_are_where_nothing_of_ours_can_import_them() -> None:
    assert importlib.util.find_spec("dlms_cosem") is None


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.proves(
    "interop-data",
    "interop-services",
    "interop-associations",
    "interop-security",
    "interop-access-short-names",
    "interop-links",
    "interop-general-forms",
)
def test_a_sample_of_everything(peer: str) -> None:
    tally = campaign.run(peer, TODAY, 2_400)
    _judge(tally, 2_000)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_the_recorded_campaign(peer: str) -> None:
    tally = campaign.run(peer, RECORDED_SEED, campaign.RECORDED_VALUES)
    print(campaign.table(peer, tally))
    _judge(tally, 20_000)
    # A rule that is never needed would hide what it was not made for.
    assert {it.name for it in known.DIFFERENCES[peer]} == set(tally.known)


def _judge(tally: Tally, least: int) -> None:
    assert not tally.differs, "\n".join([f"{len(tally.differs)} cases differ", *tally.differs[:10]])
    assert tally.cases(WE_ENCODE) >= least
    assert tally.cases(THEY_ENCODE) >= least


ABSENCES = [(peer, it) for peer in PEERS for it in ABSENT[peer] if it.kind is not None]


@pytest.fixture(scope="module")
def referees() -> Iterator[dict[str, Referee]]:
    with Referee(known.SCRIPTS["dlms-cosem"]) as cosem, Referee(known.SCRIPTS["gurux-dlms"]) as gurux:
        yield {"dlms-cosem": cosem, "gurux-dlms": gurux}


@pytest.mark.parametrize(("peer", "absent"), ABSENCES, ids=[f"{peer}, {it.what}" for peer, it in ABSENCES])
def test_what_a_peer_lacks_it_lacks(referees: dict[str, Referee], peer: str, absent: Absent) -> None:
    tally = campaign.judge(referees[peer], peer, absent)
    assert not tally.equal
    assert len(tally.differs) == 1


def test_the_page_of_the_differences_is_fresh() -> None:
    assert page.PAGE.read_text("utf-8") == page.fresh(), "run PYTHONPATH=tests python -m differential.page"
