"""HDLC: frames, right ones and damaged ones."""

from __future__ import annotations

from dlms_fw.conformance.registry import case
from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import expect
from dlms_fw.conformance.wire.hdlc_frames import DM, UA, rr
from dlms_fw.conformance.wire.hdlc_station import name_of


@case("HD-01")
def link_up_alive_down(site: Site) -> None:
    """The link comes up, shows that it is alive, and goes down."""
    station = site.hdlc()
    station.make_idle()
    station.connect()
    alive = station.ask(rr(0))
    expect(alive is not None and alive.control == rr(0), "RR N(R)=0 with the final bit", name_of(alive))
    ended = station.disconnect()
    expect(ended is not None and ended.control == UA, "UA to DISC", name_of(ended))
    again = station.disconnect()
    expect(again is not None and again.control == DM, "DM to a second DISC", name_of(again))
