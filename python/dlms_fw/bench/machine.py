"""What a measurement was taken on: processor, versions, and how busy the machine was."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

import cryptography
from cryptography.hazmat.backends.openssl import backend

from dlms_fw import _core

__all__ = ["machine"]

_FLAGS = re.compile(
    r"^(aes|vaes|gfni|sha_ni|pclmulqdq|vpclmulqdq|avx2|avx512\w*|bmi2|erms|fsrm|pmull|sha[0-9]\w*)$"
)
"""Flags of the processor that what is measured can feel."""


def machine() -> dict[str, str | int | float | list[str]]:
    """The facts that belong to figures.

    A processor is known by its model where the system tells one, and otherwise by its architecture.
    """
    facts = _processor()
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "processors": os.cpu_count() or 1,
        "flags": [
            flag for flag in facts.get("flags", facts.get("Features", "")).split() if _FLAGS.match(flag)
        ],
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else -1.0,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "dlms_fw": metadata.version("dlms-fw"),
        "core": _core.__version__,
        "cryptography": cryptography.__version__,
        "openssl": backend.openssl_version_text(),
    }


def _processor() -> dict[str, str]:
    """What ``/proc/cpuinfo`` says of the first processor; nothing where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    first = text.split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
