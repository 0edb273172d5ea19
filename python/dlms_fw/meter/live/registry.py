"""Which interface classes have a live object, and which of these act without being asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from dlms_fw.cosem.data import Data
from dlms_fw.cosem.server import ServerObject
from dlms_fw.logical_name import LogicalNameLike
from dlms_fw.meter.live.calendar import LiveActivityCalendar
from dlms_fw.meter.live.compact_data import LiveCompactData, LiveCompactDataV0
from dlms_fw.meter.live.data import live_data
from dlms_fw.meter.live.days import LiveSchedule, LiveSpecialDays
from dlms_fw.meter.live.demand import LiveDemandRegister
from dlms_fw.meter.live.disconnect import LiveDisconnectControl
from dlms_fw.meter.live.live_object import LiveObject
from dlms_fw.meter.live.monitors import LiveLimiter, LiveRegisterMonitor
from dlms_fw.meter.live.plant import Plant
from dlms_fw.meter.live.profile import LiveProfile, LiveProfileV0
from dlms_fw.meter.live.push_setup import (
    LivePushSetup,
    LivePushSetupV0,
    LivePushSetupV2,
    LivePushSetupV3,
)
from dlms_fw.meter.live.registers import LiveExtendedRegister, LiveRegister
from dlms_fw.meter.live.scripts import LiveScriptTable
from dlms_fw.meter.live.single_action import LiveSingleActionSchedule
from dlms_fw.meter.live.tariffs import LiveRegisterActivation

Factory: TypeAlias = Callable[[LogicalNameLike, Mapping[str, Any], Plant], ServerObject]
"""Makes an object of its logical name, attribute values by the names of rows, and the plant of its meter."""

_ALL: Final[tuple[type[LiveObject], ...]] = (
    LiveActivityCalendar,
    LiveCompactDataV0,
    LiveCompactData,
    LiveDemandRegister,
    LiveDisconnectControl,
    LiveLimiter,
    LiveRegisterMonitor,
    LiveRegister,
    LiveExtendedRegister,
    LivePushSetupV0,
    LivePushSetup,
    LivePushSetupV2,
    LivePushSetupV3,
    LiveRegisterActivation,
    LiveSchedule,
    LiveSpecialDays,
    LiveProfileV0,
    LiveProfile,
    LiveScriptTable,
    LiveSingleActionSchedule,
)

LIVE: Final[Mapping[tuple[int, int], Factory]] = MappingProxyType(
    {
        (Data.class_id, Data.version): live_data,
        **{(made.interface.class_id, made.interface.version): made for made in _ALL},
    }
)
"""By class_id and version."""

ACTS_BY_ITSELF: Final = frozenset({4, 5, 6, 7, 10, 20, 21, 22, 70, 71})
"""By class_id: objects that must be made when the meter powers up, as they do something unasked."""
