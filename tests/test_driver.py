"""What both clients share and needs no wire: here how an address becomes a framing."""

from __future__ import annotations

import pytest

from dlms_fw._core import HdlcFraming
from dlms_fw.driver import framing
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError
from dlms_fw.profiles import HdlcSettings, Profile

URL = "hdlc+tcp://meter.example"


@pytest.mark.parametrize(
    ("url", "hdlc"),
    [
        (URL, HdlcSettings(address_size=2)),
        (URL, HdlcSettings(address_size=4)),
        (URL, HdlcSettings(address_size=1, server_lower=17)),
        (URL, HdlcSettings(address_size=2, server_lower=128)),
        (f"{URL}?server=1/16384", HdlcSettings()),
        (f"{URL}?server=16384", HdlcSettings()),
        (f"{URL}?client=128", HdlcSettings()),
    ],
)
def test_an_address_that_hdlc_does_not_have_is_a_mistake_of_the_configuration(
    url: str, hdlc: HdlcSettings
) -> None:
    profile = Profile(name="optical", client_sap=1, hdlc=hdlc)
    with pytest.raises(ConfigurationError, match="HDLC has no such address") as caught:
        framing(Endpoint.parse(url), profile)
    assert caught.value.code == "configuration.address"
    assert caught.value.hint is not None


def test_the_address_goes_before_the_profile() -> None:
    profile = Profile(name="optical", client_sap=1, hdlc=HdlcSettings(server_lower=5, address_size=4))
    made = framing(Endpoint.parse(f"{URL}?client=2&server=3/17"), profile)
    assert isinstance(made, HdlcFraming)
    assert (made.client_sap, made.server_upper, made.server_lower) == (2, 3, 17)
