"""The enumerations of compact data and parameter monitors, with their codes."""

from __future__ import annotations

from enum import IntEnum


class CaptureMethod(IntEnum):
    """``capture_method`` of compact data: when the values are captured."""

    CAPTURE_UPON_INVOKING = 0
    """By the method ``capture``, a script or a schedule."""
    IMPLICIT_CAPTURE = 1
    """When the buffer is read."""


class HashAlgorithm(IntEnum):
    """``hash_algorithm_id`` of a parameter monitor."""

    NO_ALGORITHM = 0
    SHA_1 = 1
    SHA_256 = 2
    SHA_384 = 3
    SHA_512 = 4
