"""Links as they are in the field: slow, late, half duplex, noisy and cut, by a seed, in real or virtual time.

``LINKS["gprs"]`` is a profile; :class:`ShapedLink` is the machine behind it all, pure, with the time as an
argument. :class:`ShapedTransport` and :class:`AsyncShapedTransport` put it around any transport in real
time; :class:`VirtualLine` joins a client and a simulated meter through it in virtual time.
"""

from dlms_fw.transports.faults.profiles import LINKS, Break, Cut, End, Flavour, LinkProfile
from dlms_fw.transports.faults.real_time import AsyncShapedTransport, LinkOnLoop, ShapedTransport
from dlms_fw.transports.faults.shaped_link import Arrival, ShapedLink
from dlms_fw.transports.faults.virtual import AsyncVirtualTransport, VirtualLine, VirtualTransport

__all__ = [
    "LINKS",
    "Arrival",
    "AsyncShapedTransport",
    "AsyncVirtualTransport",
    "Break",
    "Cut",
    "End",
    "Flavour",
    "LinkOnLoop",
    "LinkProfile",
    "ShapedLink",
    "ShapedTransport",
    "VirtualLine",
    "VirtualTransport",
]
