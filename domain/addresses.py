"""Hosts by what they say: whether a name or an address, in whatever spelling, leads out into the public network."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")
"""Names that mean something only within a network, and all below them."""

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
"""Names under which a machine in a cloud is told about itself, its keys included."""

_PRIVATE_4 = [
    IPv4Network(network)
    for network in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]
_NEVER_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "100.100.100.200/32",  # where Alibaba's machines are told about themselves
        "168.63.129.16/32",  # where Azure's are
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_PUBLIC_6 = IPv6Network("2000::/3")
_PRIVATE_6 = [IPv6Network("fc00::/7"), IPv6Network("::1/128")]
_NEVER_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "fd00:ec2::/32",  # where Amazon's machines are told about themselves
        "fd20:ce::/32",  # where Google's are
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def fault_of_host(host: str, *, private: bool) -> str | None:
    """What is wrong with a host in lower case as part of a URL; None if it is one to go to."""
    if not host or host == "[]":
        return "has no host: expected a URL such as https://example.com/image.png"
    if host.startswith("["):
        return _fault_of_v6(host[1:-1], private)
    if "%" in host or not host.isascii():
        return "has a host in percent codes or foreign letters: expected letters a to z, as an international name has"
    if host.endswith("."):
        return "has a host with a dot at its end: expected the name alone"
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "has a host that is no name: expected one such as example.com"
    if _NUMBER.fullmatch(labels[-1]):
        return _fault_of_v4(host, private)
    return _fault_of_name(host, private)


def _fault_of_name(host: str, private: bool) -> str | None:
    if host in _METADATA_NAMES:
        return "is where a machine is told about itself: expected a public host"
    if private:
        return None
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES):
        return "is on a host of a private network: expected a public host"
    return None


def _fault_of_v4(host: str, private: bool) -> str | None:
    try:
        return _fault_of_address(IPv4Address(host), private)
    except AddressValueError:
        return "has an address in another spelling: expected four decimal numbers, or a name"


def _fault_of_v6(host: str, private: bool) -> str | None:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return "has an address that is none: expected an IPv6 address"
    if address.scope_id is not None:
        return "has an address with a zone: expected a public one"
    embedded = _embedded(address)
    if embedded is not None:
        return _fault_of_address(embedded, private)
    if any(address in network for network in _NEVER_6):
        return "is at an address that is not public: expected a public one"
    if address in _PUBLIC_6 or (private and any(address in network for network in _PRIVATE_6)):
        return None
    return "is at an address that is not public: expected a public one"


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that another one leads to, if it does."""
    mapped = address.ipv4_mapped or address.sixtofour
    if mapped is not None:
        return mapped
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    return low if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1) else None


def _fault_of_address(address: IPv4Address, private: bool) -> str | None:
    reserved = _NEVER_4 if private else [*_NEVER_4, *_PRIVATE_4]
    if any(address in network for network in reserved):
        return "is at an address that is not public: expected a public one"
    return None
