"""A meter built on gurux-dlms that pushes: plain and ciphered data-notifications over TCP.

Configuration: where to push, and how; one report when all has been sent.
"""

import socket

import peer_io
from gurux_dlms import GXByteBuffer
from gurux_dlms.enums import InterfaceType, Security
from gurux_dlms.GXDLMSNotify import GXDLMSNotify
from gurux_dlms.secure import GXDLMSSecureNotify


def _notifier(config: dict):
    framing = {"wrapper": InterfaceType.WRAPPER, "hdlc": InterfaceType.HDLC}[config["framing"]]
    sap = config["client_sap"]
    if config["security"] == "none":
        return GXDLMSNotify(True, sap, 1, framing)
    notify = GXDLMSSecureNotify(True, sap, 1, framing)
    ciphering = notify.ciphering
    ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    ciphering.systemTitle = bytearray.fromhex(config["system_title"])
    ciphering.blockCipherKey = bytearray.fromhex(config["global_unicast_encryption_key"])
    ciphering.authenticationKey = bytearray.fromhex(config["authentication_key"])
    ciphering.invocationCounter = 1
    return notify


def main() -> None:
    """Push what is wanted, in one connection."""
    config, reports = peer_io.begin()
    notify = _notifier(config)
    sent = []
    with socket.create_connection(("127.0.0.1", config["port"]), 10) as connection:
        for value in config["values"]:
            body = GXByteBuffer(bytearray.fromhex(value))
            for message in notify.generateDataNotificationMessages(None, body):
                connection.sendall(bytes(message))
                sent.append(bytes(message).hex())
    reports.send(sent=sent)


main()
