"""What a meter is made of beneath its objects: clock, counters, logs, keys and firmware at power-up."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from typing import Final

from dlms_fw.cosem.server import ServerObject
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.clock import MeterClock, TimeSource
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.event_log import EventLog, FraudEvent, StandardEvent
from dlms_fw.meter.firmware import FirmwareUnit, format_memory
from dlms_fw.meter.key_pairs import KeyPairs
from dlms_fw.meter.live.alarms import FRAUD_ALARM
from dlms_fw.meter.live.load import HouseholdLoad
from dlms_fw.meter.live.plant import MeterPlant, no_object
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.meter.storage import Medium, Records
from dlms_fw.meter.symmetric_keys import SymmetricKeys

STANDARD_LOG_ENTRIES: Final = 580
FRAUD_LOG_ENTRIES: Final = 680
OTHER_LOG_ENTRIES: Final = 256
FRAUD_QUIET_SECONDS: Final = 60.0
"""A fraud event that stands on is logged once in this time, so that no attacker can wear out the memory."""


class MeterUnits:
    """The units of one meter, powered up."""

    def __init__(
        self,
        medium: Medium,
        config: MeterConfig,
        time_source: TimeSource,
        *,
        randomness: Callable[[int], bytes],
    ) -> None:
        """Powers up, and makes the meter where there is none; ``randomness`` gives that many random octets.

        Raises:
            ConfigurationError: The memory belongs to another meter or another version.
            RecordLost: Both copies of a record are damaged.
        """
        self.config = config
        self.time_source = time_source
        records = Records(medium)
        format_memory(medium, records, config)
        self._medium, self._records, self._randomness = medium, records, randomness
        self._logs: dict[str, EventLog] = {}
        self.made_plant: MeterPlant | None = None
        """The plant, where there is one."""
        self._find: Callable[[int, LogicalName], ServerObject] = no_object
        self.clock = MeterClock(
            records,
            time_source,
            utc_offset_minutes=config.utc_offset_minutes,
            opposite_deviation=config.opposite_deviation,
        )
        self.counters = CounterRecord(records, stride=config.counter_stride)
        self.standard_log = EventLog(medium, "standard", STANDARD_LOG_ENTRIES)
        self.fraud_log = EventLog(medium, "fraud", FRAUD_LOG_ENTRIES)
        self._fraud_seen: dict[FraudEvent, float] = {}
        last = max(self.standard_log.entries, default=None)
        if last is not None and last.code != StandardEvent.POWER_DOWN:
            self.log_event(StandardEvent.POWER_DOWN)  # it could not say so when it happened
        self.log_event(StandardEvent.POWER_UP)
        self.security_memory = SecurityMemory(records)
        self.symmetric_keys = SymmetricKeys(
            self.security_memory, config, log_event=self.log_event, log_fraud=self.log_fraud
        )
        self.key_pairs = KeyPairs(self.security_memory, config, now=lambda: self.clock.local)
        self.firmware = FirmwareUnit(
            medium,
            records,
            self.clock,
            time_source,
            config,
            log_event=self.log_event,
            newest_event=lambda: self.standard_log.newest_firmware_event,
        )

    @property
    def plant(self) -> MeterPlant:
        """What its live objects use; a meter without such objects never makes it."""
        if self.made_plant is None:
            self.made_plant = MeterPlant(
                self._medium,
                self._records,
                self.clock,
                self.time_source,
                load=self.config.load or HouseholdLoad(zlib.crc32(self.config.system_title)),
                grace_seconds=self.config.schedule_grace_seconds,
                log_event=lambda log, code, parameter: self.log(log).append(
                    code, self.clock.date_time.to_bytes(), parameter
                ),
                randomness=self._randomness,
                find=lambda class_id, logical_name: self._find(class_id, logical_name),
            )
        return self.made_plant

    def connect(self, find: Callable[[int, LogicalName], ServerObject]) -> None:
        """Says how live objects find others; ``find`` raises CosemFault for one that is not there."""
        self._find = find

    def log(self, name: str, capacity: int = OTHER_LOG_ENTRIES) -> EventLog:
        """The event log of that name; ``capacity`` is for one that is asked for the first time."""
        if name not in self._logs:
            known = {"standard": self.standard_log, "fraud": self.fraud_log}
            self._logs[name] = known.get(name) or EventLog(self._medium, name, capacity)
        return self._logs[name]

    def log_event(self, code: int, parameter: int = 0) -> None:
        """Adds to the standard log."""
        self.standard_log.append(code, self.clock.date_time.to_bytes(), parameter)

    def log_fraud(self, code: FraudEvent) -> None:
        """Adds to the fraud log, unless the same event has just been added."""
        now = self.time_source.monotonic()
        if now - self._fraud_seen.get(code, -FRAUD_QUIET_SECONDS) >= FRAUD_QUIET_SECONDS:
            self._fraud_seen[code] = now
            self.fraud_log.append(code, self.clock.date_time.to_bytes())
            if self.made_plant is not None:
                with contextlib.suppress(OSError):
                    self.made_plant.alarms.raise_alarm(FRAUD_ALARM)

    def power_down(self) -> None:
        """A clean stop, as far as a meter knows one."""
        self.counters.settle()
        if self.made_plant is not None:
            self.made_plant.power_down()
        self.log_event(StandardEvent.POWER_DOWN)
