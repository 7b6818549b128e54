"""A proxy in this process, in front of a gateway, and the traffic of an ordinary app through it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.patience import PATIENCE

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Outcome, judge
from pixazo_contracts.runner import Ledger, Purse
from pixazo_contracts.trace import KEY_HEADER, Ceilings, Profile, Trace, is_array, is_object, members_of
from pixazo_contracts.traffic import Proxy, ProxyOptions, Tape
from pixazo_simulator import Settings
from pixazo_simulator.world import Clock

KEY = "key-of-an-app-8f3a91c2"
SUBMIT = "/minimax-hailuo-ai/v1/"
STATUS = "/v2/requests/status/"
PNG = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"


def settings(rate: float = 100, **changes: object) -> Settings:
    """A world whose clock runs fast, for an app with the key."""
    return Settings(keys=(KEY,), clock=lambda: Clock.scaled(rate), **changes)  # type: ignore[arg-type]  # any setting


@dataclass
class Proxied:
    """A proxy that runs: its port, and what it has said."""

    port: int
    tape: Tape
    lines: list[str] = field(default_factory=list[str])
    trace: Trace | None = None
    interrupt: Callable[[], object] = lambda: None

    @property
    def fails(self) -> set[str]:
        """The clauses that the whole trace shows to be violated."""
        assert self.trace is not None
        return {v.clause for v in judge(self.trace, CATALOGUE) if v.outcome is Outcome.FAIL}

    @property
    def alarms(self) -> set[str]:
        """The clauses that it shows to be violated, or an example of the page not to be followed."""
        return {clause for clause, outcome in self.outcomes.items() if outcome in {"FAIL", "DRIFT"}}

    @property
    def outcomes(self) -> dict[str, str]:
        """Every clause with its outcome."""
        assert self.trace is not None
        return {v.clause: v.outcome.value for v in judge(self.trace, CATALOGUE)}


@contextmanager
def proxied(
    upstream: str,
    *,
    out: Path | None = None,
    budget: int | None = None,
    ledger: Path | None = None,
    ceilings: Ceilings | None = None,
    **options: object,
) -> Generator[Proxied]:
    """A proxy in front of `upstream`; afterwards it has ended and its trace is whole."""
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(TemporaryDirectory()))
        yield from _proxied(upstream, folder, budget, ledger, ceilings or Ceilings(), options)


def _proxied(
    upstream: str, out: Path, budget: int | None, ledger: Path | None, ceilings: Ceilings, options: dict[str, object]
) -> Generator[Proxied]:
    capabilities = ("receiver",) if options.get("public_url") else ()
    profile = Profile(origin=upstream, paid=budget is not None, deadline=3600.0, settle=0.5, capabilities=capabilities)
    tape, loop, ready = Tape(profile, out), asyncio.new_event_loop(), threading.Event()
    running = Proxied(0, tape)
    proxy = Proxy(profile, ProxyOptions(**options), tape, running.lines.append)  # type: ignore[arg-type]  # any option
    if budget is not None:
        book = Ledger(ledger, f"proxy-{tape.token_prefix}-{time.monotonic_ns():x}")
        proxy.guard = Purse(budget - book.spent(of=f"proxy-{tape.token_prefix}-"), book, ceilings)

    running.interrupt = lambda: loop.call_soon_threadsafe(proxy.interrupt)

    async def serve() -> None:
        running.port = await proxy.start()
        ready.set()
        await proxy.stopping.wait()
        await proxy.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(proxy.stopping.set)
        thread.join(PATIENCE)
        guard = proxy.guard
        running.trace = tape.end(guard.spent if guard else 0, 0, None)
        loop.close()


Answer = tuple[int | None, dict[str, object], dict[str, str]]


@dataclass
class App:
    """An ordinary app: submits, polls to the end, downloads; and makes a few mistakes."""

    port: int
    key: str | None = KEY

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        key = {} if self.key is None else {KEY_HEADER: self.key}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} if raw is not None else {}
        try:
            connection.request(method, path, raw, {**key, **typed, **headers})
            response = connection.getresponse()
            data = response.read()
        except (OSError, ValueError):
            return None, {}, {}
        except Exception:  # noqa: BLE001 - what http.client cannot read, such as a torn head
            return None, {}, {}
        finally:
            connection.close()
        return response.status, members_of(data), dict(response.getheaders())

    def submit(self, operation: str = "generate", **changes: object) -> Answer:
        """A submit with the printed members."""
        image = {"first_frame_image": PNG} if operation == "imageToVideo" else {}
        body = {"prompt": "A boat on a lake", **image, "duration": 6, "resolution": "768P", **changes}
        return self.call("POST", f"{SUBMIT}{operation}", {n: v for n, v in body.items() if v is not ...})

    def follow(self, request_id: object, polls: int = 100) -> dict[str, object]:
        """Poll until an end, and download."""
        members: dict[str, object] = {}
        for _ in range(polls):
            status, members, _ = self.call("GET", f"{STATUS}{request_id}")
            if members.get("status") in {"COMPLETED", "FAILED", "ERROR"} or status in {None, 401, 404}:
                break
            time.sleep(0.01)
        output = members.get("output")
        urls = output.get("media_url") if is_object(output) else None
        for url in urls if is_array(urls) else []:
            if isinstance(url, str) and f":{self.port}/" in url:
                self.call("GET", url.partition(f":{self.port}")[2])
        return members

    def use(self, hook: str | None = None) -> None:
        """An ordinary day, with the mistakes that apps make; `hook` is where the app is called back."""
        self.follow(self.submit()[1].get("request_id"))
        begun = (
            [self.call("POST", f"{SUBMIT}generate", {"prompt": "A boat"}, **{"X-Webhook-URL": hook})] if hook else []
        )
        begun += [
            self.submit(),
            self.submit("imageToVideo"),
            self.call("POST", f"{SUBMIT}generate", {"prompt": "A boat"}),
        ]
        begun.append(self.submit(prompt_optimizer=True, fast_pretreatment=False, aigc_watermark=False))
        begun.append(self.submit("imageToVideo", duration=10, prompt="A man [Pan left]", aigc_watermark=True))
        begun.append(self.submit("imageToVideo", resolution="1080P", prompt="ä" * 1500))
        begun.append(self.submit(prompt="A dark frame [[sim:failed too dark]]"))
        begun.append(self.submit(prompt="A broken one [[sim:error]]"))
        begun.append(self.submit(prompt="Ein Boot für \u4e2d"))
        for _, members, _ in begun:
            self.follow(members.get("request_id"))
            self.call("GET", f"{STATUS}{members.get('request_id')}")
        self.submit(prompt=...)
        self.submit("imageToVideo", duration=7)
        self.submit("imageToVideo", resolution="720P")
        self.submit("imageToVideo", first_frame_image=...)
        self.submit("imageToVideo", prompt="a" * 2001)
        for operation in ("generate", "imageToVideo"):
            for name in ("prompt_optimizer", "fast_pretreatment", "aigc_watermark"):
                self.submit(operation, **{name: "true"})
            self.submit(operation, callback_url=1)
            self.submit(operation, prompt=1)
            self.submit(operation, duration="6")
            self.submit(operation, resolution=768)
        self.submit("imageToVideo", prompt=...)
        self.submit("imageToVideo", first_frame_image=[PNG])
        self.submit("imageToVideo", first_frame_image="iVBORw0KGgo=")
        self.submit("imageToVideo", first_frame_image="data:image/gif;base64,R0lGODlhAQABAAAAACw=")
        self.call("GET", f"{SUBMIT}generate")
        self.call("PUT", f"{SUBMIT}generate", {"prompt": "A boat"})
        self.call("GET", f"{STATUS}minimax-hailuo-ai_12")
        self.call("POST", f"{SUBMIT}generate", b'{"prompt": ')
        self.call("POST", f"{SUBMIT}generate", b"[]")
        self.call("GET", f"{STATUS}minimax-hailuo-ai_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        stranger = App(self.port, None)
        stranger.submit()
        stranger.submit(prompt=...)
        App(self.port, "").submit()
        App(self.port, "a-key-that-was-withdrawn").submit()
        stranger.call("GET", f"{STATUS}{begun[0][1].get('request_id')}")
