"""One client on several event loops, in several threads and processes uses no connection that was opened elsewhere."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import anyio
import certifi
import httpx
import httpx2
import pytest
import respx
from tests.client.scripted_gateway import ID, KEY, QUEUED, STATUS_URL

from pixazo_client import APIConnectionError, AsyncPixazoClient, PixazoClient, PixazoError
from pixazo_client._connections import tls_context
from pixazo_simulator import Settings, Simulator


@pytest.fixture(scope="module")
def sim() -> Generator[Simulator]:
    """A simulator."""
    with Simulator(Settings()) as simulator:
        yield simulator


def accepted(sim: Simulator) -> int:
    """How many submissions it has accepted so far."""
    return len(sim.control().generations().generations)


def ours(sim: Simulator) -> AsyncPixazoClient:
    """A client that opens its own connections."""
    return AsyncPixazoClient(base_url=sim.url, api_key=sim.api_key)


def pools(client: AsyncPixazoClient) -> dict[Any, Any]:
    """Its HTTP clients, by process and event loop."""
    session: Any = vars(client)["_session"]
    clients: dict[Any, Any] = session.transport.io.pool._clients
    return clients


@pytest.mark.parametrize("backends", [("asyncio", "asyncio"), ("trio", "trio"), ("asyncio", "trio", "asyncio")])
def test_a_client_works_on_one_loop_after_another(sim: Simulator, backends: tuple[str, ...]) -> None:
    """As Celery tasks and notebooks do. Each loop closes its connections and leaves nothing behind."""
    client = ours(sim)
    before = accepted(sim)
    for backend in backends:
        handle: Any = anyio.run(client.generate, "A bear", backend=backend)
        assert handle.request_id.startswith("minimax-hailuo-ai_")
        assert pools(client) == {}
    gc.collect()  # a connection left open would warn now, and warnings are errors
    assert accepted(sim) - before == len(backends)


def test_connections_are_kept_within_a_loop(sim: Simulator) -> None:
    """A second call on the same loop opens no second pool."""
    client = ours(sim)

    async def main() -> None:
        await client.generate("A bear")
        first = dict(pools(client))
        await client.generate("A bear")
        assert pools(client) == first
        assert len(first) == 1

    asyncio.run(main())


def test_loops_of_several_threads_at_once(sim: Simulator) -> None:
    """Each opens its own connections, while those of the others are open."""
    client = ours(sim)
    together = threading.Barrier(3, timeout=20)
    ids: list[str] = []

    async def main() -> None:
        for _ in range(3):
            await anyio.to_thread.run_sync(together.wait)
            ids.append((await client.generate("A bear")).request_id)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 9


def test_the_client_of_a_loop_that_was_only_closed_is_forgotten(sim: Simulator) -> None:
    """`loop.close()` alone leaves its connections to the garbage collector; the next loop removes them from the pool."""
    client = ours(sim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(client.generate("A bear"))
            loop.close()
            assert len(pools(client)) == 1
        asyncio.run(client.generate("A bear"))
        assert pools(client) == {}
        gc.collect()


def test_closing_ends_the_pools_of_all_loops(sim: Simulator) -> None:
    """The connections of this loop are closed at once, those of another thread's loop there."""
    client = ours(sim)
    used, closed = threading.Event(), threading.Event()
    http: list[Any] = []

    async def elsewhere() -> None:
        await client.generate("A bear")
        http.extend(kept.client for kept in pools(client).values())
        used.set()
        await anyio.to_thread.run_sync(closed.wait, 20)
        while not http[0].is_closed:  # noqa: ASYNC110  # the loop closes it in a task of its own
            await asyncio.sleep(0)

    async def here() -> None:
        await client.generate("A bear")
        await client.aclose()

    thread = threading.Thread(target=asyncio.run, args=(asyncio.wait_for(elsewhere(), 20),))
    thread.start()
    assert used.wait(20)
    asyncio.run(here())
    assert pools(client) == {}
    closed.set()
    thread.join()
    assert http[0].is_closed


@pytest.mark.slow
@pytest.mark.parametrize("library", [httpx2, httpx])
def test_a_client_of_the_users_is_refused_on_a_second_loop(sim: Simulator, library: Any) -> None:
    """Before anything is sent and with the remedy: its connections belong to another loop."""
    client = AsyncPixazoClient(base_url=sim.url, api_key=sim.api_key, http_client=library.AsyncClient())
    before = accepted(sim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the user's client cannot be closed any more
        asyncio.run(client.generate("A bear"))
        with pytest.raises(PixazoError) as caught:
            asyncio.run(client.generate("A bear"))
        message = str(caught.value)
        del client, caught
        gc.collect()
    assert message == (
        "http_client has connections of another event loop, nothing was sent: "
        "make one in each event loop, or pass none and the client does"
    )
    assert accepted(sim) - before == 1


def test_a_client_that_keeps_no_connection_may_be_used_anywhere(sim: Simulator) -> None:
    """Nothing of the first loop is left in it, as in the client of the pytest fixture."""
    limits = httpx2.Limits(max_keepalive_connections=0)
    client = AsyncPixazoClient(
        base_url=sim.url, api_key=sim.api_key, http_client=httpx2.AsyncClient(limits=limits, trust_env=False)
    )
    for backend in ("asyncio", "trio", "asyncio"):
        anyio.run(client.generate, "A bear", backend=backend)


def _mocked() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=QUEUED)))


def _application() -> httpx.AsyncClient:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": httpx.Response(200, json=QUEUED).content})

    return httpx.AsyncClient(transport=httpx.ASGITransport(app))


@pytest.mark.parametrize("make", [_mocked, _application, httpx.AsyncClient], ids=["mock", "asgi", "respx"])
def test_mocks_may_be_used_anywhere(make: Callable[[], httpx.AsyncClient]) -> None:
    """A test suite may use one client on the loops of many tests; mocks have no connections."""
    client = AsyncPixazoClient(api_key=KEY, base_url="https://gateway.test", http_client=make())
    with respx.mock(assert_all_called=False) as router:
        router.get(STATUS_URL).respond(json=QUEUED)
        for backend in ("asyncio", "asyncio", "trio"):
            generation: Any = anyio.run(client.retrieve, ID, backend=backend)
            assert generation.status == "QUEUED"


ACROSS_FORK = """
import json, multiprocessing, os, sys, threading, warnings
import httpx2
from pixazo_client import PixazoClient, PixazoError
from pixazo_simulator import Settings, Simulator

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 advises against forking with threads
together = multiprocessing.get_context("fork").Barrier(4)


def in_child(work):
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            result = work()
        except BaseException as error:
            result = [f"{type(error).__name__}: {error}"]
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    return reading


def result(reading):
    with os.fdopen(reading) as pipe:
        return json.loads(pipe.read())


def submit(client, name):
    pairs = []
    for n in range(8):
        together.wait(20)
        pairs.append([f"{name}-{n}", client.generate(f"{name}-{n}").request_id])
    return pairs


def submit_everywhere(client):
    children = [in_child(lambda name=name: submit(client, name)) for name in ("a", "b", "c")]
    pairs = submit(client, "parent") + [pair for child in children for pair in result(child)]
    exchanges = sim.control().journal(limit=1000).exchanges
    truth = {
        one.request.body["prompt"]: one.response.body["request_id"]
        for one in exchanges
        if "prompt" in (one.request.body or {})
    }
    print(len(pairs), all(truth[prompt] == request_id for prompt, request_id in pairs))


def keep_reading(client, request_id, ended):
    while not ended.is_set():
        client.retrieve(request_id)


with Simulator(Settings()) as sim:
    http = httpx2.Client() if sys.argv[1] == "lent" else None
    client = PixazoClient(base_url=sim.url, api_key=sim.api_key, http_client=http, timeout=60)
    if sys.argv[1] == "lent":
        unused = result(in_child(lambda: [client.generate("A bear").request_id[:16]]))
        client.generate("A bear")
        refused = result(in_child(lambda: [client.generate("A bear").request_id]))
        print(unused, refused, len(sim.control().generations().generations))
    elif sys.argv[1] == "idle":
        client.generate("warm")
        submit_everywhere(client)
    else:
        ended = threading.Event()
        request_id = client.generate("warm").request_id
        threads = [threading.Thread(target=keep_reading, args=(client, request_id, ended)) for _ in range(2)]
        for thread in threads:
            thread.start()
        submit_everywhere(client)
        ended.set()
        for thread in threads:
            thread.join()
"""


def _across_fork(whose: str) -> str:
    command = [sys.executable, "-c", ACROSS_FORK, whose]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ended.stderr == ""
    return ended.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_client_inherited_over_fork_has_connections_of_its_own(state: str) -> None:
    """Parent and children get the ids of their own submissions, as under gunicorn --preload and Celery.

    Its connections are idle, or in use by other threads that hold its locks.
    """
    assert _across_fork(state) == "32 True"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_used_client_of_the_users_is_refused_over_fork() -> None:
    """An unused one may be inherited; once it has connections, a child sends nothing."""
    assert _across_fork("lent") == (
        "['minimax-hailuo-a'] ['PixazoError: http_client has connections of another process, nothing was sent: "
        "make one in each process, or pass none and the client does'] 2"
    )


def test_certificates_are_read_once_until_the_environment_names_others(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A client trusts the authorities of the file that SSL_CERT_FILE named when it was made, as that file was then."""
    listener = sim.control().open_tls_listener(["localhost"])
    here: dict[str, Any] = {"base_url": f"https://localhost:{listener.port}", "api_key": sim.api_key, "max_retries": 0}
    shutil.copyfile(certifi.where(), file := tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with PixazoClient(**here) as stranger:
        assert tls_context() is tls_context()
        file.write_text(listener.ca_pem, encoding="utf-8")
        os.utime(file, ns=(0, 0))  # another time of the clock of files, however coarse it is
        with PixazoClient(**here) as trusting:
            assert trusting.generate("A bear").status().status == "QUEUED"
        monkeypatch.delenv("SSL_CERT_FILE")
        for client in (stranger, PixazoClient(**here)):
            with client, pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                client.generate("A bear")


def test_certificates_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that is wrong."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(PixazoError, match=r"TLS cannot be set up: .*: look at SSL_CERT_FILE=/nowhere/ca\.pem"):
        PixazoClient(api_key="k")
