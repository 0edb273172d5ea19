"""Firmware files: what they say about the image inside, and who signed it."""

from dlms_fw.containers import dfw
from dlms_fw.containers.description import ANY_VERSION, Container, HardwareRange, Version
from dlms_fw.containers.registry import GROUP, ContainerFormat, find, parse

__all__ = [
    "ANY_VERSION",
    "GROUP",
    "Container",
    "ContainerFormat",
    "HardwareRange",
    "Version",
    "dfw",
    "find",
    "parse",
]
