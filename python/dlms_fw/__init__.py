"""DLMS/COSEM firmware upgrade by Image Transfer: a protocol library with a Rust core.

The names below are the public face; each is imported from its home when it is first used, so that
``import dlms_fw`` costs next to nothing. Modules of the library import from the homes, never from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlms_fw import cosem, errors
    from dlms_fw._core import __version__
    from dlms_fw.async_client import AsyncClient
    from dlms_fw.async_client import connect as connect_async
    from dlms_fw.client import Client, connect
    from dlms_fw.fleet import Fleet
    from dlms_fw.image import Image, Version
    from dlms_fw.journal import Journal
    from dlms_fw.logical_name import LogicalName
    from dlms_fw.profile_files import load_profile
    from dlms_fw.profiles import Profile
    from dlms_fw.push.blocking import BlockingPushListener
    from dlms_fw.push.listener import PushListener
    from dlms_fw.security import AsymmetricKeys, Keys, SecurityPolicy
    from dlms_fw.session.client import ClientSession
    from dlms_fw.transfer import Transfer, TransferPolicy, TransferResult

__all__ = [
    "AsymmetricKeys",
    "AsyncClient",
    "BlockingPushListener",
    "Client",
    "ClientSession",
    "Fleet",
    "Image",
    "Journal",
    "Keys",
    "LogicalName",
    "Profile",
    "PushListener",
    "SecurityPolicy",
    "Transfer",
    "TransferPolicy",
    "TransferResult",
    "Version",
    "__version__",
    "connect",
    "connect_async",
    "cosem",
    "errors",
    "load_profile",
]

_HOMES = {
    "AsymmetricKeys": ("dlms_fw.security", "AsymmetricKeys"),
    "AsyncClient": ("dlms_fw.async_client", "AsyncClient"),
    "BlockingPushListener": ("dlms_fw.push.blocking", "BlockingPushListener"),
    "Client": ("dlms_fw.client", "Client"),
    "ClientSession": ("dlms_fw.session.client", "ClientSession"),
    "Fleet": ("dlms_fw.fleet", "Fleet"),
    "Image": ("dlms_fw.image", "Image"),
    "Journal": ("dlms_fw.journal", "Journal"),
    "Keys": ("dlms_fw.security", "Keys"),
    "LogicalName": ("dlms_fw.logical_name", "LogicalName"),
    "Profile": ("dlms_fw.profiles", "Profile"),
    "PushListener": ("dlms_fw.push.listener", "PushListener"),
    "SecurityPolicy": ("dlms_fw.security", "SecurityPolicy"),
    "Transfer": ("dlms_fw.transfer", "Transfer"),
    "TransferPolicy": ("dlms_fw.transfer", "TransferPolicy"),
    "TransferResult": ("dlms_fw.transfer", "TransferResult"),
    "Version": ("dlms_fw.image", "Version"),
    "__version__": ("dlms_fw._core", "__version__"),
    "connect": ("dlms_fw.client", "connect"),
    "connect_async": ("dlms_fw.async_client", "connect"),
    "cosem": ("dlms_fw.cosem", None),
    "errors": ("dlms_fw.errors", None),
    "load_profile": ("dlms_fw.profile_files", "load_profile"),
}


def __getattr__(name: str) -> object:
    try:
        home, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    module = import_module(home)
    value = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
