"""Public hosts: whether a name or an address, in whatever spelling, is one of the public network.

The only list of networks: images, and requests that were checked after their host was resolved, are held to it.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")
"""Names that mean something only within a network, and all below them."""

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
"""Names under which a machine in a cloud is told about itself, its keys included."""

PRIVATE = [
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("fc00::/7", "::1/128"),
    )
]
"""Networks of one's own: private, of a carrier's NAT, loopback."""

NEVER_PUBLIC = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.100.100.200/32",  # metadata of machines of Alibaba
        "168.63.129.16/32",  # of Azure
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",  # IPv4 within IPv6 by 6to4, which is out of use
        "3fff::/20",
        "fd00:ec2::/32",  # metadata of machines of Amazon
        "fd20:ce::/32",  # of Google
    )
]
"""Networks that no host of the public network is in, and no other host that a request may go to."""

_PUBLIC_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

Address: TypeAlias = IPv4Address | IPv6Address

_NOT_PUBLIC = "is at an address that is not public: expected a public one"


def host_problem(host: str, *, private: bool) -> str | None:
    """What is wrong with a host in lower case as part of a URL; None if it is one to go to."""
    if not host or host == "[]":
        return "has no host: expected a URL such as https://example.com/image.png"
    if host.startswith("["):
        return _problem_of_v6(host[1:-1], private)
    if "%" in host or not host.isascii():
        return "has a host in percent codes or foreign letters: expected letters a to z, as an international name has"
    if host.endswith("."):
        return "has a host with a dot at its end: expected the name alone"
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "has a host that is no name: expected one such as example.com"
    if _NUMBER.fullmatch(labels[-1]):
        return _problem_of_v4(host, private)
    return _problem_of_name(host, private)


def _problem_of_name(host: str, private: bool) -> str | None:
    if host in _METADATA_NAMES:
        return "is where a machine is told about itself: expected a public host"
    if private:
        return None
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES):
        return "is on a host of a private network: expected a public host"
    return None


def address_problem(address: Address, *, private: bool) -> str | None:
    """What is wrong with an address to connect to; None if it is public, or private and such are allowed."""
    target = target_address(address)
    if any(target in network for network in NEVER_PUBLIC):
        return _NOT_PUBLIC
    if any(target in network for network in PRIVATE):
        return None if private else _NOT_PUBLIC
    return None if isinstance(target, IPv4Address) or target in _PUBLIC_6 else _NOT_PUBLIC


def target_address(address: Address) -> Address:
    """The address that packets go to: that of IPv4 where it is written as one of IPv6."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _problem_of_v4(host: str, private: bool) -> str | None:
    try:
        return address_problem(IPv4Address(host), private=private)
    except AddressValueError:
        return "has an address in another spelling: expected four decimal numbers, or a name"


def _problem_of_v6(host: str, private: bool) -> str | None:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return "has an address that is none: expected an IPv6 address"
    if address.scope_id is not None:
        return "has an address with a zone: expected a public one"
    return address_problem(address, private=private)
