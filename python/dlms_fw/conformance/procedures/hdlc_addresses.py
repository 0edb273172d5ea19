"""HDLC: addresses, and what is agreed when the link comes up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dlms_fw.conformance.procedures.hdlc_frames import unanswered, unlinked
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Inapplicable, expect
from dlms_fw.conformance.wire.hdlc_frames import DM, SNRM, UA, UI, ServerAddress, rr
from dlms_fw.conformance.wire.hdlc_station import (
    DEFAULT_INFORMATION,
    DEFAULT_WINDOW,
    HdlcStation,
    name_of,
    negotiated,
    parameters,
)

_LARGEST_INFORMATION: Final = 2030
_ALL_STATIONS: Final = {1: 0x7F, 2: 0x7F, 4: 0x3FFF}
_OTHER_BITS: Final = 0x24


@case("HD-11")
def declared_forms(site: Site) -> None:
    """The meter answers in each form of its address that was declared."""
    for address in site.declaration.addresses:
        station = site.hdlc(server=address)
        answer = station.connect()
        right = answer.source == address.octets and answer.destination == station.client
        seen = f"from {answer.source.hex()} to {answer.destination.hex()}"
        expect(right, f"UA from {address.octets.hex()} to {station.client.hex()}", seen)
        site.step(f"{address}: UA")
        station.disconnect()


@case("HD-12")
def long_client_address(site: Site) -> None:
    """A client address has one octet."""
    station = site.hdlc()
    station.make_idle()
    frame = replace(station.frame(SNRM), source=b"\x00" + station.client)
    station.connection.send(frame.encode())
    unanswered(site, station, "SNRM from a client address of two octets")
    unlinked(station, "that")


@case("HD-13")
def other_addresses(site: Site) -> None:
    """The meter is silent where somebody else is meant."""
    station = site.hdlc()
    for address in site.declaration.addresses:
        for other in _others(address):
            station.make_idle()
            station.connection.send(replace(station.frame(SNRM), destination=other.octets).encode())
            unanswered(site, station, f"SNRM to {other}")
            unlinked(station, f"SNRM to {other}")


def _others(address: ServerAddress) -> Iterator[ServerAddress]:
    yield replace(address, upper=address.upper ^ _OTHER_BITS)
    if address.size > 1 and address.lower is not None:
        yield replace(address, lower=address.lower ^ _OTHER_BITS)


@case("HD-14")
def one_octet(site: Site) -> None:
    """An address of one octet is not that of a meter with longer ones."""
    if any(address.size == 1 for address in site.declaration.addresses):
        raise Inapplicable("the meter has an address of one octet")
    station = site.hdlc()
    station.make_idle()
    short = ServerAddress(station.server.upper & 0x7F)
    station.connection.send(replace(station.frame(SNRM), destination=short.octets).encode())
    unanswered(site, station, f"SNRM to {short}")
    unlinked(station, f"SNRM to {short}")


@case("HD-15")
def odd_lengths(site: Site) -> None:
    """There are no addresses of three or five octets."""
    station = site.hdlc()
    station.make_idle()
    last = station.server.octets[-1:]
    for length in (3, 5):
        destination = bytes((station.server.upper << 1 & 0xFE,)) + bytes(length - 2) + last
        station.connection.send(replace(station.frame(SNRM), destination=destination).encode())
        unanswered(site, station, f"SNRM to an address of {length} octets")
    unlinked(station, "addresses of three and five octets")


@case("HD-35")
def all_stations(site: Site) -> None:
    """Nobody answers to the address of all stations."""
    station = site.hdlc()
    for address in site.declaration.addresses:
        everybody = _ALL_STATIONS[address.size]
        destination = replace(address, upper=everybody, lower=None if address.size == 1 else everybody).octets
        for control, name in ((SNRM, "SNRM"), (UI, "UI")):
            station.make_idle()
            station.connection.send(replace(station.frame(control), destination=destination).encode())
            unanswered(site, station, f"{name} to all stations in {address.size} octets")
            unlinked(station, f"{name} to all stations")


@case("HD-39")
def two_clients(site: Site) -> None:
    """A second client does not take the first one's link away."""
    first = site.hdlc()
    second = site.hdlc("public", connection=first.connection)
    first.connect()
    answer = second.ask(SNRM)
    allowed = answer is None or answer.control in {UA, DM}
    expect(allowed, "UA, DM or silence to the second client", name_of(answer))
    site.step(f"second client: {name_of(answer)}")
    alive = first.ask(rr(0))
    expect(alive is not None and alive.control == rr(0), "RR to the first client", name_of(alive))


# What is agreed


@case("HD-16")
def information_field(site: Site) -> None:
    """The information field is what was proposed or less, and 128 octets where nothing was."""
    station = site.hdlc()
    _agrees(site, station, ("max_info_transmit", "max_info_receive"), None, DEFAULT_INFORMATION)
    for proposed in (32, 128, _LARGEST_INFORMATION):
        _agrees(site, station, ("max_info_transmit", "max_info_receive"), proposed, proposed)
    for impossible in (0, 0xFFFF):
        _survives(site, station, ("max_info_transmit", "max_info_receive"), impossible, _LARGEST_INFORMATION)


@case("HD-17")
def window(site: Site) -> None:
    """The window is what was proposed or less, and 1 where nothing was."""
    station = site.hdlc()
    names = ("window_transmit", "window_receive")
    _agrees(site, station, names, None, DEFAULT_WINDOW)
    for proposed in (1, 2, 4, 7):
        _agrees(site, station, names, proposed, proposed)
    for impossible in (0, 8):
        _survives(site, station, names, impossible, 7)


def _proposal(names: tuple[str, str], value: int) -> bytes:
    if names[0].startswith("window"):
        return parameters(dict.fromkeys(names, (value, 4)))
    return parameters(dict.fromkeys(names, (value, 1 if value <= DEFAULT_INFORMATION else 2)))


def _agrees(
    site: Site, station: HdlcStation, names: tuple[str, str], proposed: int | None, most: int
) -> None:
    station.make_idle()
    station.connect(b"" if proposed is None else _proposal(names, proposed))
    for name in names:
        value = station.agreed.get(name)
        site.step(f"{name}: proposed {proposed}, agreed {value}")
        default = DEFAULT_WINDOW if name.startswith("window") else DEFAULT_INFORMATION
        effective = default if value is None else value
        expect(1 <= effective <= most, f"{name} from 1 to {most} where {proposed} was proposed", effective)


def _survives(site: Site, station: HdlcStation, names: tuple[str, str], proposed: int, most: int) -> None:
    station.make_idle()
    answer = station.ask(SNRM, _proposal(names, proposed))
    site.step(f"{proposed} proposed: {name_of(answer)}")
    if answer is not None and answer.control == UA:
        agreed = negotiated(answer.information)
        sound = all(1 <= agreed.get(name, 1) <= most for name in names)
        expect(sound, f"values from 1 to {most} where {proposed} was proposed", agreed)
    station.make_idle()
    station.connect()
