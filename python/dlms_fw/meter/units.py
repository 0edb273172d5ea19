"""What a meter is made of beneath its objects: clock, counters, logs, keys and firmware at power-up."""

from __future__ import annotations

from typing import Final

from dlms_fw.meter.clock import MeterClock, TimeSource
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.counters import CounterRecord
from dlms_fw.meter.event_log import EventLog, FraudEvent, StandardEvent
from dlms_fw.meter.firmware import FirmwareUnit, format_memory
from dlms_fw.meter.key_pairs import KeyPairs
from dlms_fw.meter.security_memory import SecurityMemory
from dlms_fw.meter.storage import Medium, Records
from dlms_fw.meter.symmetric_keys import SymmetricKeys

STANDARD_LOG_ENTRIES: Final = 580
FRAUD_LOG_ENTRIES: Final = 680
FRAUD_QUIET_SECONDS: Final = 60.0
"""A fraud event that stands on is logged once in this time, so that no attacker can wear out the memory."""


class MeterUnits:
    """The units of one meter, powered up."""

    def __init__(self, medium: Medium, config: MeterConfig, time_source: TimeSource) -> None:
        """Powers up, and makes the meter where there is none.

        Raises:
            ConfigurationError: The memory belongs to another meter or another version.
            RecordLost: Both copies of a record are damaged.
        """
        self.config = config
        self.time_source = time_source
        records = Records(medium)
        format_memory(medium, records, config)
        self.clock = MeterClock(records, time_source, utc_offset_minutes=config.utc_offset_minutes)
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
            medium, records, self.clock, time_source, config, log_event=self.log_event
        )

    def log_event(self, code: int, parameter: int = 0) -> None:
        """Adds to the standard log."""
        self.standard_log.append(code, self.clock.date_time.to_bytes(), parameter)

    def log_fraud(self, code: FraudEvent) -> None:
        """Adds to the fraud log, unless the same event has just been added."""
        now = self.time_source.monotonic()
        if now - self._fraud_seen.get(code, -FRAUD_QUIET_SECONDS) >= FRAUD_QUIET_SECONDS:
            self._fraud_seen[code] = now
            self.fraud_log.append(code, self.clock.date_time.to_bytes())

    def power_down(self) -> None:
        """A clean stop, as far as a meter knows one."""
        self.counters.settle()
        self.log_event(StandardEvent.POWER_DOWN)
