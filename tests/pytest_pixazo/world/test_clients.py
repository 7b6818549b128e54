"""Clients of a world: blocking, and on asyncio and trio."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from pixazo_client import AsyncPixazoClient, PixazoClient
from pixazo_simulator import Simulator
from pytest_pixazo import Pixazo

#: Tests as users write them, on both libraries.
ASYNC_TESTS = """
import anyio
import pytest

pytestmark = pytest.mark.anyio

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

async def test_video(pixazo, pixazo_async_client):
    handle = await pixazo_async_client.generate("A bear")
    done = await handle.wait()
    assert done.succeeded
    assert len(pixazo.journal.polls) >= 3

async def test_fixtures_in_a_running_loop(pixazo, pixazo_async_client):
    assert pixazo.wallet.balance == 100
    await pixazo_async_client.generate("A bear")
    assert [event.status for event in pixazo.clock.advance(600)] == ["PROCESSING", "COMPLETED"]

async def test_a_client_left_in_the_middle(pixazo, pixazo_async_client):
    handle = await pixazo_async_client.generate("[[sim:stuck]]")
    with anyio.move_on_after(0.05):
        await handle.wait()
"""


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
def test_async_tests_on_asyncio_and_trio(pytester: pytest.Pytester) -> None:
    """The synchronous fixtures work in async tests, and the client is closed without a loop and without a warning."""
    pytester.makepyfile(ASYNC_TESTS)
    options = ("-q", "-p", "no:cacheprovider", "-p", "anyio", "-W", "error")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=6)


def test_a_transport_reaches_the_world(pytester: pytest.Pytester, simulator: Simulator) -> None:
    """Without a socket; on a simulator of another process the error says what to use."""
    pytester.makepyfile(
        """
        import asyncio, httpx, pytest

        def test_it(pixazo, pytestconfig):
            async def call():
                headers = {"Ocp-Apim-Subscription-Key": pixazo.api_key}
                async with httpx.AsyncClient(transport=pixazo.transport(), headers=headers) as client:
                    return await client.get("https://gateway.pixazo.ai/v2/requests/status/unknown")

            if pytestconfig.getoption("pixazo_sim_url"):
                with pytest.raises(RuntimeError, match="give the app pixazo.url, or run without --pixazo-sim-url"):
                    asyncio.run(call())
            else:
                assert asyncio.run(call()).status_code == 404
                assert [each.status for each in pixazo.journal] == [404]
        """
    )
    for options in ((), ("--pixazo-sim-url", simulator.url)):
        pytester.runpytest("-q", "-p", "no:cacheprovider", "-W", "error", *options).assert_outcomes(passed=1)


def test_the_same_seed_polls_at_the_same_instants(pytester: pytest.Pytester) -> None:
    """The client's pauses are drawn from the seed of the world."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.pixazo(seed=7)
        @pytest.mark.parametrize("run", range(2))
        def test_cadence(pixazo, pixazo_client, run, pytestconfig):
            pixazo_client.generate("A bear").wait()
            cadence = [each.at for each in pixazo.journal.polls]
            assert pytestconfig.__dict__.setdefault("cadence", cadence) == cadence
        """
    )
    pytester.runpytest("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_both_clients_see_one_world(
    pixazo: Pixazo, pixazo_client: PixazoClient, pixazo_async_client: AsyncPixazoClient
) -> None:
    """One reads what the other has submitted, on the same clock."""
    request_id = pixazo_client.generate("A bear").request_id

    async def follow() -> str:
        return (await pixazo_async_client.get_handle(request_id).wait()).status

    assert anyio.run(follow) == "COMPLETED"
    assert pixazo_client.retrieve(request_id).succeeded


def test_a_pause_leaves_the_loop_free(pixazo: Pixazo, pixazo_async_client: AsyncPixazoClient) -> None:
    """An app on the test's loop can process a callback that falls due while the client waits."""
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"}"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            handle = await pixazo_async_client.generate("A bear", webhook_url=f"http://127.0.0.1:{port}/hook")
            await handle.wait()

    asyncio.run(main())
    assert b"COMPLETED" in taken[0]
    assert [each.delivered for each in pixazo.webhooks] == [True]
