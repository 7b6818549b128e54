"""An app on httpx with the vendor's host hard-coded gets the respx routes first, then the world."""

from __future__ import annotations

import anyio
import httpx
import pytest
import respx

from pytest_pixazo import Pixazo, SlowDrip

GENERATE = "https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate"
KEY = {"Ocp-Apim-Subscription-Key": "the-apps-own-key"}


def test_a_blocking_app(pixazo: Pixazo, pixazo_respx: respx.MockRouter) -> None:
    """Submit, poll and download reach the world, whatever key the app has, at the URLs that the gateway would return."""
    with httpx.Client(headers=KEY) as app:
        submitted = app.post(GENERATE, json={"prompt": "A bear"}).raise_for_status().json()
        assert submitted["polling_url"] == f"https://gateway.pixazo.ai/v2/requests/status/{submitted['request_id']}"
        pixazo.clock.advance(60)
        done = app.get(submitted["polling_url"]).json()
        with app.stream("GET", done["output"]["media_url"][0]) as video:
            assert b"".join(video.iter_bytes())[4:8] == b"ftyp"
    assert [each.operation for each in pixazo.journal] == ["generate", "status", "media"]


@pytest.mark.pixazo(policy={"media_origin": "page"})
def test_media_on_a_host_of_their_own(pixazo: Pixazo, pixazo_respx: respx.MockRouter) -> None:
    """The world serves that host, too."""
    identity = httpx.post(GENERATE, json={"prompt": "A bear"}, headers=KEY).json()["request_id"]
    pixazo.clock.advance(60)
    done = httpx.get(f"https://gateway.pixazo.ai/v2/requests/status/{identity}", headers=KEY).json()
    (url,) = done["output"]["media_url"]
    assert url.startswith("https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1/")
    assert httpx.get(url).content[4:8] == b"ftyp"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_app(pixazo: Pixazo, pixazo_respx: respx.MockRouter, backend: str) -> None:
    """Also on asyncio and trio."""

    async def app() -> list[str]:
        async with httpx.AsyncClient(headers=KEY) as client:
            url = (await client.post(GENERATE, json={"prompt": "A bear"})).json()["polling_url"]
            statuses = [(await client.get(url)).json()["status"]]
            pixazo.clock.advance(60)
            return [*statuses, (await client.get(url)).json()["status"]]

    assert anyio.run(app, backend=backend) == ["QUEUED", "COMPLETED"]


def test_routes_of_the_user_come_first(pixazo: Pixazo, pixazo_respx: respx.MockRouter) -> None:
    """A route of the user answers instead of the world, and other hosts can be mocked as well."""
    pixazo_respx.post(GENERATE).mock(side_effect=[httpx.Response(503), httpx.ConnectError("for a reason")])
    pixazo_respx.get("https://example.com/").respond(text="elsewhere")
    assert httpx.post(GENERATE, json={}).status_code == 503
    with pytest.raises(httpx.ConnectError, match="for a reason"):
        httpx.post(GENERATE, json={})
    assert httpx.get("https://example.com/").text == "elsewhere"
    assert len(pixazo.journal) == 0
    assert httpx.get(f"{pixazo.url}/_sim/health").json()["status"] == "ok"


def test_time_outs_and_faults_are_real(pixazo: Pixazo, pixazo_respx: respx.MockRouter) -> None:
    """Faults on the wire reach the app as exceptions of its library."""
    pixazo.when("generate").fault(SlowDrip(2.0, pieces=2), times=1)
    with httpx.Client(headers=KEY, timeout=0.2) as app, pytest.raises(httpx.ReadTimeout):
        app.post(GENERATE, json={"prompt": "A bear"})


def test_a_host_without_a_route(pixazo_respx: respx.MockRouter) -> None:
    """A request for another host is refused, with the remedy."""
    with pytest.raises(AssertionError) as caught:
        httpx.get("https://example.org/")
    assert str(caught.value) == (
        "RESPX: <Request('GET', 'https://example.org/')> not mocked: it is neither for gateway.pixazo.ai nor for the world;"
        " add a route to pixazo_respx"
    )


def test_a_route_that_was_never_called(pytester: pytest.Pytester) -> None:
    """It fails a strict test, in the same report as an unused rule."""
    pytester.makepyfile(
        """
        import pytest

        def test_strict(pixazo, pixazo_respx):
            pixazo_respx.get("https://example.com/", name="home").respond(204)
            pixazo.when("status").reply(429)

        @pytest.mark.pixazo(strict=False)
        def test_relaxed(pixazo_respx):
            pixazo_respx.get("https://example.com/").respond(204)
        """
    )
    result = pytester.runpytest("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "pixazo: 2 things not as expected; @pytest.mark.pixazo(strict=False) lets this pass",
            "- rule 1: when status: never used, no such call arrived",
            "- respx route 'home' was never called",
        ]
    )
