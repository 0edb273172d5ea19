"""A served meter behind a link of the field, in real time: as slow as the link, and cut where it is cut."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from dlms_fw.client import Client
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profiles import Profile
from dlms_fw.transports.faults import LINKS, Cut, ShapedLink
from simulator import SMALL, Workshop, workshop

__all__ = ["workshop"]


def served(scheme: str, links: Iterator[ShapedLink]) -> BackgroundMeter:
    endpoint = Endpoint.parse(f"{scheme}://127.0.0.1:0", listen=True)
    return BackgroundMeter(MeterConfig(), SimulatedMedium, endpoint, links=lambda: next(links))


@pytest.mark.parametrize("scheme", ["tcp", "hdlc+tcp"])
def test_a_meter_is_as_slow_as_its_link(scheme: str) -> None:
    links = (ShapedLink(LINKS["lte-m"], seed) for seed in itertools.count())
    with served(scheme, links) as meter, Client(meter.url, Profile(client_sap=1)) as client:
        began = time.monotonic()
        assert client.meter_identity()
        assert time.monotonic() - began >= LINKS["lte-m"].round_trip_s


def test_a_link_is_cut_once_and_the_next_one_is_whole() -> None:
    links = iter([ShapedLink(LINKS["ethernet"], cut=Cut(100)), ShapedLink(LINKS["ethernet"])])
    with served("tcp", links) as meter:
        with pytest.raises(TransportError), Client(meter.url, Profile(client_sap=1)) as client:
            client.meter_identity()
        with Client(meter.url, Profile(client_sap=1)) as client:
            assert client.meter_identity()


def test_a_link_goes_with_tcp_only() -> None:
    with pytest.raises(ConfigurationError, match="over TCP"):
        served("udp", iter([]))


def test_an_upgrade_of_a_meter_behind_a_link(workshop: Workshop) -> None:
    meter = workshop.meter("--link", "ethernet", "--loss", "0.02", "--seed", "3")
    ended = workshop.upgrade(meter.url, workshop.image(SMALL))
    assert ended.code == 0, ended
    assert ended.document["outcome"] == "activated"


def test_loss_alone_is_a_mistake(workshop: Workshop) -> None:
    ended = workshop.run(
        "sim", "--listen", "tcp://127.0.0.1:0", "--state", str(workshop.folder), "--loss", "0.1"
    )
    assert ended.code != 0
    assert "--link" in ended.stderr
