"""One simulator a process, or one that runs already for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import trustme

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.registry import Settings
from pytest_pixazo import Pixazo

QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:respx")

#: Six tests that note where they ran.
NOTING = """
import os

import pytest

@pytest.mark.parametrize("number", range(6))
def test_note(pixazo, pixazo_client, number):
    pixazo_client.generate("A bear").wait()
    assert len(pixazo.generations) == 1
    with open("notes.txt", "a") as notes:
        notes.write(f"{os.environ.get('PYTEST_XDIST_WORKER')} {pixazo.url} {pixazo.api_key}\\n")
"""


def notes(pytester: pytest.Pytester) -> list[list[str]]:
    return [line.split() for line in (pytester.path / "notes.txt").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
def test_each_worker_has_its_own(pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult]) -> None:
    """Under xdist every worker starts one simulator, on a port of its own, and tells what failed tests show."""
    result = run_tests(
        NOTING + "\n\ndef test_failed(pixazo_client):\n    pixazo_client.generate('A bear')\n    assert 0\n",
        "-p",
        "xdist",
        "-n",
        "2",
    )
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["*- pixazo journal -*", "*- pixazo seed -*"])
    places = {(worker, url) for worker, url, _ in notes(pytester)}
    assert len(places) == len({url for _, url in places}) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
@pytest.mark.parametrize(
    "named",
    [
        "option",
        pytest.param("variable", marks=pytest.mark.exhaustive),
        pytest.param("setting", marks=pytest.mark.exhaustive),
    ],
)
def test_all_workers_share_a_running_one(
    pytester: pytest.Pytester, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Option, environment or ini file name a running simulator, in which every test has its world."""
    pytester.makepyfile(NOTING)
    options = ("--pixazo-sim-url", simulator.url) if named == "option" else ()
    if named == "variable":
        monkeypatch.setenv("PIXAZO_SIM_URL", simulator.url)
    if named == "setting":
        pytester.makeini(f"[pytest]\npixazo_sim_url = {simulator.url}/\n")
    workers = ("-p", "xdist", "-n", "2") if named == "option" else ()
    before = simulator.control().health().worlds
    pytester.runpytest(*QUIET, *workers, *options).assert_outcomes(passed=6)
    assert {url for _, url, _ in notes(pytester)} == {simulator.url}
    assert len({key for _, _, key in notes(pytester)}) == 6
    assert simulator.control().health().worlds == before


def test_a_key_that_is_taken(pytester: pytest.Pytester, simulator: Simulator) -> None:
    """Where the same test runs twice at a time on one simulator, each has a world of its own."""
    pytester.makepyfile(NOTING)
    options = (*QUIET, "--pixazo-sim-url", simulator.url, "-k", "0")
    pytester.runpytest(*options)
    simulator.control().create_world(key=notes(pytester)[0][2])
    pytester.runpytest(*options).assert_outcomes(passed=1)
    first, second = notes(pytester)
    assert first[2] != second[2]
    simulator.control(first[2]).delete_world()


def test_a_world_that_is_refused_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, run_tests: Callable[..., pytest.RunResult]
) -> None:
    """Another key helps only where the key was the reason."""
    asked: list[object] = []

    def refuse(_: ControlClient, **wanted: object) -> ControlClient:
        asked.append(wanted)
        raise ControlError(400, "10000 worlds are open already")

    monkeypatch.setattr(ControlClient, "create_world", refuse)
    result = run_tests(NOTING, "-k", "0")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["10000 worlds are open already"])
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9", "option --pixazo-sim-url: * got no response from http://127.0.0.1:9 *"),
        ("127.0.0.1:8900", "option --pixazo-sim-url: url '127.0.0.1:8900' is not the origin of a simulator*"),
    ],
)
def test_a_simulator_that_is_not_there(run_tests: Callable[..., pytest.RunResult], url: str, expected: str) -> None:
    """The error names the setting and the remedy in one line."""
    result = run_tests(NOTING, "--pixazo-sim-url", url, "-k", "0")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([expected])


def test_the_simulator_of_a_session(pixazo_simulator: Simulator, pixazo: Pixazo) -> None:
    """It is running, and the worlds of tests are on it."""
    assert pixazo.url == pixazo_simulator.url
    assert pixazo_simulator.control().health().status == "ok"


def test_other_kinds_of_tests(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Classes of unittest get a world with usefixtures, a doctest with getfixture."""
    result = run_tests(
        '''
        import os
        import unittest

        import pytest

        from pixazo_client import PixazoClient

        def submit():
            """
            >>> world = getfixture("pixazo_env")
            >>> submit()
            >>> len(world.generations)
            1
            """
            with PixazoClient() as client:
                client.generate("A bear")

        @pytest.mark.usefixtures("pixazo_env")
        @pytest.mark.pixazo(seed=3)
        class CaseWithWorld(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _world(self, pixazo):
                self.pixazo = pixazo

            def test_submit(self):
                submit()
                self.assertEqual(self.pixazo.seed, 3)

            def test_failure(self):
                submit()
                self.fail("for a reason")
        ''',
        "--doctest-modules",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- pixazo journal -*"])


@pytest.fixture(scope="module")
def guarded() -> Iterator[Simulator]:
    """A running simulator with a control token."""
    with Simulator(Settings(control_token="the-token-of-the-team")) as simulator:
        yield simulator


@pytest.mark.parametrize("named", ["option", "variable", "setting"])
def test_the_token_of_a_running_one(
    pytester: pytest.Pytester, guarded: Simulator, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Option, environment or ini file give it."""
    pytester.makepyfile(NOTING)
    options = ("--pixazo-control-token", "the-token-of-the-team") if named == "option" else ()
    if named == "variable":
        monkeypatch.setenv("PIXAZO_SIM_CONTROL_TOKEN", "the-token-of-the-team")
    if named == "setting":
        pytester.makeini("[pytest]\npixazo_control_token = the-token-of-the-team\n")
    pytester.runpytest(*QUIET, "--pixazo-sim-url", guarded.url, "-k", "0", *options).assert_outcomes(passed=1)


def test_the_token_of_a_running_simulator_opens_a_tls_listener(pytester: pytest.Pytester, guarded: Simulator) -> None:
    """`pixazo_redirect` uses the token, too."""
    pytester.makepyfile(
        """
        import socket

        def test_redirected(pixazo_redirect):
            assert socket.getaddrinfo("gateway.pixazo.ai", 443)[0][4][0].startswith("127.")
        """
    )
    options = ("--pixazo-sim-url", guarded.url, "--pixazo-control-token", "the-token-of-the-team")
    pytester.runpytest(*QUIET, *options).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "expected"), [((), "is missing"), (("--pixazo-control-token", "a-wrong-one"), "is wrong")]
)
def test_a_running_one_without_its_token(
    run_tests: Callable[..., pytest.RunResult], guarded: Simulator, options: tuple[str, ...], expected: str
) -> None:
    """One line says what to send, and not what was sent."""
    result = run_tests(NOTING, "--pixazo-sim-url", guarded.url, "-k", "0", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f"option --pixazo-sim-url: the control token {expected}: send the value of --control-token *"]
    )
    assert "a-wrong-one" not in result.stdout.str()


ALLOWING = """
import pytest

@pytest.mark.pixazo(policy={"webhook_allow": "hooks.test"})
def test_allowed(pixazo):
    assert pixazo.policy()["webhook_allow"] == "hooks.test"

def test_other(pixazo):
    assert pixazo.policy()["webhook_allow"] == "none"
"""


BEYOND = "policy field webhook_allow: hooks.test is beyond the limit *, in pytest set pixazo_webhook_allow"


@pytest.mark.parametrize(
    ("hosts", "outcomes", "line"),
    [
        ("hooks.test other.test", {"passed": 2}, "*"),
        ("other.test", {"passed": 1, "errors": 1}, BEYOND),
        ("", {"passed": 1, "errors": 1}, BEYOND),
        ("http://hooks.test", {"errors": 2}, "ini setting pixazo_webhook_allow: *'http://hooks.test' is not a host name *"),
    ],
)  # fmt: skip
def test_which_hosts_a_test_may_allow(
    pytester: pytest.Pytester, hosts: str, outcomes: dict[str, int], line: str
) -> None:
    """Those that the ini file names, each test for itself; an error names the setting."""
    pytester.makepyfile(ALLOWING)
    pytester.makeini(f"[pytest]\npixazo_webhook_allow = {hosts}\n")
    result = pytester.runpytest(*QUIET)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines([line])


HTTPS = """
import ssl, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(204)
        self.end_headers()

def test_delivered(pixazo, pixazo_client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem")
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.handle_request, daemon=True).start()
        pixazo_client.generate("A bear", webhook_url=f"https://localhost:{server.server_port}/")
        pixazo.clock.advance(15)
        (attempt,) = pixazo.webhooks[0].attempts
        assert attempt.problem is None
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "outcomes", "line"),
    [
        ("certs/ca.pem", {"passed": 1}, "*"),
        ("", {"failed": 1}, "*the certificate of localhost is not trusted * in pytest set pixazo_webhook_ca*"),
        ("no.pem", {"errors": 1}, "*ini setting pixazo_webhook_ca: webhook CA file */no.pem cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_https_receivers_of_a_local_authority(
    pytester: pytest.Pytester, file: str, outcomes: dict[str, int], line: str
) -> None:
    """The ini file names its certificate, relative to the root folder."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(pytester.mkdir("certs") / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path("server.pem")
    pytester.makepyfile(HTTPS)
    pytester.makeini(f"[pytest]\npixazo_webhook_ca = {file}\n")
    result = pytester.runpytest(*QUIET)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines([line])


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
def test_a_process_patched_by_gevent(pytester: pytest.Pytester) -> None:
    """The fixture says what to do, in one line; an inbox beside a running simulator as well."""
    pytest.importorskip("gevent")
    pytester.makeconftest("from gevent import monkey\nmonkey.patch_all()")
    pytester.makepyfile("def test_world(pixazo): pass\ndef test_inbox(pixazo_webhooks): pass")
    line = "gevent has monkey-patched threading, but the server needs a real thread: *--pixazo-sim-url*"
    for url, outcomes in ((), {"errors": 2}), (("--pixazo-sim-url={}",), {"passed": 1, "errors": 1}):
        with Simulator() as simulator:
            given = [each.format(simulator.url) for each in url]
            result = pytester.runpytest_subprocess("-W", "ignore", *QUIET, *given)
        result.assert_outcomes(**outcomes)
        result.stdout.fnmatch_lines([line])
        assert "Traceback" not in result.stdout.str()
