"""Objects of a simulated meter that do what meters do. Re-exports only."""

from __future__ import annotations

from dlms_fw.meter.live.plant import Attribute, MeterPlant, Notification, Outgoing, Plant
from dlms_fw.meter.live.registry import ACTS_BY_ITSELF, LIVE, Factory

__all__ = [
    "ACTS_BY_ITSELF",
    "LIVE",
    "Attribute",
    "Factory",
    "MeterPlant",
    "Notification",
    "Outgoing",
    "Plant",
]
