"""Which addresses a request may go to: public ones, and those in networks that were allowed."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from ...domain.errors import InvalidValueError
from ...domain.public_hosts import address_problem, target_address

Network: TypeAlias = IPv4Network | IPv6Network


def is_allowed(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is public, or in a network that was allowed."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    target = target_address(found)
    return any(target in network for network in networks) or address_problem(found, private=False) is None


def allowed_networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their texts, such as 10.0.0.0/8."""
    if isinstance(given, str):
        raise InvalidValueError("the networks", "are one text: expected a list of networks, as ['10.0.0.0/8']")
    try:
        return tuple(ip_network(each) for each in given)
    except ValueError as reason:
        raise InvalidValueError(
            "the networks", f"cannot be understood: {reason}; expected such as '10.0.0.0/8'"
        ) from None
