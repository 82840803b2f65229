"""One list of networks that are not public, held to by images and by requests of webhooks alike."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from turnlog.domain.errors import ImageNotAllowedError
from turnlog.domain.images import ImagePolicy
from turnlog.infrastructure.logs.addresses import is_allowed

SPECIAL_4 = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16", "169.254.169.254"),
    *("172.16.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
)
SPECIAL_6 = (
    *("::", "::1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:5ef5:79fd::1", "2001:db8::1", "2002:808:808::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1"),
)
PUBLIC_4 = ("8.8.8.8", "100.63.0.1", "100.128.0.1", "168.63.129.15", "168.63.129.17", "172.32.0.1")
PUBLIC_6 = ("2606:4700::1111", "2a00:1450::1", "2620:fe::fe")


def spellings(address: str) -> list[str]:
    """An address of IPv4, also mapped into IPv6 and as a translating router has it."""
    number = int(ip_address(address))
    return [address, f"::ffff:{address}", f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}", f"64:ff9b::{address}"]


def within_ipv6(address: str) -> list[str]:
    """An address of IPv4 by 6to4, and in the form that no router takes any more."""
    number = int(ip_address(address))
    return [f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1", f"::{address}"]


REFUSED = [*SPECIAL_6, *(form for each in SPECIAL_4 for form in spellings(each) + within_ipv6(each))]
ALLOWED = [*PUBLIC_6, *(form for each in PUBLIC_4 for form in spellings(each))]


def takes_image(address: str) -> bool:
    host = f"[{address}]" if ":" in address else address
    try:
        ImagePolicy().check(f"https://{host}/a.png")
    except ImageNotAllowedError:
        return False
    return True


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_for_nobody(address: str) -> None:
    assert not is_allowed(address, ())
    assert not takes_image(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_for_everybody(address: str) -> None:
    assert is_allowed(address, ())
    assert takes_image(address)


@pytest.mark.parametrize("address", ["168.63.129.16", "100.100.100.200", "169.254.169.254", "fd00:ec2::254"])
def test_metadata_of_a_cloud_is_no_private_host(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ImageNotAllowedError):
        ImagePolicy(private=True).check(f"https://{host}/a.png")
