"""What a Gurux meter shows besides its image transfer: Gurux' own objects, with values, rights and a list.

Only what an object says of itself is Gurux'; which rights a client has is the table here.
"""

from datetime import datetime, timedelta, timezone

from gurux_dlms import GXDateTime, ValueEventArgs
from gurux_dlms.enums import AccessMode, DataType, MethodAccessMode, Unit
from gurux_dlms.objects import (
    GXDLMSAssociationLogicalName,
    GXDLMSCaptureObject,
    GXDLMSClock,
    GXDLMSDemandRegister,
    GXDLMSExtendedRegister,
    GXDLMSHdlcSetup,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
    GXDLMSSapAssignment,
    GXDLMSScriptTable,
)
from gurux_dlms.objects.enums import SortMethod

_ZONE = timezone(timedelta(hours=1))
_TIME = GXDateTime(datetime(2026, 6, 1, 12, tzinfo=_ZONE))
_SECRET = 7


def catalogue(logical_device_name: str, own: tuple) -> tuple:
    """The objects, with a list of them and of ``own`` ones."""
    clock = GXDLMSClock("0.0.1.0.0.255")
    clock.time = _TIME
    clock.timeZone = -60
    clock.begin = clock.end = _TIME
    energy = _register(GXDLMSRegister("1.0.1.8.0.255"), 123_456, DataType.UINT32, 0.1, Unit.ACTIVE_ENERGY)
    voltage = _register(GXDLMSRegister("1.0.32.7.0.255"), 2301, DataType.UINT16, 0.1, Unit.VOLTAGE)
    maximum = _register(GXDLMSExtendedRegister("1.0.1.6.0.255"), 77, DataType.INT32, 100, Unit.ACTIVE_POWER)
    maximum.status, maximum.captureTime = 1, _TIME
    maximum.setDataType(4, DataType.UINT8)
    demand = GXDLMSDemandRegister("1.0.1.4.0.255")
    demand.currentAverageValue, demand.lastAverageValue = 5, 7
    demand.setDataType(2, DataType.UINT32)
    demand.setDataType(3, DataType.UINT32)
    demand.setDataType(5, DataType.UINT8)
    demand.scaler, demand.unit, demand.status = 1, Unit.ACTIVE_POWER, 0
    demand.captureTime = demand.startTimeCurrent = _TIME
    demand.period, demand.numberOfPeriods = 900, 1
    devices = GXDLMSSapAssignment("0.0.41.0.0.255")
    devices.sapAssignmentList = [(1, logical_device_name)]
    scripts = GXDLMSScriptTable("0.0.10.0.100.255")
    link = GXDLMSHdlcSetup("0.0.22.0.0.255")
    association = GXDLMSAssociationLogicalName("0.0.40.0.0.255")
    association.version = 1
    association.clientSAP, association.serverSAP = 1, 1
    found = (energy, voltage, maximum, demand, devices, scripts, link, clock, _profile(clock, energy))
    association.objectList = [*own, *found, association]
    return (*found, association)


def may_read(it, attribute_id: int) -> bool:
    """Whether the manager may."""
    return _attribute_access(it, attribute_id) in (AccessMode.READ, AccessMode.READ_WRITE)


def argument(settings, it, attribute_id: int) -> ValueEventArgs:
    """What their objects are asked with; the association asks it for rights."""
    event = ValueEventArgs(settings, it, attribute_id)
    event.server = _Rights(settings)
    event.isSkipMaxPduSize = True  # their association asks by a name that their events have not
    return event


class _Rights:
    """The part of a Gurux server that its association asks."""

    def __init__(self, settings) -> None:
        self.settings = settings

    def onGetAttributeAccess(self, event) -> AccessMode:  # noqa: N802 - theirs
        return _attribute_access(event.target, event.index)

    def onGetMethodAccess(self, event) -> MethodAccessMode:  # noqa: N802 - theirs
        return MethodAccessMode.NO_ACCESS if event.index > 1 else MethodAccessMode.ACCESS


def _attribute_access(it, attribute_id: int) -> AccessMode:
    if isinstance(it, GXDLMSAssociationLogicalName) and attribute_id == _SECRET:
        return AccessMode.WRITE
    if isinstance(it, GXDLMSHdlcSetup) and attribute_id > 6:
        return AccessMode.NO_ACCESS
    return AccessMode.READ_WRITE if isinstance(it, GXDLMSClock) else AccessMode.READ


def _register(it, value, data_type, scaler, unit):
    it.value, it.scaler, it.unit = value, scaler, unit
    it.setDataType(2, data_type)
    return it


def _profile(clock, energy):
    """A load profile of four quarters of an hour."""
    it = GXDLMSProfileGeneric("1.0.99.1.0.255")
    it.captureObjects = [(clock, GXDLMSCaptureObject(2, 0)), (energy, GXDLMSCaptureObject(2, 0))]
    it.capturePeriod, it.sortMethod = 900, SortMethod.FIFO
    for quarter in range(4):
        it.buffer.append(
            [GXDateTime(datetime(2026, 6, 1, 10, 15 * quarter, tzinfo=_ZONE)), 123_000 + quarter]
        )
    it.entriesInUse, it.profileEntries = len(it.buffer), 100
    return it
