"""Which addresses of the net may be connected to: those that belong to everybody, and those that were allowed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from ...domain.errors import InvalidValue

Network: TypeAlias = IPv4Network | IPv6Network

NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
"""This host, private, carrier NAT, loopback, link-local, special, documentation, benchmarks, multicast, reserved."""

PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Tunnels and special use, documentation, IPv4 in IPv6 by 6to4."""

TRANSLATED = IPv6Network("64:ff9b::/96")
"""An IPv4 address as a translating router has it; it is what that is."""


def is_allowed(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is public, or in a network that was allowed by hand."""
    try:
        found = _meant(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(found in network for network in networks if network.version == found.version):
        return True
    if isinstance(found, IPv4Address):
        return not any(found in network for network in NOT_PUBLIC)
    return found in PUBLIC_V6 and not any(found in network for network in NOT_PUBLIC_V6)


def allowed_networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their texts, such as 10.0.0.0/8."""
    if isinstance(given, str):
        raise InvalidValue("the networks", "are one text: expected a list of networks, as ['10.0.0.0/8']")
    try:
        return tuple(ip_network(each) for each in given)
    except ValueError as reason:
        raise InvalidValue("the networks", f"cannot be understood: {reason}; expected such as '10.0.0.0/8'") from None


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that packets go to, if one of IPv4 is written as one of IPv6."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
