"""How faults strike the bytes of an answer: late, in pieces, cut short, or never."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import trustme
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import GENERATE, Caller, over_http
from tests.inprocess import InProcess
from tests.patience import PATIENCE, until
from tests.simulator.mutants.observer import observe
from tests.simulator.server.raw_socket import RawSocket, request
from uvicorn.server import ServerState

from pixazo_simulator.gateway.exchange import Request, Response
from pixazo_simulator.script.effects import Close, Noise, Reset, Send, Silence, Transmission, Wait, cut
from pixazo_simulator.script.faults import (
    AnyFault,
    Bandwidth,
    ConnectionReset,
    Delay,
    EmptyReply,
    GarbageBeforeHead,
    GarbledBody,
    Hang,
    LimitData,
    LognormalDelay,
    ReplyLost,
    SlowDrip,
    StatusCode,
    TruncatedBody,
    UniformDelay,
)
from pixazo_simulator.script.injection import transmission, wait
from pixazo_simulator.script.rule import Reply, Rule
from pixazo_simulator.server.asgi import Application, ConnectionCutError, transmit
from pixazo_simulator.server.http import GatewayProtocol
from pixazo_simulator.server.responder import transmitted
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.registry import Settings, Worlds

BEAR = b'{"prompt":"A bear"}'
BODY = b"0123456789"


def scripted(*faults: Any, when: str = "generate", **more: Any) -> Settings:
    """Settings with one rule."""
    return Settings(script=(Rule(when=when, faults=tuple(faults), **more),))


async def sending(effects: Transmission, *asgi: Any) -> None:
    """Send a response with this body and transmission."""
    response = Response(Request("GET", "/", b"", ()), 0, 200, (), BODY, "", faults=("x",), transmission=effects)
    await transmit(response, transmitted(response), *asgi)


def sent(*effects: Wait | Noise | Send | Close | Reset | Silence) -> list[tuple[bytes, bool]]:
    """The pieces of `BODY` that leave, each with whether more follow."""
    sent_messages: list[dict[str, Any]] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent_messages.append(message)

    asyncio.run(sending(effects, {}, receive, send))
    assert sent_messages[0] == {"type": "http.response.start", "status": 200, "headers": ()}
    return [(message["body"], message.get("more_body", False)) for message in sent_messages[1:]]


def test_faults_of_a_body_do_not_change_how_it_is_sent() -> None:
    """They are responses, or what is said in them."""
    assert transmission((), Random(0)) == ()
    assert transmission((StatusCode(500), GarbledBody()), Random(0)) == ()


@given(st.permutations([Delay(1), UniformDelay(2, 2), TruncatedBody(0.5), SlowDrip(3, pieces=2), ConnectionReset()]))
def test_several_faults_combine_whatever_their_order(faults: list[AnyFault]) -> None:
    """Delays add up, then comes the kept share in pieces, then the end."""
    assert transmission(faults, Random(0)) == (Wait(3), Send(0.5, 2, 3), Reset())


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ((Delay(1),), None),
        ((ReplyLost(),), "nothing was sent, then the connection was closed"),
        ((EmptyReply(),), "nothing was sent, then the connection was closed"),
        ((ConnectionReset(),), "nothing was sent, then the connection was reset"),
        ((ConnectionReset(committed=False), TruncatedBody(0.5)), "nothing was sent, then the connection was reset"),
        ((Hang(),), "nothing was sent, then the connection was held open until the caller gave up"),
        ((TruncatedBody(0.5),), "5 of 11 bytes of the body were sent, then the connection was closed"),
        ((TruncatedBody(0.9), ConnectionReset()), "9 of 11 bytes of the body were sent, then the connection was reset"),
        ((LimitData(3),), "3 of 11 bytes of the body were sent, then the connection was closed"),
        ((LimitData(0), ConnectionReset()), "0 of 11 bytes of the body were sent, then the connection was reset"),
        ((LimitData(11),), None),
        ((GarbageBeforeHead(7),), "garbage before the response, 7 B; 11 of 11 bytes of the body were sent, then the connection was closed"),
        (
            (GarbageBeforeHead(1), LimitData(3)),
            "garbage before the response, 1 B; 3 of 11 bytes of the body were sent, then the connection was closed",
        ),
        ((GarbageBeforeHead(7), EmptyReply()), "nothing was sent, then the connection was closed"),
    ],
)  # fmt: skip
def test_what_is_cut_can_be_described(faults: tuple[AnyFault, ...], expected: str | None) -> None:
    assert cut(transmission(faults, Random(0), 11), 11) == expected


@pytest.mark.parametrize(
    ("bytes_per_second", "length", "pieces", "seconds"),
    [(100, 1000, 200, 10), (1000, 5, 1, 0.005), (1, 10_000, 1000, 3600), (1 << 40, 1 << 30, 1, 2**-10)],
)
def test_a_bandwidth_is_a_number_of_pieces(bytes_per_second: int, length: int, pieces: int, seconds: float) -> None:
    """Twenty in a second, a thousand at most, within an hour; what a limit cuts off takes no time."""
    paced = Send(pieces=pieces, seconds=seconds)
    assert transmission((Bandwidth(bytes_per_second),), Random(0), length) == (paced,)
    limited = transmission((LimitData(length), Bandwidth(bytes_per_second)), Random(0), 2 * length)
    assert limited == (Send(most=length, pieces=pieces, seconds=seconds), Close())


@given(length=st.integers(1, 65_536), seed=st.integers())
def test_garbage_is_drawn_from_the_seed(length: int, seed: int) -> None:
    """So many bytes, which begin no status line."""
    (noise, *rest) = transmission((GarbageBeforeHead(length),), Random(seed), 5)
    assert isinstance(noise, Noise)
    assert (len(noise.data), noise.data[:1], rest) == (length, b"\xff", [Send(), Close()])
    assert transmission((GarbageBeforeHead(length),), Random(seed), 5)[0] == noise


@given(seconds=st.floats(0, 1000), bounds=st.tuples(st.floats(0, 500), st.floats(500, 1000)), seed=st.integers())
def test_delays_are_drawn_within_their_bounds(seconds: float, bounds: tuple[float, float], seed: int) -> None:
    """The same seed draws the same; no sum is longer than an hour."""
    uniform = wait((UniformDelay(*bounds),), Random(seed))
    assert bounds[0] <= uniform <= bounds[1]
    assert uniform == wait((UniformDelay(*bounds),), Random(seed))
    assert wait((Delay(seconds), Delay(seconds)), Random(seed)) == 2 * seconds
    assert wait([Delay(3000), UniformDelay(700, 900)], Random(seed)) == 3600


def test_a_log_normal_delay_has_the_median_and_sigma_that_were_asked_for() -> None:
    """Half of a thousand lie below the median; the logarithm spreads by sigma."""
    random = Random(7)
    logs = sorted(math.log(wait((LognormalDelay(2, 0.5),), random)) for _ in range(1000))
    assert abs(logs[500] - math.log(2)) < 0.06
    assert abs((logs[841] - logs[158]) / 2 - 0.5) < 0.06
    assert wait((LognormalDelay(2, 0),), random) == 2


@pytest.mark.parametrize(
    ("effects", "pieces"),
    [
        ((), [(BODY, False)]),
        ((Send(pieces=2),), [(b"01234", True), (b"56789", False)]),
        ((Send(pieces=3),), [(b"012", True), (b"345", True), (b"6789", False)]),
        ((Send(pieces=1000),), [(BODY[n : n + 1], n < 9) for n in range(10)]),
    ],
)
def test_a_body_leaves_in_pieces(effects: Transmission, pieces: list[tuple[bytes, bool]]) -> None:
    """Never more of them than bytes."""
    assert [(body, more) for body, more in sent(*effects)] == pieces


class Line:
    """A connection, its own transport, that remembers how it ended."""

    def __init__(self) -> None:
        self.held = False
        self.ended: list[str] = []
        self.transport = self

    def hold(self) -> None:
        """A response is held back."""
        self.held = True

    def close(self) -> None:
        """End it."""
        self.ended.append("closed")

    def reset(self) -> None:
        """Reset it."""
        self.ended.append("reset")


@pytest.mark.parametrize(
    ("effects", "messages", "ended"),
    [
        ((Close(),), [], ["closed"]),
        ((Reset(),), [], ["reset"]),
        ((Silence(),), [], []),
        ((Send(0.3), Close()), [b"012"], ["closed"]),
        ((Send(0.0), Reset()), [b""], ["reset"]),
        ((Send(0.99), Silence()), [b"012345678"], []),
    ],
)
def test_an_end_comes_after_what_is_kept(effects: Transmission, messages: list[bytes], ended: list[str]) -> None:
    """Nothing is sent after it, and it lasts until the caller has gone."""
    line, sent_messages, gone = Line(), list[Any](), asyncio.Event

    async def run() -> None:
        going = gone()

        async def receive() -> Any:
            if line.ended != ended or not going.is_set():
                going.set()
                return {"type": "http.request", "body": b""}
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent_messages.append(message)

        await sending(effects, {"pixazo.connection": line}, receive, send)

    asyncio.run(run())
    assert [message["body"] for message in sent_messages[1:]] == messages
    assert all(message["more_body"] for message in sent_messages[1:])
    assert (line.ended, line.held) == (ended, False)


@pytest.mark.parametrize(
    "fault", [ReplyLost(), ConnectionReset(), Hang(), TruncatedBody(0.5), LimitData(5), GarbageBeforeHead()]
)
def test_a_server_that_lends_no_connection_gets_a_named_error(fault: AnyFault) -> None:
    """An in-process transport sees a named error, a ConnectionError, in place of the cut."""
    headers = {"Ocp-Apim-Subscription-Key": "sim-key", "Content-Type": "application/json"}
    with InProcess(scripted(fault, times=1)) as send:
        with pytest.raises(
            ConnectionCutError,
            match=r"gives no access to the connection: call the URL of the Simulator, or use Simulator\.transport\(\)",
        ):
            send("POST", GENERATE, headers, BEAR)
        assert send("POST", GENERATE, headers, BEAR).status == 202


@pytest.mark.parametrize("fault", [Delay(0.01), SlowDrip(0.01, pieces=2)])
def test_without_a_connection_a_response_can_still_be_late(fault: AnyFault) -> None:
    headers = {"Ocp-Apim-Subscription-Key": "sim-key", "Content-Type": "application/json"}
    with InProcess(scripted(fault)) as send:
        reply = send("POST", GENERATE, headers, BEAR)
        assert (reply.status, len(reply.body)) == (202, int(reply.headers["content-length"]))


@pytest.mark.parametrize("fault", [Hang(), Delay(3600), SlowDrip(3600), TruncatedBody(0.5)], ids=str)
@pytest.mark.parametrize("gone", [True, False], ids=["caller gone", "caller waits"])
def test_a_server_stops_while_a_response_is_held_back(
    fault: AnyFault, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, whether or not the caller still waits for it, though other answers would have an hour to end."""
    monkeypatch.setattr("pixazo_simulator.server.threaded.STOP_TIMEOUT", 3600)
    with Simulator(scripted(fault)) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        wire = RawSocket(simulator.port)
        wire.send(request("POST", GENERATE, BEAR))
        while not caller.sim("journal")["exchanges"]:
            pass  # until the answer is on its way; the route of the journal answers meanwhile
        if gone:
            wire.close()
    if not gone:
        wire.close()


def test_the_journal_has_at_once_that_a_caller_has_gone_away() -> None:
    """As a test that ends with the time-out of its app reads it, by far sooner than a disconnection is processed."""
    with Simulator(scripted(Delay(3600))) as simulator:
        control = simulator.control()
        for _ in range(20):
            wire = RawSocket(simulator.port)
            wire.send(request("POST", GENERATE, BEAR, simulator.api_key))
            until(simulator.is_delaying)
            wire.close()
            assert control.journal().exchanges[-1].response.cut


@pytest.mark.parametrize("is_early", [True, False])
@pytest.mark.parametrize(
    ("fault", "came"), [(Delay(3600), "nothing was sent"), (SlowDrip(3600), "0 of 196 bytes of the body were sent")]
)
def test_a_caller_that_goes_away_ends_what_is_held_back(is_early: bool, fault: AnyFault, came: str) -> None:
    """No task is left behind, also when the caller was gone before the response was there, and the journal has what it got."""
    application = Application(Worlds(scripted(fault)))

    async def run() -> int:
        listening = await _listening(application)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(request("POST", GENERATE, b'{"prompt":"A bear","x":"%s"}' % (b"x" * 100_000 * is_early)))
        if is_early:
            writer.close()
        (world,) = application.worlds
        await _until(lambda: bool(world.journal.total))
        writer.close()
        await _until(lambda: not listening.state.tasks)
        await reader.read()
        listening.server.close()
        assert [each.cut for each in world.journal] == [f"{came}, then the caller disconnected"]
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


@pytest.mark.parametrize("fault", [ReplyLost(), TruncatedBody(0.5), ConnectionReset(), Hang(), Delay(3600)], ids=str)
@pytest.mark.parametrize("ahead", ["at once", "later", "much"])
def test_a_caller_that_sent_ahead_may_go_away_too(
    fault: AnyFault, ahead: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The request that waits its turn is forgotten, and the one that is being answered ends: nothing is left, nothing logged."""
    application = Application(Worlds(scripted(fault)))
    following = request("POST", GENERATE, b"x" * 200_000) if ahead == "much" else request("GET", "/nowhere")

    async def run() -> int:
        listening = await _listening(application)
        _, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(request("POST", GENERATE, BEAR) + (following if ahead == "at once" else b""))
        (world,) = application.worlds
        await _until(lambda: bool(world.journal.total))
        if ahead != "at once":
            writer.write(following)
        writer.close()
        await _until(lambda: not listening.state.tasks)
        await _until(lambda: not listening.state.connections)
        listening.server.close()
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert application.worlds.find("sim-key").journal.total == 1  # type: ignore[union-attr]  # it is there from the start
    assert caplog.records == []


async def _until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


def test_a_fault_that_is_cancelled_leaves_nothing_behind() -> None:
    """Nobody waits any more for the caller to go, and the connection is no longer held."""
    line = Line()

    async def run() -> int:
        waiting = asyncio.Event()

        async def receive() -> Any:
            waiting.set()
            await asyncio.Event().wait()

        async def send(_: Any) -> None:
            pass

        injecting = asyncio.create_task(sending((Wait(3600),), {"pixazo.connection": line}, receive, send))
        await waiting.wait()
        assert line.held
        injecting.cancel()
        await asyncio.wait([injecting])
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert not line.held


class Listening:
    """A listener with the gateway's protocol."""

    def __init__(self, server: asyncio.Server, state: ServerState) -> None:
        self.server = server
        self.state = state
        self.port: int = server.sockets[0].getsockname()[1]


async def _listening(application: Application, context: ssl.SSLContext | None = None) -> Listening:
    config, state = uvicorn.Config(application, http=GatewayProtocol, lifespan="off", log_config=None), ServerState()
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: GatewayProtocol(config, state, {}), "127.0.0.1", 0, ssl=context
    )
    return Listening(server, state)


def _secured(connection: socket.socket, context: ssl.SSLContext) -> Callable[[bytes], None]:
    """Shake hands over a socket, and return what sends through TLS: reading stays raw, since `ssl` hides how a connection ends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    shaken = False
    while not shaken:
        try:
            secured.do_handshake()
            shaken = True
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))

    def send(data: bytes) -> None:
        secured.write(data)
        connection.sendall(outgoing.read())

    return send


def _loops() -> Iterator[Callable[[], asyncio.AbstractEventLoop]]:
    yield asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        return
    yield uvloop.new_event_loop


@pytest.fixture(params=list(_loops()), ids=lambda loop: loop.__module__.partition(".")[0])
def loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Every kind of event loop there is."""
    made: Callable[[], asyncio.AbstractEventLoop] = request.param
    return made


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def contexts(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext, ssl.SSLContext] | None:
    """What server and client need for TLS, or nothing."""
    if not request.param:
        return None
    authority: Any = trustme.CA()  # half of its types are unknown
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


def injecting(
    settings: Settings,
    loop: Callable[[], asyncio.AbstractEventLoop],
    context: ssl.SSLContext | None,
    ask: Callable[[socket.socket], object],
) -> object:
    """What `ask` finds out on a connection to a gateway with these settings."""

    def connected(port: int) -> object:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            return ask(connection)

    async def run() -> object:
        listening = await _listening(Application(Worlds(settings)), context)
        try:
            return await asyncio.to_thread(connected, listening.port)
        finally:
            listening.server.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


def test_a_reset_is_real(
    loop: Callable[[], asyncio.AbstractEventLoop], contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None
) -> None:
    """TCP RST, on every loop and through TLS."""

    def ask(connection: socket.socket) -> type[Exception] | None:
        send = _secured(connection, contexts[1]) if contexts else connection.sendall
        send(request("POST", GENERATE, BEAR))
        try:
            while connection.recv(65536):
                pass  # what TLS says on its own account
        except OSError as raised:
            return type(raised)
        return None

    assert injecting(scripted(ConnectionReset()), loop, contexts and contexts[0], ask) is ConnectionResetError


def test_a_lost_reply_ends_in_good_order(
    loop: Callable[[], asyncio.AbstractEventLoop], contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None
) -> None:
    """TCP FIN, through TLS with its own farewell, and no byte before it."""

    def ask(connection: socket.socket) -> bytes:
        wrapped = (
            contexts[1].wrap_socket(connection, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
            if contexts
            else connection
        )
        wrapped.sendall(request("POST", GENERATE, BEAR))
        sent_messages = wrapped.recv(1)
        wrapped.close()
        return sent_messages

    assert injecting(scripted(ReplyLost()), loop, contexts and contexts[0], ask) == b""


def test_what_is_kept_arrives_before_a_reset(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    def ask(connection: socket.socket) -> tuple[bytes, bool]:
        connection.sendall(request("GET", "/v2/requests/status/x"))
        arrived = bytearray()
        try:
            while piece := connection.recv(65536):
                arrived += piece
        except ConnectionResetError:
            return bytes(arrived).partition(b"\r\n\r\n")[2], True
        return bytes(arrived), False

    rule = Rule(when="status", reply=Reply(503, text="0123456789"), faults=(TruncatedBody(0.5), ConnectionReset()))
    assert injecting(Settings(script=(rule,)), loop, None, ask) == (b"01234", True)


def test_a_connection_serves_on_after_a_fault_that_did_not_end_it() -> None:
    """Delay, error answer, drip; and after a cut a new one does."""
    with Simulator(Settings(script=(
        Rule(when="generate", faults=(StatusCode(500),), times=1),
        Rule(when="generate", faults=(SlowDrip(0.01, pieces=3),), times=1),
        Rule(when="generate", faults=(ReplyLost(),), times=1),
    ))) as simulator:  # fmt: skip
        with RawSocket(simulator.port) as wire:
            statuses: list[int] = []
            for _ in range(2):
                wire.send(request("POST", GENERATE, BEAR))
                statuses.append(wire.response().status)
            assert statuses == [500, 202]
            wire.send(request("POST", GENERATE, BEAR))
            assert wire.closed()
        assert observe(simulator.port, "POST", GENERATE, BEAR).status == 202
