"""IP addresses in texts that callers and operators write."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

LAST_PORT = 65535
IpAddress = IPv4Address | IPv6Address


def plain_ip(text: str) -> IpAddress | None:
    """The IP address of a text in the usual notation, with or without a zone; None for any other text.

    Other forms, which only inet_aton reads (`127.1`), are names. An IPv6 address that stands for an IPv4 one becomes that: Python
    before 3.13 takes ::ffff:127.0.0.1 for an address of another machine.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def is_loopback_ip(text: str) -> bool:
    """Whether a text is an address of this machine's loopback interface; a name never is."""
    address = plain_ip(text)
    return address is not None and address.is_loopback
