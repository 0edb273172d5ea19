"""The logical names that standards and meters agree on, as far as a firmware upgrade meets them.

Names only: which of these objects a meter has, and in which version, its own object list says. Value group B
counts the firmware parts of a meter: 0 is the metrologically relevant one, 1 the application, 2 to 9 further
parts such as a modem.
"""

from __future__ import annotations

from dlms_fw.logical_name import LogicalName

# --- Image transfer and activation --------------------------------------------------------------------------

IMAGE_TRANSFER = LogicalName("0-0:44.0.0.255")
IMAGE_TRANSFER_ACTIVATION_SCHEDULER = LogicalName("0-0:15.0.2.255")
IMAGE_ACTIVATION_SCRIPT_TABLE = LogicalName("0-0:10.0.107.255")


def active_firmware_identifier(part: int = 0) -> LogicalName:
    """The Data object with the identifier of a firmware part; raises ValueError for a part above 9."""
    return LogicalName(f"1-{_part(part)}:0.2.0.255")


def active_firmware_signature(part: int = 0) -> LogicalName:
    """The Data object with the signature of a firmware part; raises ValueError for a part above 9."""
    return LogicalName(f"1-{_part(part)}:0.2.8.255")


# --- The meter and its clock --------------------------------------------------------------------------------

CLOCK = LogicalName("0-0:1.0.0.255")
LOGICAL_DEVICE_NAME = LogicalName("0-0:42.0.0.255")
SAP_ASSIGNMENT = LogicalName("0-0:41.0.0.255")
DEVICE_ID_1 = LogicalName("0-0:96.1.0.255")
DEVICE_ID_2 = LogicalName("0-0:96.1.1.255")
ERROR_OBJECT = LogicalName("0-0:97.97.0.255")
ALARM_REGISTER_1 = LogicalName("0-0:97.98.0.255")

# --- Associations and security ------------------------------------------------------------------------------

CURRENT_ASSOCIATION = LogicalName("0-0:40.0.0.255")
SECURITY_SETUP = LogicalName("0-0:43.0.0.255")
"""The first one; a meter may have more, see :func:`security_setup`."""


def association(e: int) -> LogicalName:
    """The Association object number ``e`` (value group E); 0 is the current one."""
    return LogicalName(f"0-0:40.0.{e}.255")


def security_setup(e: int = 0) -> LogicalName:
    """The Security setup object number ``e`` (value group E)."""
    return LogicalName(f"0-0:43.0.{e}.255")


def invocation_counter(e: int = 0) -> LogicalName:
    """The Data object with the invocation counter number ``e`` (value group E), one for each key."""
    return LogicalName(f"0-0:43.1.{e}.255")


# --- Event logs and the codes in them -----------------------------------------------------------------------

STANDARD_EVENT_LOG = LogicalName("0-0:99.98.0.255")
FRAUD_DETECTION_EVENT_LOG = LogicalName("0-0:99.98.1.255")
DISCONNECT_CONTROL_EVENT_LOG = LogicalName("0-0:99.98.2.255")
POWER_QUALITY_EVENT_LOG = LogicalName("0-0:99.98.4.255")
COMMUNICATION_EVENT_LOG = LogicalName("0-0:99.98.5.255")
POWER_FAILURE_EVENT_LOG = LogicalName("0-0:99.97.0.255")

EVENT_PARAMETER = LogicalName("0-0:96.11.10.255")


def event_code(e: int = 0) -> LogicalName:
    """The Data object with the last event code of log number ``e`` (value group E); 0 is the standard log."""
    return LogicalName(f"0-0:96.11.{e}.255")


def _part(part: int) -> int:
    if not 0 <= part <= 9:
        raise ValueError(f"a firmware part is 0 to 9, not {part}")
    return part
