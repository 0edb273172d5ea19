"""What the examples need to run by themselves: keys, an image, and a simulated meter.

Not an example of anything. With a real meter all of this comes from files: see docs/tutorial.md.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dlms_fw import Image, Keys, Profile, SecurityPolicy, TransferPolicy, Version, hls
from dlms_fw._core import Key
from dlms_fw.containers import dfw
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.signing_keys import generate

VENDOR = generate()


def fresh_keys() -> Keys:
    """The keys of one meter; no two share one."""
    return Keys(global_unicast_encryption_key=Key(os.urandom(16)), authentication_key=Key(os.urandom(16)))


PROFILE = Profile(
    name="management",
    client_sap=1,
    mechanism=hls.GMAC,
    security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=bytes.fromhex("4D4D4D0000BC614E"),
    meter_system_title=bytes.fromhex("4D43530460BC614E"),
    keys=fresh_keys(),
)
POLICY = TransferPolicy(verify_poll_first_seconds=0.2, reconnect_first_seconds=0.3)
"""A simulated meter is quicker than a real one, so there is no need to wait as long."""


def signed_image(size: int = 64 * 1024) -> Image:
    """An image for the simulated meter, signed by the vendor."""
    container = dfw.build(
        os.urandom(size),
        image_identifier=bytes.fromhex("4D4353010200"),
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=VENDOR,
    )
    return Image.from_bytes(container)


def free_udp_port() -> int:
    """A port that nobody uses now, for a group."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def simulated_meter(
    scheme: str = "tcp", *, profile: Profile = PROFILE, **changes: Any
) -> Iterator[BackgroundMeter]:
    """A simulated MCS301 in a thread for this profile; ``changes`` are fields of its configuration."""
    settings = {"trusted": (VENDOR.public_key(),), "timings": ActivationTimings(reboot_seconds=0.3)}
    config = mcs301.configured(profile, **(settings | changes))
    with (
        tempfile.TemporaryDirectory() as folder,
        BackgroundMeter(
            config, lambda: Directory(folder), Endpoint.parse(f"{scheme}://127.0.0.1:0", listen=True)
        ) as meter,
    ):
        yield meter


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for files that nobody needs afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def tls_gateway(meter_url: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Takes TLS on a port of localhost and hands on what is in it; with what a client needs to trust it."""
    meter = Endpoint.parse(meter_url)
    with temporary_folder() as folder, socket.create_server(("localhost", 0)) as listener:
        certificate, key = _self_signed(folder)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listener.accept()
                    with (
                        contextlib.suppress(OSError),
                        server.wrap_socket(plain, server_side=True) as client,
                        socket.create_connection((meter.host, meter.port), timeout=10) as line,
                    ):
                        while request := client.recv(65_536):  # a meter answers each request with one message
                            line.sendall(request)
                            client.sendall(line.recv(65_536))

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1], ssl.create_default_context(cafile=certificate)
        listener.shutdown(socket.SHUT_RDWR)


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "gateway.pem", folder / "gateway.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
