"""Where a webhook may go."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.patience import PATIENCE

from pixazo_simulator.webhooks import egress
from pixazo_simulator.webhooks.egress import Destination, LookUps, Outcome, destination


def decide(url: str, *allowed: str) -> Destination | Outcome:
    """The decision about one URL."""
    return asyncio.run(destination(url, allowed, LookUps()))


class Resolver:
    """Replaces the operating system's resolver, and records its look-ups; for names that begin with `slow` it waits until it is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self._addresses = addresses
        self._numeric = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.resolve)

    def resolve(self, host: str, port: object, *, type: int = 0, flags: int = 0) -> Any:  # noqa: A002 - the name of the standard library
        """Numbers are read by the real one, which asks nobody; names are answered from here."""
        if flags & socket.AI_NUMERICHOST:
            return self._numeric(host, None, type=type, flags=flags)
        self.asked.append(host)
        host.encode("idna")  # raises UnicodeError for a label that cannot be encoded, as the real one does
        if host.startswith("slow"):
            self.open.wait(PATIENCE)
        if not self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self._addresses]


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
    """In every notation of an address, and without a look-up."""
    resolver = Resolver(monkeypatch, "127.0.0.1")
    found = decide(f"http://{host}/cb")
    bare = host.strip("[]")
    problem = (
        f"not sent: host {bare} is not loopback and was not allowed: "
        f"start with --webhook-allow {bare} or Settings(policy=...), in pytest set pixazo_webhook_allow"
    )
    assert found == Outcome(None, problem, final=True)
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("url", "scheme", "host"),
    [("file:///x", "file", ""), ("ftp://127.0.0.1/", "ftp", "127.0.0.1"), ("http:///x", "http", ""), ("/x", "", "")],
)
def test_what_is_no_http_url_is_blocked_as_such(url: str, scheme: str, host: str) -> None:
    """A redirect may have such a location; no option allows it, so none is named."""
    expected = f"not sent: a URL with scheme '{scheme}' and host '{host}' is not an http or https URL of a receiver"
    assert decide(url) == Outcome(None, expected, final=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1@10.0.0.7/", "http://127.0.0.1:80@10.0.0.7:80/"])
def test_what_stands_before_the_at_sign_is_no_host(url: str) -> None:
    """User and password."""
    assert isinstance(decide(url), Outcome)


def test_an_allowed_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address found is used, so that a second answer of the resolver has no effect."""
    resolver = Resolver(monkeypatch, "10.0.0.7", "10.0.0.8")
    assert decide("http://Hooks.test:81/cb", "hooks.test") == Destination("10.0.0.7", "hooks.test", 81)
    assert resolver.asked == ["hooks.test"]


def test_an_allowed_number_is_used() -> None:
    """An address is a name, too."""
    assert decide("http://10.0.0.7/", "10.0.0.7") == Destination("10.0.0.7", "10.0.0.7", 80)


def test_allowing_one_name_allows_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one with the same end nor one with the same beginning."""
    resolver = Resolver(monkeypatch, "10.0.0.7")
    for host in ("evilhooks.test", "sub.hooks.test", "hooks.test.evil"):
        assert isinstance(decide(f"http://{host}/", "hooks.test"), Outcome)
    assert resolver.asked == []


@pytest.mark.parametrize("host", ["hooks.test", "a..b"])
def test_an_allowed_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    Resolver(monkeypatch)
    found = decide(f"http://{host}/", host)
    assert isinstance(found, Outcome)
    assert str(found.problem).startswith(f"not sent: host {host} does not resolve: ")
    assert found.final == (host == "a..b")  # a name may be known later, this one never


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """A resolver that is slow until the test has ended, or opens it."""
    resolver = Resolver(monkeypatch, "10.0.0.7")
    resolver.open.clear()
    yield resolver
    resolver.open.set()


def test_slow_look_ups_keep_no_other_waiting(slow: Resolver) -> None:
    """However many there are: a name that resolves at once, an address, and localhost."""

    async def ask() -> list[Destination | Outcome]:
        look_ups = LookUps()
        names = [f"slow{number}.test" for number in range(40)]
        waiting = [asyncio.create_task(destination(f"http://{name}/", (name,), look_ups)) for name in names]
        await asyncio.sleep(0)
        quick = [("http://quick.test/", "quick.test"), ("http://10.0.0.8/", "10.0.0.8"), ("http://localhost/", "")]
        async with asyncio.timeout(PATIENCE):
            found = [await destination(url, (name,), look_ups) for url, name in quick]
        assert not any(task.done() for task in waiting)
        slow.open.set()
        await asyncio.gather(*waiting)
        return found

    assert asyncio.run(ask()) == [
        Destination("10.0.0.7", "quick.test", 80),
        Destination("10.0.0.8", "10.0.0.8", 80),
        Destination("127.0.0.1", "localhost", 80),
    ]


def test_a_name_that_is_being_looked_up_is_not_asked_for_again(slow: Resolver) -> None:
    """Concurrent look-ups share the result; a later one looks it up again."""

    async def ask() -> None:
        look_ups = LookUps()
        waiting = [
            asyncio.create_task(destination(f"http://slow.test:{port}/", ("slow.test",), look_ups))
            for port in range(1, 21)
        ]
        await asyncio.sleep(0)
        slow.open.set()
        found = await asyncio.gather(*waiting)
        assert found == [Destination("10.0.0.7", "slow.test", port) for port in range(1, 21)]
        await destination("http://slow.test/", ("slow.test",), look_ups)

    asyncio.run(ask())
    assert slow.asked == ["slow.test"] * 2


def test_a_look_up_has_a_deadline(slow: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry may help; and no thread prevents the loop from being closed."""
    monkeypatch.setattr(egress, "LOOK_UP_TIMEOUT", 0.02)
    expected = Outcome(None, "not sent: host slow.test does not resolve: the resolver did not respond within 0.02 s")
    assert decide("http://slow.test/", "slow.test") == expected
