"""The target of a run: its public profile, its secrets, the one form of its origin, and which requests to it can only read."""

from __future__ import annotations

import hashlib
import ipaddress
import posixpath
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from .exchange import is_object, split_url
from .settings import ConfigurationError, check_names, check_number, read_settings

__all__ = [
    "DOCUMENTED_ORIGIN", "KEY_HEADER", "MODEL", "MODEL_BASE", "STATUS_BASE", "THROTTLED", "UNWELL", "Ceilings", "Profile",
    "ProfileFile", "Target", "canonical_origin", "capable", "host_is_loopback", "may_fetch", "only_reads", "read_profile",
]  # fmt: skip

#: Base URL: "https://gateway.pixazo.ai/minimax-hailuo-ai/v1".
#: Endpoint: "GET https://gateway.pixazo.ai/v2/requests/status/{request_id}".
DOCUMENTED_ORIGIN: Final = "https://gateway.pixazo.ai"
MODEL: Final = "minimax-hailuo-ai"
MODEL_BASE: Final = "/minimax-hailuo-ai/v1"
STATUS_BASE: Final = "/v2/requests/status/"

#: Authentication: "All requests require an API key passed via header."
KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"

#: Account roles that exist to be throttled: a probe that uses them expects the 429.
THROTTLED: Final = frozenset({"throttled", "recovering"})
#: Those and the one that exists to get a 5xx: what they are not served is about them.
UNWELL: Final = THROTTLED | {"broken"}

#: The ports that a URL may leave out.
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

#: An IPv4 address in one of the forms that only `inet_aton` reads: `127.1`, `0x7f000001`, `2130706433`.
LEGACY_IPV4: Final = re.compile(r"[0-9][0-9a-fx.]*")

LOOPBACK: Final = "127.0.0.1"

#: Names of submit operations, in lower case: a path that ends in one never counts as a medium.
OPERATIONS: Final = frozenset({"generate", "imagetovideo"})

#: What some servers remove from each segment of a path before they resolve `..`.
PARAMETERS: Final = re.compile(r";[^/]*")

#: How many times a path may be percent-encoded before it counts as an attempt to hide a submit.
MOST_DECODINGS: Final = 5


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        found = ipaddress.ip_address(host)
        return (found.ipv4_mapped if found.version == 6 else None) or found
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(host)) if LEGACY_IPV4.fullmatch(host) else None
    return None


def _host(name: str) -> str:
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return LOOPBACK
    address = _address(name)
    if address is None:
        return name if name.isascii() else name.encode("idna").decode()
    if address.is_loopback or address.is_unspecified:
        return LOOPBACK
    return f"[{address.compressed}]" if address.version == 6 else str(address)


def host_is_loopback(host: str | None) -> bool:
    """Whether a host name or address, in any form, can only mean this machine."""
    try:
        return host is not None and _host(host) == LOOPBACK
    except ValueError:
        return False  # IDNA cannot encode the name


def canonical_origin(url: str) -> str:
    """Scheme, host and port of a URL in canonical form. Raises ValueError if it is not a URL.

    Lower case, IDNA, IPv6 compressed, without trailing dot or default port; every name of this machine is `127.0.0.1`.
    """
    parts = urlsplit(url)
    scheme, port = parts.scheme.lower(), parts.port
    if not parts.hostname:
        raise ValueError("it has no host")
    shown = "" if port is None or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{_host(parts.hostname)}{shown}"


def _path(url: str) -> str | None:
    """A URL's path as the most lenient gateway might read it; None if it is percent-encoded too many times."""
    path = urlsplit(url).path
    for _ in range(MOST_DECODINGS):
        decoded = unquote(path)
        if decoded == path:
            bare = PARAMETERS.sub("", decoded.replace("\\", "/"))
            flat = posixpath.normpath("/" + bare.lstrip("/"))
            return f"{flat}/" if bare.endswith("/") else flat
        path = decoded
    return None


def only_reads(method: str, url: str, origin: str, *, media: bool = False) -> bool:
    """Whether a request cannot begin a generation, however wrong the gateway at `origin` is.

    `media` says that the URL came from a `media_url`. A method or path that could be a submit never counts as a read.
    """
    try:
        path, elsewhere = _path(url), canonical_origin(url) != canonical_origin(origin)
    except ValueError:
        return False
    if method not in {"GET", "HEAD"} or path is None:
        return False
    lower = path.lower()
    if lower.startswith(f"{MODEL_BASE}/") or lower.rstrip("/").rpartition("/")[2] in OPERATIONS:
        return False
    return elsewhere or media or path.startswith(STATUS_BASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What may be published about a target: its origin, its capabilities, and the tolerances of judgement.

    `pace`, `deadline`, `settle`, `patience`, `skew` are seconds: between two polls, within which a generation must end, for what
    may never arrive, before the late re-reads, and allowed between two clocks. `media_hosts` and `public_origins` are allowed
    beside the documented ones. `length_tolerance` is seconds of playing time, `height_tolerance` a share of the frame's height.
    `virtual` says that the run's clock is the target's own.
    """

    origin: str
    paid: bool = False
    capabilities: tuple[str, ...] = ()
    pace: float = 5.0
    deadline: float = 600.0
    settle: float = 60.0
    patience: float = 0.0
    skew: float = 300.0
    media_hosts: tuple[str, ...] = ()
    public_origins: tuple[str, ...] = ()
    length_tolerance: float = 0.75
    height_tolerance: float = 0.05
    virtual: bool = False

    @property
    def loopback(self) -> bool:
        """Whether the target is on this machine."""
        return host_is_loopback(urlsplit(self.origin).hostname)

    @property
    def limited(self) -> bool:
        """Whether every request that might begin a generation must be paid for from a budget."""
        return self.paid or not self.loopback

    def has(self, needs: frozenset[str]) -> bool:
        return needs <= set(self.capabilities)

    def lacks(self, needs: frozenset[str]) -> str | None:
        """Why something with these needs cannot be done; None if it can."""
        missing = sorted(needs - set(self.capabilities))
        risks = [f"--risk {name.removeprefix('risk:')}" for name in missing if name.startswith("risk:")]
        things = [name for name in missing if not name.startswith("risk:")]
        said = [f"the target has no {', '.join(things)}"] if things else []
        said += [f"it needs {' '.join(risks)}"] if risks else []
        return "; ".join(said) or None

    @property
    def hash(self) -> str:
        """A digest of everything that can change a verdict; host and port of the target cannot."""
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "origin"}
        text = msgspec.json.encode({**settings, "loopback": self.loopback}, order="sorted")
        return hashlib.sha256(text).hexdigest()[:16]


def may_fetch(profile: Profile, url: str) -> bool:
    """Whether a media URL may be fetched: over https, or at any host that the profile lists, or from this machine to itself.

    A target on this machine cannot send us to another host unless its profile lists that host: a fake must not make a test run
    call other people's servers.
    """
    parts = split_url(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        return False
    if parts.hostname in profile.media_hosts:
        return True
    return host_is_loopback(parts.hostname) if profile.loopback else parts.scheme == "https"


@dataclass(frozen=True, slots=True)
class Target:
    """A profile, and the secrets to reach it: keys by account role (several if each use spends one), bad prompts."""

    profile: Profile
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])

    def account(self, name: str) -> str:
        """The key of an account: a role, or `role.n` for the nth key of a role. Raises `ConfigurationError`."""
        role, _, index = name.partition(".")
        try:
            return self.keys[role][int(index or 0)]
        except (KeyError, IndexError):
            raise ConfigurationError(f"no key for the account {name!r}: pass --account {role}=KEY") from None


def capable(target: Target, *, receiver: bool) -> Profile:
    """The profile with the capabilities implied by keys, prompts, a receiver and the origin's scheme."""
    found = {f"account:{role}" for role in target.keys if role != "default"}
    found |= {f"account:{role}.{n}" for role, keys in target.keys.items() for n in range(1, len(keys))}
    found |= {f"prompt:{kind}" for kind in target.prompts}
    found |= {"receiver"} if receiver else set()
    found |= {"risk:query-key"} if target.profile.loopback and not target.profile.limited else set()
    found |= {"tls"} if target.profile.origin.startswith("https:") else set()
    capabilities = tuple(sorted(found | set(target.profile.capabilities)))
    return replace(target.profile, capabilities=capabilities, origin=target.profile.origin.rstrip("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """How many generations may be spent, at most, per run, day and month; None means no ceiling.

    `refused`: how many refusals in a run give back their reservation; any further ones count as spent.
    """

    run: int | None = None
    day: int | None = None
    month: int | None = None
    refused: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFile:
    """A profile file as written; the command line sets what it leaves out."""

    paid: bool = False
    capabilities: tuple[str, ...] = ()
    pace: float | None = None
    deadline: float | None = None
    settle: float | None = None
    patience: float | None = None
    skew: float | None = None
    media_hosts: tuple[str, ...] = ()
    public_origins: tuple[str, ...] = ()
    length_tolerance: float | None = None
    height_tolerance: float | None = None
    accounts: dict[str, str | tuple[str, ...]] = field(default_factory=dict[str, str | tuple[str, ...]])
    prompts: dict[str, str] = field(default_factory=dict[str, str])
    ceilings: Ceilings = field(default_factory=Ceilings)

    def keys(self) -> dict[str, tuple[str, ...]]:
        """The keys by account role; a file may write a single key without a list."""
        return {role: (keys,) if isinstance(keys, str) else keys for role, keys in self.accounts.items()}


def read_profile(path: Path | None) -> ProfileFile:
    """Read a profile in TOML, JSON or YAML; an empty one without a path. Raises `ConfigurationError`, which names the nearest key."""
    if path is None:
        return ProfileFile()
    settings = read_settings("profile", path)
    check_names(f"profile {path}", settings, ProfileFile)
    ceilings = settings.get("ceilings")
    if is_object(ceilings):
        check_names(f"profile {path}", ceilings, Ceilings, "[ceilings] ")
    try:
        file = msgspec.convert(settings, ProfileFile)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"profile {path}: {error}") from None
    for item in fields(ProfileFile):
        value = getattr(file, item.name)
        if isinstance(value, float):
            check_number(f"profile {path}: {item.name}", value, above=item.name in {"pace", "deadline"})
    for item in fields(Ceilings):
        check_number(f"profile {path}: [ceilings] {item.name}", getattr(file.ceilings, item.name))
    return file
