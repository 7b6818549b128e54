"""Clients are created and closed."""

from __future__ import annotations

import copy
import pickle
import re
import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from tests.client.scripted_gateway import ACCEPTED, COMPLETED, ID, QUEUED, Failure, Reply, ScriptedGateway

from pixazo_client import AsyncPixazoClient, Generation, PixazoClient, PixazoError
from pixazo_client._transport import finish


def test_settings_come_from_the_environment(gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIXAZO_API_KEY and PIXAZO_BASE_URL apply unless arguments are passed."""
    monkeypatch.setenv("PIXAZO_API_KEY", "from-environment")
    monkeypatch.setenv("PIXAZO_BASE_URL", "http://127.0.0.1:8900/")
    gateway.reply(QUEUED)
    gateway.run(gateway.client(api_key=None, base_url=None).retrieve(ID))
    gateway.run(gateway.client().retrieve(ID))
    assert [(one.url.partition("/v2")[0], one.headers["ocp-apim-subscription-key"]) for one in gateway.requests] == [
        ("http://127.0.0.1:8900", "from-environment"),
        ("https://gateway.test", "canary-5f1d"),
    ]


def test_the_default_gateway_is_the_vendors(gateway: ScriptedGateway) -> None:
    """The page names it under Base URL."""
    assert gateway.client(base_url=None).get_handle("x").polling_url == "https://gateway.pixazo.ai/v2/requests/status/x"


def test_a_base_url_may_have_a_path(gateway: ScriptedGateway) -> None:
    """A gateway may be behind a prefix."""
    gateway.reply(Reply(202, {"request_id": "x"}))
    handle = gateway.run(gateway.client(base_url="https://proxy.test/pixazo/").generate("A bear"))
    assert gateway.requests[0].url == "https://proxy.test/pixazo/minimax-hailuo-ai/v1/generate"
    assert handle.polling_url == "https://proxy.test/pixazo/v2/requests/status/x"


@pytest.mark.parametrize(("given", "environment"), [(None, None), (None, ""), ("", "from-environment")])
def test_a_missing_key_is_an_error_with_a_remedy(
    gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str | None
) -> None:
    """At construction. An unset secret of a CI job is empty. An empty argument is not replaced by another account's key."""
    if environment is not None:
        monkeypatch.setenv("PIXAZO_API_KEY", environment)
    with pytest.raises(PixazoError, match="no API key: pass api_key= or set PIXAZO_API_KEY"):
        gateway.client(api_key=given)


@pytest.mark.parametrize(
    ("given", "environment", "problem"),
    [
        (None, "", "PIXAZO_BASE_URL is empty: give http(s)://host[:port], or leave it unset to call https://gateway"),
        ("", "", "base_url is empty: give "),
        ("", "http://127.0.0.1:8900", "base_url is empty: give "),
        (None, "gateway.test", "PIXAZO_BASE_URL 'gateway.test' is not usable: give "),
    ],
)
def test_an_unusable_base_url_does_not_become_the_paid_gateway(
    gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str, problem: str
) -> None:
    """An unset secret of a CI job must not spend money. The message names the variable."""
    monkeypatch.setenv("PIXAZO_BASE_URL", environment)
    with pytest.raises(PixazoError, match=f"^{re.escape(problem)}"):
        gateway.client(base_url=given)


@pytest.mark.parametrize("key", ["secret\n", "sec ret", "sécret", "\x00secret"])
def test_a_key_no_header_can_carry_is_refused_unshown(gateway: ScriptedGateway, key: str) -> None:
    """The usual mistake is the last line break of a file. The message does not show the key."""
    with pytest.raises(PixazoError, match="strip or copy it again") as caught:
        gateway.client(api_key=key)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "gateway.pixazo.ai",
        "ftp://a.test",
        "https://",
        "https://a.test?x=secret",
        "https://a.test#secret",
        "https://user:secret@a.test",
        "https://a.test:port",
        "https://[::1",
        "https://a.te\nst",
        "https://a b.test",
        "https://gateway..pixazo.ai",
    ],
)
def test_a_base_url_that_cannot_work_is_refused(gateway: ScriptedGateway, base_url: str) -> None:
    """The message has the form of a usable one, and no password."""
    with pytest.raises(PixazoError, match=r"is not usable: give http\(s\)://host\[:port\]") as caught:
        gateway.client(base_url=base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "base_url"])
def test_a_setting_of_another_type_is_refused(gateway: ScriptedGateway, name: str) -> None:
    """Such as bytes, or a URL object of the HTTP library."""
    with pytest.raises(PixazoError, match=f"^{name} is of type bytes: give text$"):
        gateway.client(**{name: b"http://a.test"})


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.deepcopy])
def test_a_client_is_not_duplicated(gateway: ScriptedGateway, duplicate: Callable[[object], object]) -> None:
    """Nor a handle, which has its client: the key and open connections would be in it."""
    for each in (gateway.client(), gateway.client().get_handle(ID)):
        with pytest.raises(TypeError, match=r"make one in each process, and get_handle\(request_id\) there$"):
            duplicate(each)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        *(("max_retries", value, "a whole number, 0 or more") for value in (-1, None, "2", 2.5, float("inf"))),
        *(("polling", value, "a Polling") for value in (None, 5)),
    ],
)
def test_an_invalid_setting_is_refused(gateway: ScriptedGateway, name: str, value: Any, remedy: str) -> None:
    """Before a submission is paid for, after which it would be used."""
    with pytest.raises(ValueError, match=f"^{name} is {value!r}: give {remedy}$"):
        gateway.client(**{name: value})


@pytest.mark.parametrize("lent", [True, False])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1, "-1"),
        (0, "0"),
        (0.0, "0.0"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1e300, "1e+300"),
        ("5", "'5'"),
        ((5, 30, 30), "(5, 30, 30)"),
        ((5, 30, 30, -1), "(5, 30, 30, -1)"),
        ((5, 30, 30, "1"), "(5, 30, 30, '1')"),
    ],
)
def test_an_invalid_timeout_is_refused(gateway: ScriptedGateway, value: Any, shown: str, lent: bool) -> None:
    """At construction: a socket would refuse it only when a submission is under way."""
    settings = {} if lent else {"http_client": None}
    with pytest.raises(ValueError, match=r"^timeout is ") as caught:
        gateway.client(timeout=value, **settings)
    assert str(caught.value) == (
        f"timeout is {shown}: give seconds above 0 and at most 2000000, or four such in a tuple, "
        "where None means no limit"
    )


@pytest.mark.parametrize("value", [2_000_000, (1, 2, 3.5, None)])
def test_the_longest_timeout_is_accepted(gateway: ScriptedGateway, value: Any) -> None:
    """The limit is inclusive."""
    gateway.reply(QUEUED)
    assert gateway.run(gateway.client(timeout=value).retrieve(ID)).status == "QUEUED"


def test_an_http_client_of_another_library_or_kind_is_refused(gateway: ScriptedGateway) -> None:
    """At construction, not when a submission may have been charged; the message names the class that is wanted."""
    kind, other = ("AsyncClient", "Client") if gateway.backend else ("Client", "AsyncClient")
    for client in (object(), "httpx", httpx2.HTTPTransport(), getattr(gateway.library, other)()):
        message = f"http_client is of type {type(client).__name__}: give an httpx2.{kind} or httpx.{kind}"
        with pytest.raises(PixazoError, match=f"^{message}$"):
            gateway.client(http_client=client)


def test_a_subclass_raises_its_librarys_exceptions() -> None:
    """Users derive their own clients."""

    class OwnClient(httpx.Client):
        pass

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    client = PixazoClient(api_key="k", http_client=OwnClient(transport=httpx.MockTransport(fail)), max_retries=0)
    with pytest.raises(PixazoError, match="ReadTimeout: late"):
        client.retrieve(ID)


def test_only_our_own_http_client_is_closed() -> None:
    """A client that was passed in stays open."""
    with httpx2.Client() as mine:
        with PixazoClient(api_key="k", http_client=mine) as client:
            assert isinstance(client, PixazoClient)
        client.close()
        assert not mine.is_closed
    with PixazoClient(api_key="k") as client:
        own = finish(_pool_of(client).take())
        assert not own.is_closed
    assert own.is_closed


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_only_our_own_asynchronous_client_is_closed(backend: str) -> None:
    """A client that was passed in stays open."""

    async def main() -> None:
        async with httpx2.AsyncClient() as mine:
            async with AsyncPixazoClient(api_key="k", http_client=mine) as client:
                assert isinstance(client, AsyncPixazoClient)
            await client.aclose()
            assert not mine.is_closed
        async with AsyncPixazoClient(api_key="k") as client:
            own = await _pool_of(client).take()
            assert not own.is_closed
        assert own.is_closed

    anyio.run(main, backend=backend)


def _pool_of(client: object) -> Any:
    session: Any = vars(client)["_session"]
    return session.transport.io.pool


def test_a_closed_client_sends_nothing(gateway: ScriptedGateway) -> None:
    """The error is raised before anything is sent, whoever made the HTTP client."""
    mine = gateway.http()
    lent: Any = gateway.client(http_client=mine)
    own: Any = gateway.client(http_client=None)

    async def close_all() -> None:
        await mine.aclose()
        await own.aclose()

    if gateway.backend:
        anyio.run(close_all, backend=gateway.backend)
    else:
        mine.close()
        own.close()
    with pytest.raises(PixazoError, match="http_client is closed, nothing was sent: pass an open one"):
        gateway.run(lent.generate("A bear"))
    with pytest.raises(PixazoError, match="the client is closed, nothing was sent: make another"):
        gateway.run(own.generate("A bear"))


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        (None, None, {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 10.0}),
        (None, 3.0, {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 3.0}),
        (9.0, None, {"connect": 9.0, "read": 9.0, "write": 9.0, "pool": 9.0}),
        (9.0, (1.0, 2.0, None, 4.0), {"connect": 1.0, "read": 2.0, "write": None, "pool": 4.0}),
    ],
)
def test_timeouts_are_ours_the_clients_or_the_callers(
    monkeypatch: pytest.MonkeyPatch, own: float | None, given: Any, expected: dict[str, float | None]
) -> None:
    """The defaults, a number for all phases, those of the user's client, or a tuple."""
    seen: list[object] = []

    def handle(_self: object, request: httpx2.Request) -> httpx2.Response:
        seen.append(request.extensions["timeout"])
        return httpx2.Response(200, json=QUEUED)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    http = None if own is None else httpx2.Client(timeout=own)
    with PixazoClient(api_key="k", http_client=http, timeout=given) as client:
        client.retrieve(ID)
    assert seen == [expected]


def test_time_sleep_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up at each call, so that a test may replace time.sleep after the client was made."""
    gateway = ScriptedGateway("httpx2")
    client = gateway.client(sleep=None, monotonic=None)
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    gateway.reply(Failure("ReadError"), QUEUED, COMPLETED)
    assert client.get_handle(ID).wait().succeeded
    assert paused == [7.5, 7.5]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_sleep_is_the_asynchronous_default(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """It is looked up at each call."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    client = gateway.client(sleep=None, monotonic=None)
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    gateway.reply(QUEUED, COMPLETED)
    assert gateway.run(client.get_handle(ID).wait()).succeeded
    assert paused == [7.5]


def test_one_client_serves_many_waits_at_once() -> None:
    """Two interleaved waits of one asynchronous client do not share their state."""
    gateway = ScriptedGateway("httpx2-asyncio")
    client: Any = gateway.client()
    gateway.reply(Reply(202, ACCEPTED), QUEUED, QUEUED, COMPLETED)

    async def main() -> list[str]:
        handle = await client.generate("A bear")
        ended: list[Generation] = []

        async def wait() -> None:
            ended.append(await handle.wait())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
        return [one.status for one in ended]

    assert anyio.run(main) == ["COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_updates_may_be_left_early(backend: str) -> None:
    """Breaking out of the loop leaves no warning."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    handle: Any = gateway.submit()
    gateway.reply(QUEUED)

    async def main() -> str:
        async for update in handle.iter_updates():
            return str(update.status)
        return "nothing"

    assert anyio.run(main, backend=backend) == "QUEUED"
