"""Where a callback may go."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from pixazo_simulator.egress import Blocked, Destination, LookUps, destination


def decide(url: str, *allowed: str) -> Destination | Blocked:
    """The decision about one URL."""
    return asyncio.run(destination(url, allowed, LookUps()))


class Resolver:
    """Stands for the operating system's resolver, and remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked: list[str] = []
        self._answers = answers
        self._numeric = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.resolve)

    def resolve(self, host: str, port: int, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002 - the names of the standard library
        """Numbers are read by the real one, which asks nobody; names are answered from here."""
        if flags & socket.AI_NUMERICHOST:
            return self._numeric(host, port, family, type, proto, flags)
        self.asked.append(host)
        if not self._answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self._answers]


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("http://127.0.0.1:8080/cb", "127.0.0.1", 8080),
        ("http://127.8.9.10/cb", "127.8.9.10", 80),
        ("https://127.0.0.1/cb", "127.0.0.1", 443),
        ("http://[::1]:8080/cb", "::1", 8080),
        ("http://[::ffff:127.0.0.1]/cb", "::ffff:127.0.0.1", 80),
        ("http://localhost/cb", "127.0.0.1", 80),
        ("http://LocalHost/cb", "127.0.0.1", 80),
        ("http://hooks.localhost/cb", "127.0.0.1", 80),
        ("http://2130706433/cb", "127.0.0.1", 80),
        ("http://0x7f000001/cb", "127.0.0.1", 80),
        ("http://0177.0.0.1/cb", "127.0.0.1", 80),
        ("http://127.1/cb", "127.0.0.1", 80),
    ],
)
def test_loopback_in_every_spelling(url: str, address: str, port: int) -> None:
    """Numbers in any base, IPv6, names below localhost."""
    found = decide(url)
    assert isinstance(found, Destination)
    assert (found.address, found.port) == (address, port)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[::]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "0",
        "10.0.0.7",
        "192.168.1.1",
        "8.8.8.8",
        "127.0.0.1.nip.io",
        "localhost.evil.test",
        "notlocalhost",
        "hooks.test",
        "a..b",
        "...",
        f"{'a' * 70}.test",
    ],
)
def test_everything_else_is_blocked_by_name_and_remedy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """In every spelling of a number, and nothing is ever looked up."""
    resolver = Resolver(monkeypatch, "127.0.0.1")
    found = decide(f"http://{host}/cb")
    bare = host.strip("[]")
    assert found == Blocked(
        f"host {bare} is not loopback and was not allowed: "
        f"start with --webhook-allow {bare}, or set policy webhook_allow"
    )
    assert resolver.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1@10.0.0.7/", "http://127.0.0.1:80@10.0.0.7:80/"])
def test_what_stands_before_the_at_sign_is_no_host(url: str) -> None:
    """User and password."""
    assert isinstance(decide(url), Blocked)


def test_an_allowed_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the address found is the one to use, so that a second answer of the resolver cannot matter."""
    resolver = Resolver(monkeypatch, "10.0.0.7", "10.0.0.8")
    assert decide("http://Hooks.test:81/cb", "hooks.test") == Destination("10.0.0.7", "hooks.test", 81)
    assert resolver.asked == ["hooks.test"]


def test_an_allowed_number_is_used() -> None:
    """An address is a name too."""
    assert decide("http://10.0.0.7/", "10.0.0.7") == Destination("10.0.0.7", "10.0.0.7", 80)


def test_allowing_one_name_allows_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what ends like it nor what begins like it."""
    resolver = Resolver(monkeypatch, "10.0.0.7")
    for host in ("evilhooks.test", "sub.hooks.test", "hooks.test.evil"):
        assert isinstance(decide(f"http://{host}/", "hooks.test"), Blocked)
    assert resolver.asked == []


@pytest.mark.parametrize("host", ["hooks.test", "a..b"])
def test_an_allowed_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Says so."""
    Resolver(monkeypatch)
    found = decide(f"http://{host}/", host)
    assert isinstance(found, Blocked)
    assert found.problem.startswith(f"host {host} does not resolve: ")
