"""In-process delivery to an app, whatever loop, thread or framework it uses."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
import trio
import uvicorn
from anyio.from_thread import start_blocking_portal
from fastapi import BackgroundTasks, FastAPI, Request, Response
from starlette.testclient import TestClient
from tests.patience import PATIENCE
from tests.pytest_pixazo.submitting import statuses, submit

from pixazo_simulator import ControlClient, Event
from pixazo_simulator.webhooks import compose
from pytest_pixazo.webhooks import Callback, Inbox, InboxError, event_loops
from pytest_pixazo.webhooks import inbox as inbox_module

PATH = "/hooks/pixazo"


def answered(world: ControlClient, url: str) -> list[int | str | None]:
    """The statuses of the callbacks of a generation to this URL."""
    submit(world, url)
    return statuses(world.advance(15))


class Wsgi:
    """A WSGI app that refuses the first callback and takes the others."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Wsgi:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.seen.append((environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"], environ["CONTENT_TYPE"], body))
        start_response("503 Not yet" if len(self.seen) == 1 else "200 OK", [("X-Seen", "yes")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield b"done"

    def close(self) -> None:
        """Called after each response, as WSGI demands."""
        self.closed += 1


def fastapi() -> FastAPI:
    """An app that records the callbacks, and the threads in which it starts and answers."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        app.state.events = ["started"]
        yield {"home": threading.get_ident()}
        app.state.events.append("stopped")

    app = FastAPI(lifespan=lifespan)

    @app.post(PATH)
    async def hook(request: Request, later: BackgroundTasks) -> Response:
        callback = await request.json()
        app.state.thread = threading.get_ident()
        app.state.home = getattr(request.state, "home", None)
        later.add_task(app.state.events.append, f"after {callback['status']}")
        app.state.events.append(callback["status"])
        return Response(status_code=202)

    return app


def test_a_synchronous_test_and_a_wsgi_app(world: ControlClient, inbox: Inbox) -> None:
    """The app is called with the raw body; its 503 causes a retry, its 200 does not."""
    app = Wsgi()
    inbox.deliver_to(app, PATH)
    assert answered(world, inbox.url) == [503]
    assert statuses(world.advance(3600)) == [200]
    assert [(line, kind) for line, kind, _ in app.seen] == [("POST " + PATH, "application/json")] * 2
    assert [body for _, _, body in app.seen] == [callback.body for callback in inbox.received]
    assert app.closed == 2


def test_a_synchronous_test_and_an_asgi_app(world: ControlClient) -> None:
    """The app gets a loop of its own and its lifespan; background tasks are done when the clock has advanced."""
    app = fastapi()
    with Inbox(world) as inbox:
        inbox.deliver_to(app, PATH)
        assert answered(world, inbox.url) == [202]
        assert app.state.events == ["started", "COMPLETED", "after COMPLETED"]
        assert app.state.home == app.state.thread != threading.get_ident()
    assert app.state.events[-1] == "stopped"


def test_a_synchronous_test_and_its_test_client(world: ControlClient, inbox: Inbox) -> None:
    """The client calls the app on the loop on which it started the app."""
    app = fastapi()
    with TestClient(app) as client:
        inbox.deliver_to(client, PATH)
        assert answered(world, inbox.url) == [202]
    assert app.state.events == ["started", "COMPLETED", "after COMPLETED", "stopped"]


async def submit_and_advance(world: ControlClient, inbox: Inbox) -> list[Event]:
    """Submit, and advance the clock in a thread."""
    await anyio.to_thread.run_sync(submit, world, inbox.url)
    return await anyio.to_thread.run_sync(world.advance, 15)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_test_and_an_asgi_app_on_its_loop(backend: str, world: ControlClient) -> None:
    """Within a running loop the app answers on that loop, and its lifespan is not run."""
    app = fastapi()

    async def body() -> None:
        app.state.events = []
        with Inbox(world) as inbox:
            inbox.deliver_to(app, PATH)
            assert statuses(await submit_and_advance(world, inbox)) == [202]
            assert app.state.thread == threading.get_ident()
            assert [callback.status for callback in inbox.wait(1, timeout=0)] == ["COMPLETED"]

    anyio.run(body, backend=backend)
    assert app.state.events == ["COMPLETED", "after COMPLETED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_test_that_blocks_and_an_app_apart(backend: str, world: ControlClient) -> None:
    """An app on a loop of its own answers while the test blocks its loop by advancing the clock."""
    app = fastapi()

    async def body() -> None:
        with Inbox(world) as inbox:
            inbox.deliver_to(app, PATH, own_loop=True)
            assert answered(world, inbox.url) == [202]

    anyio.run(body, backend=backend)
    assert app.state.events == ["started", "COMPLETED", "after COMPLETED", "stopped"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_blocked_loop_is_reported_with_the_remedies(
    backend: str, world: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Advancing on the app's own loop does not deadlock: the dispatcher gets a 503, and the error on leaving names the remedies."""
    monkeypatch.setattr(event_loops, "PATIENCE", 0.05)
    seen: list[int | str | None] = []

    async def body() -> None:
        with Inbox(world) as inbox:
            inbox.deliver_to(fastapi(), PATH)
            submit(world, inbox.url)
            seen.extend(statuses(world.advance(15)))

    with pytest.raises(InboxError) as caught:
        anyio.run(body, backend=backend)
    assert seen == [503]
    assert str(caught.value) == (
        "the test's event loop is blocked, so the app on it cannot respond: advance the clock in a thread, as with"
        " `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`, or give the app a loop of its own with"
        " `deliver_to(app, own_loop=True)`"
    )


def test_a_loop_that_the_app_blocks_behind_its_client_is_reported_with_the_remedies(
    world: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An `async def` endpoint that waits for its own callback: the dispatcher gets a 503, and nothing hangs."""
    monkeypatch.setattr(event_loops, "PATIENCE", 0.05)
    app = fastapi()

    @app.post("/videos")
    async def make() -> list[int | str | None]:
        return answered(world, inbox.url)

    inbox = Inbox(world)
    with TestClient(app) as client:
        inbox.deliver_to(client, PATH)
        assert client.post("/videos").json() == [503]
    expected = "the event loop of the app behind the test client is blocked, so the app cannot respond: "
    assert str(inbox.received[0].problem).startswith(expected)
    with pytest.raises(InboxError, match=rf"{expected}.* declare it with `def`, or wait in a thread"):
        inbox.close()


@pytest.mark.slow
@pytest.mark.parametrize("is_async", [True, False])
def test_a_receiver_that_never_answers_is_reported_and_its_client_can_be_left(
    world: ControlClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    """A warning names the route and the remedy while the advance lasts; leaving the client is an error instead of a wait for ever."""
    monkeypatch.setattr(inbox_module, "HINT_AFTER", 0.05)
    monkeypatch.setattr(event_loops, "STOP_DEADLINE", 0.05)
    monkeypatch.setattr(compose, "LEAST_TIMEOUT", 0.5)
    app, begun, never = FastAPI(), threading.Event(), threading.Event()

    def synchronous() -> None:
        begun.set()
        never.wait()

    async def asynchronous() -> None:
        synchronous()

    def function(_: object) -> None:
        """It comes too late to hide what the app has not answered."""

    app.post(PATH)(asynchronous if is_async else synchronous)
    inbox = Inbox(world)
    client = TestClient(app).__enter__()
    inbox.deliver_to(client, PATH)
    assert answered(world, inbox.url) == [None]
    assert begun.wait(PATIENCE)  # on a busy machine perhaps later than the gateway gave up
    with pytest.raises(InboxError, match="the test client was closed while its app was still handling a callback"):
        client.__exit__()
    hint = f"POST {PATH} of {app!r} has not responded within 0.05 s, and the gateway gives up after 5 s on a manual clock: if the receiver"
    assert inbox.problems[0].startswith(hint)
    assert [each for each in caplog.messages if each.startswith(hint)]
    inbox.deliver_to(function)
    with pytest.raises(InboxError, match=r"has not responded within 0\.05 s"):
        inbox.close()
    never.set()


@pytest.mark.slow
def test_a_function_may_block_for_ever(world: ControlClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a test of what comes too late has it: that is told, and no error, whatever answers afterwards."""
    monkeypatch.setattr(inbox_module, "HINT_AFTER", 0.05)
    monkeypatch.setattr(compose, "LEAST_TIMEOUT", 0.5)
    never = threading.Event()

    def function(_: object) -> None:
        never.wait()

    with Inbox(world) as inbox:
        inbox.deliver_to(function)
        assert answered(world, inbox.url) == [None]
        inbox.reply(204)
        assert "has not responded within 0.05 s" in inbox.problems[0]
    never.set()


def test_a_receiver_that_exits_is_not_late(inbox: Inbox) -> None:
    """Nothing waits any more for its answer."""

    def exiting(_environ: object, _start: object) -> list[bytes]:
        sys.exit(3)

    inbox.deliver_to(exiting, PATH)
    with contextlib.suppress(httpx2.HTTPError):
        httpx2.post(inbox.url, json={})
    timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    # One that was cancelled may be about to end.
    assert [each.name for each in timers if not each.finished.is_set()] == []


def test_a_receiver_that_answers_while_its_timer_fires_is_not_late(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has answered is no problem of the inbox for ever."""
    timers: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        timers.append(timer)

    monkeypatch.setattr(threading.Timer, "start", start)
    inbox.deliver_to(Wsgi(), PATH)
    assert httpx2.post(inbox.url, json={}).status_code == 503
    timers[0].function()
    assert inbox.problems == []


@pytest.mark.parametrize("is_function", [False, True])
def test_a_receiver_that_is_late_tells_so(
    world: ControlClient, monkeypatch: pytest.MonkeyPatch, *, is_function: bool
) -> None:
    """Once it has answered, only its callback has the problem."""
    monkeypatch.setattr(inbox_module, "HINT_AFTER", 0.01)
    told = threading.Event()

    def tell(*_: object) -> None:
        told.set()

    monkeypatch.setattr(inbox_module.log, "warning", tell)

    def function(_: object) -> int:
        return 200 if told.wait(PATIENCE) else 500

    def app(_: object, start_response: Callable[..., Any]) -> list[bytes]:
        start_response(f"{function(_)} OK", [])
        return []

    with Inbox(world) as inbox:
        inbox.deliver_to(function if is_function else app, PATH)
        assert answered(world, inbox.url) == [200]
        assert "has not responded within 0.01 s" in str(inbox.received[0].problem)


@pytest.mark.parametrize(
    ("route", "below", "target"),
    [
        ("/hooks", "?order=7", "/hooks?order=7"),
        ("/hooks/", "/orders/7?a=%20b", "/hooks/orders/7?a=%20b"),
        ("/", "//hooks//x", "//hooks//x"),
        ("/hooks?token=t", "/x?a=b", "/hooks/x?token=t&a=b"),
    ],
)
@pytest.mark.parametrize("kind", ["ASGI", "client", "WSGI", "function"])
def test_what_follows_the_url_of_the_inbox_reaches_the_app(
    world: ControlClient, inbox: Inbox, kind: str, route: str, below: str, target: str
) -> None:
    """Behind the route that `deliver_to` was given, with its query."""
    seen: list[str] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            query = scope["query_string"].decode()
            seen.append(scope["raw_path"].decode().partition("?")[0] + (f"?{query}" if query else ""))
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""))
        start_response("204 No Content", [])
        return []

    def function(callback: Callback) -> None:
        seen.append(callback.url)

    receivers: dict[str, object] = {"ASGI": asgi, "client": TestClient(asgi), "WSGI": wsgi, "function": function}
    inbox.deliver_to(receivers[kind], route)
    answered(world, inbox.url + below)
    assert seen == [target if kind != "function" else inbox.url + below]


def test_a_path_beyond_ascii_reaches_a_wsgi_app(world: ControlClient, inbox: Inbox) -> None:
    """As PEP 3333 has it: bytes of UTF-8, each as a character."""
    app = Wsgi()
    inbox.deliver_to(app, "/hooks")
    answered(world, f"{inbox.url}/b%C3%A4r")
    assert [line for line, _, _ in app.seen] == ["POST /hooks/bär".encode().decode("latin-1")]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_waiting_on_the_loop_of_the_app_is_refused(backend: str) -> None:
    """The wait could not succeed: it is refused at once."""

    async def body() -> None:
        with Inbox() as inbox:
            inbox.deliver_to(fastapi(), PATH)
            with pytest.raises(InboxError, match=r"await anyio.to_thread.run_sync\(inbox.wait, 1\)"):
                inbox.wait()

    anyio.run(body, backend=backend)


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_a_loop_that_has_ended_is_reported(run: Callable[..., object], world: ControlClient) -> None:
    """A callback after the end of the test's loop is an error with the reason."""
    inbox = Inbox(world)

    async def body() -> None:
        inbox.deliver_to(fastapi(), PATH)

    run(body() if run is asyncio.run else body)
    assert answered(world, inbox.url) == [503]
    with pytest.raises(InboxError, match="the test's event loop ended before the app responded"):
        inbox.close()


def test_a_callback_under_way_ends_with_the_inbox(world: ControlClient) -> None:
    """An app that never answers is cancelled when the inbox closes, and its lifespan still ends in order."""
    received: list[str] = []
    reached = threading.Event()

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            received.append((await receive())["type"])
            return
        reached.set()
        try:
            await anyio.sleep_forever()
        finally:
            received.append("cancelled")

    inbox = Inbox()
    inbox.deliver_to(app)
    submit(world, inbox.url)
    advancing = threading.Thread(target=world.advance, args=(15,))
    advancing.start()
    assert reached.wait(PATIENCE)
    with pytest.raises(InboxError, match="closed before the app responded"):
        inbox.close()
    advancing.join(PATIENCE)
    assert received == ["cancelled", "lifespan.shutdown"]


def test_no_callback_starts_once_the_inbox_is_closed() -> None:
    """A late request is refused, and does not reach a loop that is never ended."""
    own = event_loops.OwnLoop(contextlib.nullcontext)
    own.close()
    with pytest.raises(event_loops.EventLoopError, match="closed before the app responded"):
        own.run(anyio.lowlevel.checkpoint)


def test_the_gateway_may_give_up_before_the_app_responds(
    world: ControlClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that is slower than the gateway's time-out has handled the callback, and gets it again: the classic duplicate."""
    slow, handled = threading.Event(), threading.Semaphore(0)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        slow.wait(PATIENCE)
        start_response("200 OK", [])
        handled.release()
        return []

    inbox.deliver_to(app, PATH)
    submit(world, inbox.url)
    with monkeypatch.context() as impatient:
        impatient.setattr(compose, "LEAST_TIMEOUT", 0.1)
        assert statuses(world.advance(15)) == [None]
    slow.set()
    assert handled.acquire(timeout=PATIENCE)
    assert statuses(world.advance(5)) == [200]
    assert [callback.response_status for callback in inbox.received] == [200, 200]


def test_an_app_without_a_lifespan_works(world: ControlClient, inbox: Inbox) -> None:
    """An app that raises on any scope but http works; so does a plain function."""

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        message = await receive()
        assert message["body"].startswith(b"{")
        while message["more_body"]:
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        assert await receive() == {"type": "http.disconnect"}

    inbox.deliver_to(app)
    assert answered(world, inbox.url) == [200]


def test_an_app_may_watch_for_the_caller_to_go_away(world: ControlClient, inbox: Inbox) -> None:
    """As streaming responses and middleware do: there is no disconnect before the response is complete."""
    received: list[str] = []

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        assert scope["type"] == "http"
        while (await receive())["more_body"]:
            pass

        async def watch() -> None:
            received.append((await receive())["type"])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await anyio.lowlevel.checkpoint()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            received.append("answering")
            await send({"type": "http.response.body", "body": b""})

    inbox.deliver_to(app)
    assert answered(world, inbox.url) == [200]
    assert received == ["answering", "http.disconnect"]


def test_an_app_is_closed_when_another_replaces_it(inbox: Inbox) -> None:
    """Its lifespan ends."""
    app = fastapi()
    inbox.deliver_to(app, PATH)
    inbox.reply(204)
    assert app.state.events == ["started", "stopped"]


def test_an_app_that_cannot_start_or_stop_is_reported_in_one_line(world: ControlClient) -> None:
    """The app's own error is in the message; an inbox whose app did not start works as before."""

    @contextlib.asynccontextmanager
    async def no_start(_: FastAPI) -> AsyncGenerator[None]:
        if inbox.url:
            raise LookupError("no database")
        yield

    @contextlib.asynccontextmanager
    async def no_stop(_: FastAPI) -> AsyncGenerator[None]:
        yield
        raise LookupError("lost it")

    inbox = Inbox(world)
    with pytest.raises(InboxError, match=r"^the app could not start: LookupError: no database$"):
        inbox.deliver_to(FastAPI(lifespan=no_start), PATH)
    assert answered(world, inbox.url) == [204]
    inbox.deliver_to(FastAPI(lifespan=no_stop), PATH)
    with pytest.raises(InboxError, match=r"^the app could not stop: LookupError: lost it$"):
        inbox.close()


def test_an_app_that_does_not_stop_is_given_up(world: ControlClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported and abandoned; the port of the inbox is closed."""
    monkeypatch.setattr(event_loops, "STOP_DEADLINE", 0.1)
    released = threading.Event()

    @contextlib.asynccontextmanager
    async def slow(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await anyio.to_thread.run_sync(released.wait, 10)

    inbox = Inbox(world)
    inbox.deliver_to(FastAPI(lifespan=slow), PATH)
    expected = r"^the app did not stop within 0\.1 s: its lifespan has not ended its shutdown$"
    with pytest.raises(InboxError, match=expected):
        inbox.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(inbox.url.split(":")[2].partition("/")[0]))) != 0
    released.set()


def test_an_app_may_report_that_it_cannot_start(inbox: Inbox) -> None:
    """The message has the app's reason, or says that none was given."""

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(InboxError, match=r"^the app could not start: no reason given$"):
        inbox.deliver_to(app)


def test_an_app_that_raises_has_answered_500(
    world: ControlClient, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is kept with the callback, the traceback in the log, and the dispatcher retries."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("no order")

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        raise LookupError("no bear")

    inbox.deliver_to(asgi)
    assert answered(world, inbox.url) == [500]
    inbox.deliver_to(wsgi)
    assert statuses(world.advance(5)) == [500]
    problems = [callback.problem for callback in inbox.received]
    assert problems == ["the app raised LookupError: no order", "the app raised LookupError: no bear"]
    assert "Traceback" in caplog.text


@pytest.fixture
def served() -> Iterator[tuple[FastAPI, str]]:
    """An app behind a real uvicorn server, and its origin."""
    app = fastapi()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield app, f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(PATIENCE)
    listener.close()


def test_a_real_server_needs_no_inbox(world: ControlClient, served: tuple[FastAPI, str]) -> None:
    """The dispatcher posts to the app's own port; advancing the clock waits for the response."""
    app, origin = served
    assert answered(world, origin + PATH) == [202]
    assert app.state.events[:2] == ["started", "COMPLETED"]


def test_a_test_client_of_flask(world: ControlClient, inbox: Inbox) -> None:
    """It stands for its app, which gets the raw body."""
    app = Wsgi()
    inbox.deliver_to(SimpleNamespace(application=app), PATH)
    assert answered(world, inbox.url) == [503]
    assert app.seen == [("POST " + PATH, "application/json", inbox.received[0].body)]


class LitestarTestClient:
    """Names the loop of its `with` block as Litestar's does, which has another `portal`."""

    def __init__(self) -> None:
        self.exit_stack = contextlib.ExitStack()
        self.portal = self.exit_stack.close

    def request(self, method: str, url: str, *, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        """Confirm it."""
        return httpx2.Response(202, headers={"x-asked": method + url + headers["user-agent"]}, content=content)


@pytest.mark.parametrize("within", [True, False])
def test_a_test_client_of_litestar(world: ControlClient, inbox: Inbox, *, within: bool) -> None:
    """Within its `with` block and after it."""
    client: Any = LitestarTestClient()
    inbox.deliver_to(client, PATH)
    with start_blocking_portal() as client.blocking_portal:
        if within:
            assert answered(world, inbox.url) == [202]
    del client.blocking_portal
    if not within:
        assert answered(world, inbox.url) == [202]


DJANGO = """
import django
import pytest
from django.conf import settings
from django.db import connection, connections
from django.http import StreamingHttpResponse
from django.test import Client, TestCase, TransactionTestCase
from django.urls import path

def view(request, order):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET status = %s WHERE id = %s", [f"{request.GET['a']} {request.content_type}", order])
    used.append(connections["default"])
    return StreamingHttpResponse([b"do", b"ne"], status=202)

used = []
urlpatterns = [path("hook/<int:order>/", view)]
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "orders.sqlite"}
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], DATABASES={"default": database})
django.setup()

class Hook:
    @pytest.fixture(autouse=True)
    def deliver(self, pixazo, pixazo_client, pixazo_webhooks):
        self.world, self.inbox = pixazo, pixazo_webhooks
        pixazo_webhooks.deliver_to(Client(), "/hook")
        pixazo_client.generate("A bear", webhook_url=f"{pixazo_webhooks.url}/7/?a=b")

    def test_the_view_sees_the_order(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE orders (id INTEGER, status TEXT)")
            cursor.execute("INSERT INTO orders VALUES (7, 'QUEUED')")
            self.world.clock.advance(15)
            assert [each.response_status for each in self.inbox.received] == [202]
            assert cursor.execute("SELECT status FROM orders").fetchall() == [("b application/json",)]
            cursor.execute("DROP TABLE orders")
            assert used.pop().connection in (None, connection.connection)  # closed, or that of the test

class TestInTransaction(Hook, TestCase):
    pass

class TestWithout(Hook, TransactionTestCase):
    pass
"""


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
@pytest.mark.parametrize("database", ["orders", ":memory:"])
def test_a_test_client_of_django(pytester: pytest.Pytester, database: str) -> None:
    """Its view sees what the test has done, in a transaction or not, and leaves no connection of its thread open."""
    pytester.makepyfile(DJANGO.replace("orders.sqlite", database))
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)


class Named:
    """A WSGI app that knows no path."""

    def __repr__(self) -> str:
        return "<the shop>"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("404 Not Found", [])
        return []


async def named(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that knows none."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("app", "name"),
    [
        (Named(), "<the shop>"),
        (SimpleNamespace(application=Named()), "<the shop>"),
        (named, repr(named)),
        (TestClient(named), repr(named)),
    ],
    ids=["WSGI", "client of Flask", "ASGI", "client of Starlette"],
)
def test_a_path_that_the_app_does_not_know_is_reported(
    world: ControlClient, inbox: Inbox, app: object, name: str
) -> None:
    """The app and the path are in the callback, and in the error of a wait."""
    inbox.deliver_to(app, "/hook")
    assert answered(world, inbox.url) == [404]
    expected = (
        f"the app answered 404 to POST /hook of {name}: give deliver_to the path of its route; if this is its route"
    )
    assert str(inbox.received[0].problem).startswith(expected)
    with pytest.raises(TimeoutError, match=re.escape(expected)):
        inbox.wait(2, timeout=0)
