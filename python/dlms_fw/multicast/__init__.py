"""One image to a group of meters: blocks by multicast, everything else to each meter alone."""

from __future__ import annotations

from dlms_fw.multicast.events import GroupEvent, GroupLooked, GroupPassSent, GroupReady, GroupRefused
from dlms_fw.multicast.group import Group, Member
from dlms_fw.multicast.policy import MulticastPolicy
from dlms_fw.multicast.report import GroupSeconds, MemberReport, MulticastReport
from dlms_fw.multicast.upgrade import MulticastUpgrade

__all__ = [
    "Group",
    "GroupEvent",
    "GroupLooked",
    "GroupPassSent",
    "GroupReady",
    "GroupRefused",
    "GroupSeconds",
    "Member",
    "MemberReport",
    "MulticastPolicy",
    "MulticastReport",
    "MulticastUpgrade",
]
