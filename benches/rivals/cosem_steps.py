"""The steps by `dlms-cosem`, by its classes.

Its octet-string ends at 127 octets, so the parameter of an image block is handed to it ready-made.
"""

import rounds
from dlms_cosem import cosem, dlms_data, enumerations, security
from dlms_cosem.crc import CRCCCITT
from dlms_cosem.hdlc import frames
from dlms_cosem.hdlc.address import HdlcAddress
from dlms_cosem.protocol import xdlms

_CONTROL = security.SecurityControlField(0, authenticated=True, encrypted=True)


def steps(config):
    parameter, information, title, key, authentication_key, profile = (
        bytes.fromhex(config[name])
        for name in ("parameter", "information", "title", "key", "authentication_key", "profile")
    )
    built = {size: bytes.fromhex(frame) for size, frame in config["frames"].items()}
    plain, sealed = bytes.fromhex(config["plain"]), bytes.fromhex(config["sealed"])
    image_transfer = cosem.Obis.from_bytes(bytes((0, 0, 44, 0, 0, 255)))
    client, server = HdlcAddress(1, None, "client"), HdlcAddress(1, None, "server")
    keys = {"key": key, "auth_key": authentication_key}

    def action():
        method = cosem.CosemMethod(enumerations.CosemInterface.IMAGE_TRANSFER, image_transfer, 2)
        invoke = xdlms.InvokeIdAndPriority.from_bytes(b"\xc1")
        return xdlms.ActionRequestNormal(method, parameter, invoke).to_bytes()

    def fcs():
        return CRCCCITT().calculate_for(information)

    def build(size):
        return lambda: frames.InformationFrame(
            destination_address=server, source_address=client, payload=information[:size]
        ).to_bytes()

    def parse(size):
        return lambda: len(frames.InformationFrame.from_bytes(built[size]).payload)

    def seal():
        return security.encrypt(_CONTROL, title, 1, plain_text=plain, **keys)

    def opened():
        return security.decrypt(_CONTROL, title, 1, cipher_text=sealed[9:], **keys)

    def decode():
        return len(dlms_data.DlmsDataParser().parse(profile)[0].value)

    return {
        "action": action,
        "fcs": fcs,
        "build 1024": build(1024),
        "build 2030": build(2030),
        "parse 1024": parse("1024"),
        "parse 2030": parse("2030"),
        "profile": decode,
        "seal": seal,
        "open": opened,
    }


if __name__ == "__main__":
    rounds.serve(steps)
