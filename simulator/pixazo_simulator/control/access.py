"""Who may use our own routes: callers of this machine, or who is allowed to; never a web page of another site."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from pixazo_simulator.spec import beginning
from pixazo_simulator.webhooks import USER_AGENT
from pixazo_simulator.world import Settings

from .route import TOKEN_HEADER, Refused

Address = IPv4Address | IPv6Address

_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]{1,253}))(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"https?://(.+)", re.IGNORECASE)
_LAST_PORT = 65535
_SHOWN = 80


def guard(scope: Scope, settings: Settings) -> None:
    """Raise Refused unless the caller may use `/_sim`.

    With a control token every caller must send it. Without one only peers on loopback are answered, unless the settings open `/_sim`
    to everybody. Headers that a proxy adds count for nothing. `Host` must be a loopback name or one of the settings, so that no web page
    reaches us by DNS rebinding; an IP address, which nobody can rebind, will do where the peer alone does not decide. An `Origin`
    must be of such a host, too. A callback, which comes from loopback, is refused whatever it was led to.
    """
    if any(name == b"user-agent" and value == USER_AGENT.encode() for name, value in scope["headers"]):
        raise Refused(
            403, f"callbacks may not use /_sim: User-Agent {USER_AGENT} is theirs, any other client sends another one"
        )
    host, origin, token = (_only(scope, name) for name in ("host", "origin", TOKEN_HEADER.lower()))
    if settings.control_token is not None:
        _check_token(token, settings.control_token)
    elif not settings.control_open and not _is_local(scope):
        raise Refused(
            403,
            f"/_sim answers callers of this machine only, this one is {_peer(scope)}: start with --control-token TOKEN and send it in "
            f"the header {TOKEN_HEADER}, or with --control-open",
        )
    _check_host(host or "", settings)
    if origin is not None:
        _check_origin(origin, host or "", settings)


def _only(scope: Scope, name: str) -> str | None:
    """The value of a header. Raises Refused when there are several."""
    values: Sequence[bytes] = [value for each, value in scope["headers"] if each == name.encode()]
    if len(values) > 1:
        raise Refused(400, f"there are {len(values)} headers {name}: send one")
    return values[0].decode("latin-1") if values else None


def _check_token(sent: str | None, token: str) -> None:
    if sent is None or not hmac.compare_digest(sent.strip().encode(), token.encode()):
        told = "is missing" if sent is None else "is wrong"
        raise Refused(403, f"the control token {told}: send that of --control-token in the header {TOKEN_HEADER}")


def _check_host(host: str, settings: Settings) -> None:
    name = _named(host)
    trusted = settings.control_token is not None or settings.control_open
    if name is None or not (_is_ours(name, settings) or (trusted and _is_specific(name))):
        remedy = f"or start with --control-host {name or 'NAME'}"
        raise Refused(
            403,
            f"Host {beginning(host, _SHOWN)!r} is not a loopback name: call /_sim as localhost or 127.0.0.1, {remedy}",
        )


def _check_origin(origin: str, host: str, settings: Settings) -> None:
    found = _ORIGIN.fullmatch(origin)
    name = _named(found[1]) if found else None
    is_same = found is not None and found[1].lower() == host.lower()
    if name is None or not (is_same or _is_ours(name, settings)):
        remedy = f"call /_sim from a page of this machine, or start with --control-host {name or 'NAME'}"
        raise Refused(403, f"Origin {beginning(origin, _SHOWN)!r} is not a loopback name: {remedy}")


def _named(authority: str) -> str | None:
    """The host of `HOST[:PORT]` in its usual form, None for anything else."""
    found = _AUTHORITY.fullmatch(authority)
    if not found or int(found[3] or 0) > _LAST_PORT:
        return None
    address = _address(found[1] or found[2])
    if found[1]:
        return str(address) if isinstance(address, IPv6Address) else None
    return str(address) if address else found[2].lower()


def _is_ours(name: str, settings: Settings) -> bool:
    address = _address(name)
    named = name in map(str.lower, settings.control_hosts)
    return name == "localhost" or named or (address is not None and _is_loopback(address))


def _is_specific(name: str) -> bool:
    """Whether a host is an address of some machine: browsers take 0.0.0.0 for this one."""
    address = _address(name)
    return address is not None and not _plain(address).is_unspecified


def _is_local(scope: Scope) -> bool:
    """Whether the peer is on this machine: its address says so, or there is none, as on a Unix socket."""
    if not scope.get("client"):
        server = scope.get("server")  # of a TCP connection that was reset nobody knows the peer
        return not server or server[1] is None
    address = _address(str(scope["client"][0]).partition("%")[0])
    return address is not None and _is_loopback(address)


def _peer(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def _address(text: str) -> Address | None:
    """An IP address as it is usually written: inet_aton knows more forms, which are names to us."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_loopback(address: Address) -> bool:
    return _plain(address).is_loopback


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
