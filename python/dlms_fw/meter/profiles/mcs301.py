"""The MetCom MCS301 that a client's profile tells of; what it is made of is ``models/mcs301.toml``."""

from __future__ import annotations

from typing import Any

from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.model_settings import configured as configured_as
from dlms_fw.profiles import Profile


def configured(profile: Profile, **changes: Any) -> MeterConfig:
    """The meter that a client with this profile talks to; arguments as of ``model_settings.configured``."""
    return configured_as(load_model("mcs301"), profile, **changes)
