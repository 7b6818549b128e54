"""The one form of an origin, and which requests can only read."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from pixazo_contracts.trace.target import Profile, canonical_origin, host_is_loopback, may_fetch, only_reads

HERE = "http://127.0.0.1:8900"
SUBMIT = "minimax-hailuo-ai/v1/generate"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8900",
        "HTTP://LOCALHOST:8900/",
        "http://localhost.:8900",
        "http://a.localhost:8900",
        "http://127.1:8900",
        "http://127.9.9.9:8900",
        "http://2130706433:8900",
        "http://0.0.0.0:8900",
        "http://[::1]:8900",
        "http://[0:0:0:0:0:0:0:1]:8900",
        "http://[::ffff:127.0.0.1]:8900",
    ],
)
def test_this_machine_has_one_origin(url: str) -> None:
    """Every name and address of loopback is one origin, and a target there costs nothing."""
    assert canonical_origin(url) == "http://127.0.0.1:8900"
    assert host_is_loopback(urlsplit(url).hostname)


@pytest.mark.parametrize("host", [None, "", "10.0.0.1", "localhost.example", "128.1", "2001:db8::1", "é" * 70])
def test_another_machine(host: str | None) -> None:
    """What may be elsewhere is never taken for this machine."""
    assert not host_is_loopback(host)


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("HTTPS://Gateway.Pixazo.AI.:443/v2", "https://gateway.pixazo.ai"),
        ("http://gateway.pixazo.ai:80", "http://gateway.pixazo.ai"),
        ("http://gateway.pixazo.ai:443", "http://gateway.pixazo.ai:443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8:0:0::1]", "https://[2001:db8::1]"),
        ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
    ],
)
def test_one_origin_has_one_form(url: str, known: str) -> None:
    """Letter case, a trailing dot, the default port and the form of an address do not make another origin."""
    assert canonical_origin(url) == known


@pytest.mark.parametrize("url", ["nowhere", "http://", "http://[::1", "http://host:99999", "http://host:x"])
def test_what_is_no_origin(url: str) -> None:
    """What names no host or no port is refused."""
    with pytest.raises(ValueError, match=r".+"):
        canonical_origin(url)


@pytest.mark.parametrize(
    "url",
    [
        f"{HERE}/v2/requests/status/x",
        f"{HERE}/v2/requests/status/x%2F..%2Fy",
        f"{HERE}/v2/requests/status/",
        "https://media.example/output.mp4",
    ],
)
def test_reads(url: str) -> None:
    """A status, and anything elsewhere, can be read for nothing."""
    assert only_reads("GET", url, HERE)
    assert only_reads("HEAD", url, HERE)
    assert not only_reads("POST", url, HERE)


@pytest.mark.parametrize(
    "url",
    [
        f"{HERE}/{SUBMIT}?prompt=boat",
        f"{HERE}/other-model/v1/imageToVideo/",
        f"http://LOCALHOST:8900/{SUBMIT}",
        f"https://elsewhere.example/{SUBMIT}",
        f"{HERE}/v2/requests/status/../../../{SUBMIT}",
        f"{HERE}/v2/requests/status/%2e%2e/%2e%2e/%2e%2e/{SUBMIT}",
        f"{HERE}/v2/requests/status/..%252f..%252f..%252f{SUBMIT}",
        f"{HERE}/v2/requests/status/..;a/..;a/..;a/{SUBMIT}",
        f"{HERE}/v2/requests/status/..\\..\\..\\{SUBMIT}",
        f"{HERE}//{SUBMIT.upper()}",
        f"{HERE}/%2525252525252567enerate",
        "http://[::1/",
    ],
)
def test_what_may_be_a_submit(url: str) -> None:
    """A path that any gateway might take for a submit is never free, however it is hidden, not even as a download."""
    assert not only_reads("GET", url, HERE)
    assert not only_reads("GET", url, HERE, media=True)


def test_other_paths_of_the_target() -> None:
    """At the target anything but a status costs, unless it is a medium."""
    assert not only_reads("GET", f"{HERE}/media/x.mp4", HERE)
    assert not only_reads("GET", "http://localhost:8900/media/x.mp4", HERE)
    assert only_reads("GET", f"{HERE}/media/x.mp4", HERE, media=True)


@pytest.mark.parametrize(
    ("origin", "url", "allowed"),
    [
        (HERE, "http://localhost:9/a.mp4", True),
        (HERE, "https://cdn.example/a.mp4", False),
        (HERE, "http://media.example/a.mp4", True),
        ("http://fake.example", "https://cdn.example/a.mp4", True),
        ("http://fake.example", "http://cdn.example/a.mp4", False),
        ("http://fake.example", "http://media.example/a.mp4", True),
        ("http://fake.example", "ftp://media.example/a.mp4", False),
    ],
)
def test_media_are_fetched_where_the_profile_allows_it(origin: str, url: str, allowed: bool) -> None:
    """What it lists, by http too; besides, from this machine only this one, from elsewhere what is https."""
    assert may_fetch(Profile(origin=origin, media_hosts=("media.example",)), url) is allowed
