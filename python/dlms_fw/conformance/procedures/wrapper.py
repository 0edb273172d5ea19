"""The wrapper: headers, streams, connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlms_fw.conformance.procedures.application_association import reads
from dlms_fw.conformance.procedures.hdlc_information import is_aare, plain_aarq
from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import data_access_result, get, is_exception, name_of
from dlms_fw.conformance.wire.connection import Connection
from dlms_fw.conformance.wire.wrapper_line import HEADER, WrapperLine
from dlms_fw.errors import DlmsError

_MANY: Final = 101
_OTHER_BITS: Final = 0x24
_INVOKE_IDS: Final = (0xC1, 0xC2)


def _line(site: Site) -> WrapperLine:
    line = site.line(medium="wrapper")
    assert isinstance(line, WrapperLine)  # noqa: S101 - by its medium
    return line


def _serves(site: Site, after: str) -> None:
    """A new connection gets an association."""
    made = site.attempt(medium="wrapper")
    expect(made.association is not None, f"an association on a new connection after {after}", made)
    assert made.association is not None  # noqa: S101 - looked at above
    reads(site, made.association)


@case("WR-01")
def association(site: Site) -> None:
    """An association, its answer with exchanged ports and of exact length."""
    line = _line(site)
    reads(site, site.associate(line=line))
    expect(not line.rest, "nothing behind the answer", f"{len(line.rest)} octets")


@case("WR-02")
def other_versions(site: Site) -> None:
    """Another version of the wrapper is not understood."""
    for version in (0, 2, 0xFFFF):
        line = _line(site)
        line.connection.send(line.framed(plain_aarq(), version=version))
        answer = line.connection.receive()
        expect(not answer, f"no answer to version {version}", f"{len(answer)} octets")
        _serves(site, f"version {version}")


@case("WR-03")
def other_port(site: Site) -> None:
    """No logical device answers for another."""
    line = _line(site)
    line.server_sap ^= _OTHER_BITS
    made = site.attempt(line=line, server_sap=line.server_sap)
    site.step(f"port {line.server_sap}: {made}")
    expect(not made.is_accepted, f"no association with port {line.server_sap}", made)
    _serves(site, "that")


@case("WR-04")
def lying_lengths(site: Site) -> None:
    """A length that lies leads to nothing."""
    apdu = plain_aarq()
    for length in (0, len(apdu) + 100, 5):
        line = _line(site)
        line.connection.send(line.framed(apdu, length=length))
        answer = line.connection.receive()[HEADER:]
        site.step(f"length {length} instead of {len(apdu)}: {name_of(answer) if answer else 'no answer'}")
        expect(not is_aare(answer), f"no AARE to a length of {length} instead of {len(apdu)}", "AARE")
        _serves(site, f"a length of {length}")


@case("WR-05")
def in_pieces(site: Site) -> None:
    """A stream may come in any pieces."""
    for size in (HEADER // 2, 1):
        line = _line(site)
        octets = line.framed(plain_aarq())
        pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
        for piece in (pieces[0], b"".join(pieces[1:])) if size > 1 else pieces:
            line.connection.send(piece)
            site.sleep(0.01)
        heard = line.hear()
        expect(is_aare(heard), f"AARE to an AARQ in pieces of {size} octets", name_of(heard))


@case("WR-06")
def two_at_once(site: Site) -> None:
    """Two requests that come together are answered one after the other."""
    line = _line(site)
    made = site.associate(line=line)
    questions = [
        line.framed(made.session.protect(get(site.declaration.readable, invoke_id=number)))
        for number in _INVOKE_IDS
    ]
    line.connection.send(b"".join(questions))
    for number in _INVOKE_IDS:
        answer = made.hear()
        right = data_access_result(answer) == 0 and answer is not None and answer[2] == number
        expect(right, f"the answer with invoke id {number & 0x0F}", name_of(answer))


@case("WR-07")
def client_gone(site: Site) -> None:
    """A client that goes away leaves nothing behind that keeps others out."""
    ends: tuple[tuple[str, Callable[[Connection], None]], ...] = (
        ("closed", Connection.close),
        ("reset", Connection.abort),
    )
    for how, end in ends:
        for what in ("a header", "an APDU"):
            line = _line(site)
            made = site.associate(line=line)
            octets = line.framed(made.session.protect(get(site.declaration.readable)))
            line.connection.send(octets[: HEADER // 2 if what == "a header" else len(octets) - 3])
            end(line.connection)
            _serves(site, f"a connection {how} within {what}")


@case("WR-08")
def many_connections(site: Site) -> None:
    """Connections that do nothing do not stop the service for good."""
    opened = [made for _ in range(_MANY) if (made := site.open_if_it_may("wrapper")) is not None]
    site.step(f"{len(opened)} of {_MANY} connections were taken")
    try:
        during = str(site.attempt(medium="wrapper", beside=True))
    except (Inconclusive, DlmsError) as refused:
        during = str(refused)
    site.step(f"meanwhile a client gets: {during}")
    for connection in opened:
        connection.close()
    _serves(site, f"{len(opened)} idle connections were closed")


@case("WR-09")
def other_connection(site: Site) -> None:
    """An association belongs to its connection."""
    made = site.associate(medium="wrapper")
    other = site.line(medium="wrapper", beside=True)
    other.say(made.session.protect(get(site.declaration.readable)))
    answer = other.hear()
    if answer is not None and not is_exception(answer):
        raise Failed("an exception or silence on the other connection", name_of(answer))
    site.step(f"on the other connection: {name_of(answer)}")
    reads(site, made)


@case("WR-10")
def doubled_datagram(site: Site) -> None:
    """A datagram that comes twice does no harm."""
    line = site.line(medium="datagrams")
    made = site.associate(line=line)
    question = made.session.protect(get(site.declaration.readable))
    line.say(question)
    first = made.hear()
    expect(data_access_result(first) == 0, "data to an ordinary request", name_of(first))
    line.say(question)
    second = line.hear()
    site.step(f"the same once more: {'no answer' if second is None else 'an answer'}")
    answer = made.request(get(site.declaration.readable, invoke_id=0xC2))
    right = data_access_result(answer) == 0 and answer is not None and answer[2] == _INVOKE_IDS[1]
    expect(right, "the answer to the next request", name_of(answer))
