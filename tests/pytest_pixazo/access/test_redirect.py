"""An app with the vendor's host hard-coded reaches the world of its test; any other use of that host is refused."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import requests

from pixazo_client import PixazoClient
from pixazo_simulator.redirect.routing import Redirection
from pytest_pixazo import Pixazo


def test_a_hard_coded_host(pixazo: Pixazo, pixazo_redirect: Redirection) -> None:
    """Whatever key the app has, its calls are in the journal of this world."""
    response = requests.post(
        "https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate",
        json={"prompt": "A bear"},
        headers={"Ocp-Apim-Subscription-Key": "the-apps-own-key"},
        timeout=60,
    )
    assert response.status_code == 202
    assert [each.request_id for each in pixazo.generations] == [response.json()["request_id"]]
    assert pixazo_redirect.violations == []


@pytest.mark.pixazo(policy={"media_origin": "https://media.test"})
def test_the_media_host_of_the_policy(
    pixazo: Pixazo, pixazo_redirect: Redirection, pixazo_client: PixazoClient
) -> None:
    """The video is downloaded from that host; an app may insist on it."""
    (url,) = pixazo_client.generate("A bear").wait().media_urls
    assert url.startswith("https://media.test/v1/")
    assert requests.get(url, timeout=60).content[4:8] == b"ftyp"
    assert pixazo_redirect.covers("pub-582b7213209642b9b995c96c95a30381.r2.dev")


def test_it_ends_with_the_test(pixazo: Pixazo, pixazo_redirect: Redirection) -> None:
    """Each test has a redirection of its own, into its own world."""
    assert len(pixazo.journal) == 0
    assert str(socket.getaddrinfo("gateway.pixazo.ai", 443)[0][4][0]).startswith("127.")


def test_another_use_of_the_host_fails_the_test(pytester: pytest.Pytester) -> None:
    """Plain http to that host is refused, and so is a call without a key; the test fails even if the app caught the error."""
    pytester.makepyfile(
        """
        import pytest
        import requests

        def test_http(pixazo_redirect):
            with pytest.raises(requests.ConnectionError):
                requests.get("http://gateway.pixazo.ai/v2/requests/status/a", timeout=60)

        def test_key(pixazo_redirect):
            requests.get("https://gateway.pixazo.ai/v2/requests/status/a", timeout=60)
        """
    )
    result = pytester.runpytest("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "pixazo: 1 thing not as expected; @pytest.mark.pixazo(strict=False) lets this pass",
            "- gateway.pixazo.ai was called on port 80, but the gateway only serves https on port 443: *",
            "- unexpected request 1, GET /v2/requests/status/a, answered 401: the key is missing: send it in the header *",
        ]
    )


@pytest.mark.parametrize("scope", ["function", "class"])
def test_a_world_of_the_users_own(run_tests: Callable[..., pytest.RunResult], scope: str) -> None:
    """Where a fixture `pixazo` of the user's opens a world, the test that uses the host otherwise fails, and no other."""
    result = run_tests(
        f"""
        import pytest
        import requests

        @pytest.fixture(scope="{scope}")
        def pixazo(pixazo_factory):
            with pixazo_factory.fresh() as world:
                yield world

        class TestIt:
            def test_http(self, pixazo_redirect):
                with pytest.raises(requests.ConnectionError):
                    requests.get("http://gateway.pixazo.ai/v2/requests/status/a", timeout=60)

            def test_good(self, pixazo, pixazo_redirect, pixazo_respx):
                with pixazo.client() as client:
                    client.generate("A bear").wait()
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*- *gateway.pixazo.ai*", "ERROR *::TestIt::test_http*"])
