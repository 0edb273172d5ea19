"""Make a container, sign it, verify it, and see what happens to one that was changed.

python sign_and_verify.py
"""

from __future__ import annotations

import stage

from dlms_fw import Image, Version
from dlms_fw.containers import dfw
from dlms_fw.errors import ImageRejected
from dlms_fw.signing_keys import generate, load_private_key, write_pair


def main() -> None:
    with stage.temporary_folder() as folder:
        write_pair(generate(), folder / "vendor.key", folder / "vendor.pem")

        unsigned = dfw.build(
            b"the new firmware" * 1000,
            image_identifier=bytes.fromhex("4D4353010204"),
            part=1,
            meter_type="MCS301",
            firmware_version=Version(2, 4, 1),
            minimum_previous_version=Version(2, 1, 0),
        )
        signed = dfw.sign(unsigned, load_private_key(folder / "vendor.key"))

        image = Image.from_bytes(signed)
        image.verify(trusted=[folder / "vendor.pem"])
        print(f"version {image.firmware_version} for {image.meter_type}, sha256 {image.sha256.hex()[:16]}...")

        stranger = generate().public_key()
        for what, data, trusted in (
            ("not signed", unsigned, folder / "vendor.pem"),
            ("signed by somebody else", signed, stranger),
            ("one octet changed", signed[:1000] + b"!" + signed[1001:], folder / "vendor.pem"),
        ):
            try:
                Image.from_bytes(data).verify(trusted=[trusted])
            except ImageRejected as error:
                print(f"{what}: {error.reason}: {error}")


if __name__ == "__main__":
    main()
