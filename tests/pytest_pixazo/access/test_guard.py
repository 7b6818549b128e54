"""Tests that use our fixtures do not reach the real gateway, unless a marker or an option allows it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.command import COMMAND
from tests.patience import PATIENCE
from tests.receiver import Receiver, http_response
from tests.simulator.http_clients import HTTP_CLIENTS
from tests.tools import tool

ROOT = Path(__file__).parents[3]
QUIET = ("-q", "-p", "no:cacheprovider")

#: Names that no resolver ever knows (RFC 6761) stand for the vendor's, which would be reached when these tests fail.
CONFTEST = """
import pixazo_simulator.redirect

pixazo_simulator.redirect.HOSTS = ("gateway.invalid",)
pixazo_simulator.redirect.MEDIA_HOSTS = ("media.invalid",)
"""
#: The vendor's own names, with a resolver that notes them and never asks.
NOTING = """
import socket

real, looked_up = socket.getaddrinfo, []

def note(host, *args, **options):
    if host and "." in str(host) and not str(host)[0].isdecimal():
        looked_up.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "noted")
    return real(host, *args, **options)

socket.getaddrinfo = note
"""
REMEDY = (
    "it is the real gateway, which costs money, so this was refused: use pixazo_env before the app is imported, so that it takes "
    "PIXAZO_BASE_URL from the environment, or use pixazo_redirect; if the real one is meant, say "
    "@pytest.mark.pixazo(real_gateway=True) or --pixazo-real-gateway"
)
PROCESS_REMEDY = (
    "refused, since the real gateway costs money: give the process PIXAZO_BASE_URL, start it with pixazo-sim exec, or mark the test "
    "pixazo(real_gateway=True)"
)
HEADLINE = "pixazo: the real gateway was called; strict=False does not let this pass"


@pytest.fixture(autouse=True)
def _environment(no_other_plugins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner tests import helpers of this test suite."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def run(pytester: pytest.Pytester, source: str, *options: str, conftest: str = CONFTEST) -> pytest.RunResult:
    """Run a file test_app.py in a process of its own."""
    pytester.makeconftest(conftest)
    pytester.makepyfile(test_app=source)
    return pytester.runpytest_subprocess(*QUIET, *options, timeout=PATIENCE)


def lines(result: pytest.RunResult) -> list[str]:
    """The refused calls, as the errors at teardown list them."""
    return [line.removeprefix("- ") for line in result.outlines if line.startswith("- ")]


def expected_message(where: str, host: str = "gateway.invalid") -> str:
    """The expected line."""
    return f"{host} was called {where}: {PROCESS_REMEDY if where.startswith('in a process that') else REMEDY}"


def given(program: str, where: str) -> str:
    """The expected line when the host was an argument of a program."""
    return f"gateway.invalid was given to {program} {where}: {PROCESS_REMEDY}"


# Who is refused


@pytest.mark.slow
def test_every_client_is_refused(pytester: pytest.Pytester) -> None:
    """Even a client made at import, whose error the app swallows: the test fails at its end, with one line."""
    result = run(
        pytester,
        """
        from contextlib import ExitStack, suppress

        import pytest
        from tests.simulator.http_clients import HTTP_CLIENTS

        STACK = ExitStack()
        MADE = {name: STACK.enter_context(make()) for name, make in HTTP_CLIENTS.items()}

        @pytest.fixture(scope="module", autouse=True)
        def _closing():
            with STACK:
                yield

        @pytest.mark.parametrize("name", HTTP_CLIENTS)
        def test_call(pixazo, name):
            with suppress(Exception):
                MADE[name]("POST", "https://gateway.invalid/minimax-hailuo-ai/v1/generate", b"{}")
                pytest.exit("somebody answered")
        """,
        "-Wignore",
    )
    result.assert_outcomes(passed=len(HTTP_CLIENTS), errors=len(HTTP_CLIENTS))
    assert lines(result) == [expected_message(f"in test_app.py::test_call[{name}]") for name in HTTP_CLIENTS]
    assert result.outlines.count(HEADLINE) == len(HTTP_CLIENTS)
    result.stdout.no_fnmatch_line("*entries are hidden*")


WAYS = {
    "look-up": "socket.getaddrinfo('gateway.invalid', 443)",
    "bytes": "socket.getaddrinfo(b'gateway.invalid', 443)",
    "upper-case-final-dot": "socket.getaddrinfo('GateWay.INVALID.', 443)",
    "ideographic-dot": "socket.getaddrinfo('gateway\\u3002invalid', 443)",
    "wide-letters": "socket.getaddrinfo('\\uff47ateway.invalid', 443)",
    "another-port": "socket.create_connection(('gateway.invalid', 8443))",
    "http": "urllib.request.urlopen('http://gateway.invalid/')",
    "media": "socket.getaddrinfo('media.invalid', 443)",
    "gethostbyname": "socket.gethostbyname('gateway.invalid')",
    "gethostbyname_ex": "socket.gethostbyname_ex('gateway.invalid')",
    "imported-function": "imported('gateway.invalid', 443)",
    "connect": "socket.socket().connect(('gateway.invalid', 443))",
    "asyncio": "asyncio.run(asyncio.open_connection('gateway.invalid', 443, ssl=True))",
    "uvloop": "uvloop.run(asyncio.open_connection('gateway.invalid', 443, ssl=True))",
    "gethostbyaddr": "socket.gethostbyaddr('gateway.invalid')",
}


@pytest.mark.slow
def test_every_way_is_refused(pytester: pytest.Pytester) -> None:
    """However the host is written, by any function, and as an argument of another program: ConnectionRefusedError."""
    result = run(
        pytester,
        f"""
        import asyncio, os, socket, subprocess, urllib.error, urllib.request
        from socket import getaddrinfo as imported

        import pytest
        import uvloop

        WAYS = {WAYS!r}

        @pytest.mark.parametrize("name", WAYS)
        def test_way(pixazo, name):
            with pytest.raises((ConnectionRefusedError, urllib.error.URLError), match="costs money"):
                eval(WAYS[name])

        def test_number(pixazo):
            with socket.socket() as probe:
                assert probe.connect_ex(("gateway.invalid", 443)) == 111
        """,
        "-Wignore",
    )
    count = len(WAYS) + 1
    result.assert_outcomes(passed=count, errors=count)
    expected = [
        expected_message(f"in test_app.py::test_way[{name}]", "media.invalid" if name == "media" else "gateway.invalid")
        for name in WAYS
    ]
    assert lines(result) == [*expected, expected_message("in test_app.py::test_number")]


@pytest.mark.slow
def test_the_hosts_of_the_page_are_refused(pytester: pytest.Pytester) -> None:
    """The reference client without a base URL is refused with the reason; the names are not looked up."""
    result = run(
        pytester,
        """
        import socket

        import httpx2
        import pytest
        from conftest import looked_up
        from pixazo_client import PixazoClient, PixazoError

        @pytest.mark.pixazo(strict=False)
        def test_client(pixazo, monkeypatch):
            monkeypatch.setenv("PIXAZO_API_KEY", "a-real-key")
            with PixazoClient(max_retries=0) as client, pytest.raises(PixazoError, match="pixazo_redirect"):
                client.generate("A bear")

        def test_httpx2_beside_respx(pixazo_respx):
            with pytest.raises(httpx2.ConnectError, match="pixazo_redirect"):
                httpx2.post("https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate")

        def test_media(pixazo):
            with pytest.raises(ConnectionRefusedError):
                socket.getaddrinfo("pub-582b7213209642b9b995c96c95a30381.r2.dev", 443)
            with pytest.raises(socket.gaierror, match="noted"):
                socket.getaddrinfo("database.example.com", 5432)

        def test_nobody_was_asked():
            assert looked_up == ["database.example.com"]
        """,
        conftest=NOTING,
    )
    result.assert_outcomes(passed=4, errors=3)
    assert lines(result) == [
        expected_message("in test_app.py::test_client", "gateway.pixazo.ai"),
        expected_message("in test_app.py::test_httpx2_beside_respx", "gateway.pixazo.ai"),
        expected_message("in test_app.py::test_media", "pub-582b7213209642b9b995c96c95a30381.r2.dev"),
    ]


@pytest.mark.slow
def test_a_proxy_gets_nothing_of_it(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment, which serves all other hosts, gets neither the call nor a look-up, from this process or a child."""
    with Receiver(http_response(200, b"from the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://localhost:{proxy.port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        result = run(
            pytester,
            """
            import subprocess, sys

            import httpx
            import pytest
            import requests

            CALL = "import requests; requests.get('http://gateway.invalid/'); requests.get('https://gateway.invalid/')"
            made = httpx.Client()

            def test_here(pixazo):
                assert requests.post("http://gateway.invalid/").status_code == 403
                with pytest.raises(requests.exceptions.ProxyError, match="403"):
                    requests.post("https://gateway.invalid/")
                with pytest.raises(httpx.ProxyError, match="403"):
                    made.post("https://gateway.invalid/")

            def test_child(pixazo):
                assert subprocess.run([sys.executable, "-c", CALL]).returncode == 1

            def test_others(pixazo):
                assert requests.get("http://elsewhere.invalid/").text == "from the proxy"
            """,
        )
        assert [each.line for each in proxy.received] == ["GET http://elsewhere.invalid/ HTTP/1.1"]
    result.assert_outcomes(passed=3, errors=2)
    assert lines(result) == [
        expected_message("in test_app.py::test_here"),
        expected_message("in a process that test_app.py::test_child started"),
    ]


@pytest.mark.slow
def test_a_way_round_the_look_up_is_refused(pytester: pytest.Pytester) -> None:
    """The server name in TLS reveals the host of a connection through a SOCKS proxy, or of an older one; the peer receives nothing."""
    result = run(
        pytester,
        """
        import asyncio, socket, ssl, threading

        import pytest
        import trustme

        authority = trustme.CA()
        serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.issue_cert("gateway.invalid").configure_cert(serving)
        authority.configure_trust(trusting)
        heard = []

        @pytest.fixture(scope="module")
        def peer():
            with socket.create_server(("127.0.0.1", 0)) as listener:
                def serve():
                    with serving.wrap_socket(listener.accept()[0], server_side=True) as accepted:
                        heard.append(accepted.recv(100))
                thread = threading.Thread(target=serve)
                thread.start()
                yield listener.getsockname()
                thread.join()

        @pytest.fixture(scope="module")
        def opened(peer):
            with socket.create_connection(peer) as plain, trusting.wrap_socket(plain, server_hostname="gateway.invalid") as secure:
                yield secure

        def test_before(opened):
            pass

        def test_opened_before(pixazo, opened):
            with pytest.raises(ConnectionRefusedError):
                opened.sendall(b"POST / HTTP/1.1\\r\\n\\r\\n")

        def test_server_name(pixazo):
            with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as plain:
                with pytest.raises(ConnectionRefusedError):
                    trusting.wrap_socket(plain, server_hostname="Gateway.invalid")
                with pytest.raises(ConnectionRefusedError):
                    trusting.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="gateway.invalid")
                listener.accept()[0].close()

        def test_nothing_arrived(opened):
            opened.close()
            assert b"POST" not in b"".join(heard)
        """,
        "-Wignore",
    )
    result.assert_outcomes(passed=4, errors=2)
    assert lines(result) == [
        expected_message(f"in test_app.py::{test}") for test in ("test_opened_before", "test_server_name")
    ]


# When


@pytest.mark.slow
def test_it_begins_with_the_test_and_stays(pytester: pytest.Pytester) -> None:
    """Fixtures of the user's before ours, those asked for later, async tests, teardowns, and threads that outlive their test.

    A test without a fixture of ours is let through, in the threads of pools, too; what an earlier test had left running is no error of it.
    """
    result = run(
        pytester,
        """
        import socket, threading

        import anyio
        import pytest

        later, done = threading.Event(), threading.Event()

        def call():
            with pytest.raises(ConnectionRefusedError):
                socket.getaddrinfo("gateway.invalid", 443)

        def call_and_tell():
            call()
            done.set()

        @pytest.fixture(scope="session")
        def early():
            call()

        @pytest.fixture
        def ours_inside(pixazo):
            return pixazo

        @pytest.fixture
        def late():
            yield
            call()

        def test_session_fixture(early, ours_inside):
            pass

        def test_dynamic(request):
            request.getfixturevalue("ours_inside")
            call()

        def test_teardown(late, pixazo):
            pass

        @pytest.mark.anyio
        async def test_async(pixazo):
            with pytest.raises(ConnectionRefusedError):
                await anyio.getaddrinfo("gateway.invalid", 443)

        def test_thread(pixazo):
            timer = threading.Timer(20, call_and_tell)
            timer.name, timer.daemon, timer.finished.wait = "poller", True, later.wait
            timer.start()

        def test_without():
            with pytest.raises(socket.gaierror, match="noted"):
                socket.getaddrinfo("gateway.invalid", 443)
            with pytest.raises(socket.gaierror, match="noted"):  # in a thread of trio's pool, which test_async had used
                anyio.run(anyio.getaddrinfo, "gateway.invalid", 443, backend="trio")
            later.set()
            assert done.wait(20)

        def test_innocent(pixazo):
            pass
        """,
        "-panyio",
        conftest=NOTING + CONFTEST,
    )
    result.assert_outcomes(passed=8, errors=5, warnings=1)
    tests = ("test_session_fixture", "test_dynamic", "test_teardown", "test_async[asyncio]", "test_async[trio]")
    where = [f"in test_app.py::{test}" for test in tests]
    assert lines(result) == [*map(expected_message, where)]


LEAVING = """
import threading, time

import requests

told = threading.Event()

def poll():
    told.wait(20)
    try:
        requests.get("https://gateway.pixazo.ai/v2/requests/status/a", timeout=20)
    except requests.ConnectionError:
        pass

def test_leaving({fixture}):
    global thread
    thread = threading.Thread(target=poll, name="poller", daemon=True)
    thread.start()

def test_innocent({innocent}):
    told.set()
    thread.join()
"""


@pytest.mark.slow
def test_it_stays_until_conftests_have_ended(pytester: pytest.Pytester) -> None:
    """What a conftest of the user does when the run is over is refused, too."""
    conftest = f"""
{CONFTEST}
import socket

def pytest_unconfigure():
    try:
        socket.getaddrinfo("gateway.invalid", 443)
    except OSError as error:
        print("ended:", type(error).__name__)
"""
    result = run(pytester, "def test_one(pixazo): pass", "-s", conftest=conftest)
    assert "ended: ConnectionRefusedError" in result.outlines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fixture", "innocent", "options", "code"),
    [
        ("pixazo", "pixazo", (), 1),
        pytest.param("pixazo", "", (), 1, marks=pytest.mark.exhaustive),
        pytest.param("pixazo", "pixazo", ("-p", "xdist", "-n", "1"), 1, marks=pytest.mark.exhaustive),
        ("pixazo_redirect", "pixazo", (), 0),
    ],
)
def test_a_late_call_is_told_to_the_test_that_left_it(
    pytester: pytest.Pytester, fixture: str, innocent: str, options: tuple[str, ...], code: int
) -> None:
    """No other test fails, and the run does unless the calls of that test were redirected."""
    result = run(pytester, LEAVING.format(fixture=fixture, innocent=innocent), *options, conftest=NOTING)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "test_app.py::test_leaving",
            "*/test_app.py:14: LeftRunningWarning: a thread or process that this test left running called the real gateway: * in thread 'poller', which test_app.py::test_leaving had left running: *",
        ]
    )
    assert result.ret == code


FIRST_WRAPPER = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    report.sections += [("seen by the wrapper", title) for title, _ in report.sections]
    return report
"""


@pytest.mark.slow
def test_a_test_that_failed_gets_a_section(pytester: pytest.Pytester) -> None:
    """There is no second error; the section gives the reason even when the app's error does not, also to a conftest's first wrapper."""
    result = run(
        pytester,
        """
        import socket

        def test_told(pixazo_env):
            try:
                socket.getaddrinfo("gateway.invalid", 443)
            except OSError:
                assert not "a video came"
        """,
        conftest=f"{CONFTEST}\n{FIRST_WRAPPER}",
    )
    result.assert_outcomes(failed=1)
    title = "pixazo: the real gateway was called"
    result.stdout.fnmatch_lines(
        [f"*- {title} -*", expected_message("in test_app.py::test_told"), "*- seen by the wrapper -*", title]
    )


@pytest.mark.exhaustive
def test_under_xdist(pytester: pytest.Pytester) -> None:
    """Each worker has a guard of its own."""
    result = run(
        pytester,
        """
        import socket

        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_call(pixazo, number):
            with pytest.raises(ConnectionRefusedError):
                socket.getaddrinfo("gateway.invalid", 443)
        """,
        "-pxdist",
        "-n2",
    )
    result.assert_outcomes(passed=4, errors=4)
    assert sorted(lines(result)) == [expected_message(f"in test_app.py::test_call[{number}]") for number in range(4)]


# What is let through


MEANT = """
import socket

import pytest

from conftest import looked_up

def call():
    with pytest.raises(socket.gaierror, match="noted"):
        socket.getaddrinfo("gateway.invalid", 443)

@pytest.mark.pixazo(real_gateway=True)
class TestMeant:
    def test_meant(self, pixazo):
        call()

    @pytest.mark.pixazo(real_gateway=False)
    def test_not_meant(self, pixazo):
        with pytest.raises(ConnectionRefusedError):
            socket.getaddrinfo("gateway.invalid", 443)

    def test_meant_again(self, pixazo):
        call()

def test_contract_suite(pixazo_endpoint):
    call()
"""


@pytest.mark.slow
def test_a_marker_lets_it_through(pytester: pytest.Pytester) -> None:
    """The nearest marker decides; the contract suite, which has a spend guard, needs none."""
    result = run(pytester, MEANT, conftest=NOTING + CONFTEST)
    result.assert_outcomes(passed=4, errors=1)
    assert lines(result) == [expected_message("in test_app.py::TestMeant::test_not_meant")]


@pytest.mark.slow
def test_an_option_lets_it_through(pytester: pytest.Pytester) -> None:
    """In every test."""
    source = MEANT.replace("real_gateway=False", "seed=1").replace("ConnectionRefusedError", "socket.gaierror")
    run(pytester, source, "--pixazo-real-gateway", conftest=NOTING + CONFTEST).assert_outcomes(passed=4)


@pytest.mark.slow
def test_a_redirection_takes_its_place(pytester: pytest.Pytester) -> None:
    """In a test that uses it, calls reach the world. Functions that other code restored meanwhile are replaced again."""
    result = run(
        pytester,
        """
        import socket, ssl

        import pytest
        import requests

        connect = socket.socket.connect

        def test_redirected(pixazo, pixazo_redirect):
            assert requests.get("https://gateway.pixazo.ai/v2/requests/status/a", headers={"Ocp-Apim-Subscription-Key": "k"}).status_code == 404

        def test_refused(pixazo):
            with pytest.raises(requests.ConnectionError, match="costs money"):
                requests.get("https://gateway.pixazo.ai/")

        def test_put_back():
            socket.socket.connect = connect

        def test_refused_again(pixazo):
            assert socket.socket.connect is not connect
        """,
        conftest=NOTING,
    )
    result.assert_outcomes(passed=4, errors=1)
    assert lines(result) == [expected_message("in test_app.py::test_refused", "gateway.pixazo.ai")]


@pytest.mark.slow
def test_the_name_of_a_test_is_not_read_as_words(pytester: pytest.Pytester) -> None:
    """A call belongs to the test that made it, though its name reads like that of a late call of another."""
    result = run(
        pytester,
        """
        import socket
        from contextlib import suppress

        import pytest

        def test_over(pixazo):
            pass

        @pytest.mark.parametrize("word", ["x"], ids=[" after test_app.py::test_over: "])
        def test_calling(pixazo, word):
            with suppress(OSError):
                socket.getaddrinfo("gateway.invalid", 443)
        """,
    )
    result.assert_outcomes(passed=2, errors=1)
    assert lines(result) == [expected_message("in test_app.py::test_calling[ after test_app.py::test_over: ]")]


# Programs and processes


REFUSED = {
    "curl": ("curl", "subprocess.run(['curl', 'https://gateway.invalid/'])"),
    "shell": ("a command", "subprocess.run('curl -s https://GATEWAY.invalid/ || true', shell=True)"),
    "one-command-of-a-shell": ("curl", "subprocess.run('A=1 /usr/bin/curl https://gateway.invalid/', shell=True)"),
    "system": ("wget", "os.system('wget http://gateway.invalid:80/')"),
    "posix_spawn": ("curl", "os.posix_spawnp('curl', ['curl', b'https://gateway.invalid'], {})"),
    "key-in-a-variable": ("curl", "os.system('curl https://gateway.invalid/v1/generate -H \"Key: $PIXAZO_API_KEY\"')"),
    "prompt": ("curl", "os.system('curl https://gateway.invalid -d \\'{\"prompt\": \"a/python\"}\\'')"),
    "prompt-of-a-list": ("curl", "subprocess.run(['curl', 'https://gateway.invalid', '-d', 'pixazo-sim'])"),
    "agent": ("curl", "subprocess.run(['curl', '-A', 'pixazo-sim-tests', 'https://gateway.invalid'])"),
    "like-ours": ("pixazo-upload", "subprocess.run(['/usr/bin/pixazo-upload', 'https://gateway.invalid'])"),
    "like-python": ("python-curl", "os.system('python-curl https://gateway.invalid')"),
    "no-scheme": ("curl", "subprocess.run(['curl', 'gateway.invalid/v1'])"),
    "option": ("curl", "subprocess.run(['curl', '--url=gateway.invalid'])"),
    "user": ("curl", "subprocess.run(['curl', 'https://u:p@gateway.invalid'])"),
    "port": ("curl", "subprocess.run(['curl', 'HTTPS://GateWay.Invalid:8443/'])"),
    "final-dot": ("curl", "subprocess.run(['curl', 'https://gateway.invalid./'])"),
    "second-command": ("a command", "os.system('cd / && curl https://gateway.invalid')"),
    "after-python": ("a command", "os.system('python -V; curl https://gateway.invalid')"),
    "pipe": ("a command", "os.system('echo https://gateway.invalid | xargs curl')"),
    "background": ("a command", "os.system('python -V& curl https://gateway.invalid')"),
    "new-line": ("a command", "os.system('python -V\\ncurl https://gateway.invalid')"),
    "nested": ("a command", "os.system('echo \"$(curl https://gateway.invalid)\"')"),
    "back-quotes": ("a command", "os.system('echo `curl https://gateway.invalid`')"),
    "no-end": ("a command", "os.system('python \"https://gateway.invalid')"),
    "device": ("a command", "subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/gateway.invalid/80; cat <&3'])"),
    "sh-c": ("curl", "subprocess.run(['sh', '-c', 'curl https://gateway.invalid'])"),
    "bash-lc": ("a command", "subprocess.run(['/bin/bash', '-lc', 'echo 1 && curl https://gateway.invalid'])"),
    "sh-and-more": ("sh", "subprocess.run(['sh', '-e', '-c', 'curl $0', 'https://gateway.invalid'])"),
    "popen": ("curl", "os.popen('curl https://gateway.invalid')"),
    "asyncio": ("curl", "asyncio.run(asyncio.create_subprocess_shell('curl https://gateway.invalid'))"),
    "key-in-the-name": ("a command", "subprocess.run('curl https://gateway.invalid/ -H key:secret')"),
    "child": ("curl", "subprocess.run([sys.executable, '-c', CHILD], check=True)"),
    "redirected": ("curl", "redirected()"),
}


@pytest.mark.slow
def test_a_program_is_refused_the_host(pytester: pytest.Pytester) -> None:
    """However it is started and the host is written; the line names the program, but neither a key nor a prompt."""
    result = run(
        pytester,
        f"""
        import asyncio, os, subprocess, sys

        import pytest
        from pixazo_simulator.redirect.context import redirect

        REFUSED = {REFUSED!r}
        CHILD = '''
        import subprocess
        try:
            subprocess.run(["curl", "gateway.invalid"])
        except ConnectionRefusedError:
            raise SystemExit(0)
        raise SystemExit(1)
        '''

        @pytest.mark.parametrize("name", [name for name in REFUSED if name not in ("child", "redirected")])
        def test_start(pixazo, name):
            with pytest.raises(ConnectionRefusedError, match="costs money"):
                eval(REFUSED[name][1])

        def test_child(pixazo):
            subprocess.run([sys.executable, "-c", CHILD], check=True)

        def test_redirected(pixazo):
            with redirect(pixazo.url, pixazo.api_key, hosts=["gateway.invalid"]), pytest.raises(ConnectionRefusedError):
                subprocess.run(["curl", "https://gateway.invalid"])
        """,
        "-Wignore",
    )
    where = {
        "child": "in a process that test_app.py::test_child started",
        "redirected": "in test_app.py::test_redirected",
    }
    assert lines(result) == [
        given(program, where.get(name, f"in test_app.py::test_start[{name}]")) for name, (program, _) in REFUSED.items()
    ]
    result.assert_outcomes(passed=len(REFUSED), errors=len(REFUSED))


@pytest.mark.slow
def test_other_programs_are_started(pytester: pytest.Pytester) -> None:
    """Programs that refuse the host by themselves, redirect it, only handle text, or get another host."""
    commands = [
        ["/usr/bin/python3.12", "https://gateway.invalid"],
        ["python", "-m", "app", "https://gateway.invalid"],
        ["node", "app.mjs", "https://gateway.invalid"],
        ["/venv/bin/pytest", "--url=https://gateway.invalid"],
        ["py.test", "https://gateway.invalid"],
        ["pixazo-sim", "exec", "--", "curl", "https://gateway.invalid"],
        ["pixazo-contracts", "run", "https://gateway.invalid"],
        ["grep", "gateway.invalid", "app.log"],
        ["curl", "http://gateway.invalid.localhost:8000"],
        ["curl", "https://my-gateway.invalid", "https://x.gateway.invalid"],
        ["sh", "-c", "A=1 B=https://x.invalid/ pixazo-sim exec -- curl https://gateway.invalid > out.txt"],
    ]
    texts = [
        "echo 'gateway.invalid'",
        "PIXAZO_API_KEY='a b' '/venv/bin/python' app.py 'https://gateway.invalid/?a=1&b=2'",
    ]
    result = run(
        pytester,
        f"""
        import os, subprocess, sys

        import pytest

        @pytest.mark.parametrize("command", {commands!r})
        def test_program(pixazo, command):
            sys.audit("subprocess.Popen", command[0], command, None, None)

        @pytest.mark.parametrize("text", {texts!r})
        def test_text(pixazo, text):
            sys.audit("os.system", text)

        def test_a_door(pixazo):
            sys.audit("subprocess.Popen", "curl", ["curl", "https://gateway.invalid"], None, {{"PIXAZO_REDIRECT_PORT": "1"}})
        """,
    )
    result.assert_outcomes(passed=len(commands) + len(texts) + 1)


@pytest.mark.slow
def test_children_are_refused(pytester: pytest.Pytester) -> None:
    """However Python starts them; the error names the test that did."""
    ways = ("fork", "spawn", "forkserver", "os.fork", "pool", "subprocess", "uvloop")
    result = run(
        pytester,
        f"""
        import asyncio, multiprocessing, os, socket, subprocess, sys
        from concurrent.futures import ProcessPoolExecutor

        import pytest

        def call():
            try:
                socket.getaddrinfo("gateway.invalid", 443)
            except ConnectionRefusedError:
                return
            os._exit(1)

        def in_context(name):
            process = multiprocessing.get_context(name).Process(target=call)
            process.start()
            process.join()
            return process.exitcode

        def forked():
            child = os.fork()
            if child == 0:
                call()
                os._exit(0)
            return os.waitpid(child, 0)[1]

        def in_pool():
            # By default Python 3.14 takes the fork server that the test of it has started.
            with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                return pool.submit(call).result() or 0

        def run(code):
            return subprocess.run([sys.executable, "-c", code], check=False).returncode

        IN_UVLOOP = '''
        import asyncio, threading, uvloop
        failed = []
        def run():
            try:
                uvloop.run(asyncio.open_connection("gateway.invalid", 443, ssl=True))
            except ConnectionRefusedError:
                return
            failed.append(1)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        raise SystemExit(len(failed))
        '''

        WAYS = {{
            "os.fork": forked,
            "pool": in_pool,
            "subprocess": lambda: run("from test_app import call; call()"),
            "uvloop": lambda: run(IN_UVLOOP),
        }}

        @pytest.mark.parametrize("name", {ways!r})
        def test_child(pixazo, name):
            assert (WAYS[name]() if name in WAYS else in_context(name)) == 0
        """,
        "-Wignore",
    )
    result.assert_outcomes(passed=len(ways), errors=len(ways))
    started = [
        f"in {'' if name in ('fork', 'os.fork', 'pool') else 'a process that '}test_app.py::test_child[{name}]"
        f"{'' if name in ('fork', 'os.fork', 'pool') else ' started'}"
        for name in ways
    ]
    assert lines(result) == [expected_message(where) for where in started]


@pytest.mark.slow
def test_node_is_refused(pytester: pytest.Pytester) -> None:
    """In fetch, and by the server name of a connection to another address; other hosts are reachable."""
    tool("node")
    result = run(
        pytester,
        """
        import subprocess

        CODE = '''
        const server = require("http").createServer((_, answer) => answer.end()).listen(0, "127.0.0.1", async () => {
          const { port } = server.address();
          const said = [await fetch("https://gateway.invalid/").catch((error) => error.cause.code)];
          said.push((await fetch(`http://127.0.0.1:${port}/`)).status);
          require("tls").connect({ port, host: "127.0.0.1", servername: "Gateway.invalid." }).on("error", (error) => {
            console.log(said.concat(error.code).join());
            process.exit();
          });
        });
        '''

        def test_node(pixazo):
            assert subprocess.check_output(["node", "-e", CODE], text=True) == "ECONNREFUSED,200,ECONNREFUSED\\n"
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    assert lines(result) == [expected_message("in a process that test_app.py::test_node started")]


@pytest.mark.slow
def test_other_children_are_left_alone(pytester: pytest.Pytester) -> None:
    """A child that does not use the network imports nothing of ours; it has its own sitecustomize and sys.path, and so has the test.

    One that has lost some of the variables runs, too.
    """
    pytester.mkdir("theirs").joinpath("sitecustomize.py").write_text("import sys; sys.theirs = True", encoding="ascii")
    result = run(
        pytester,
        """
        import os, subprocess, sys

        STATE = "import sys; print(hasattr(sys, 'theirs'), [p for p in sys.path if 'preload' in p], [m for m in sys.modules if 'pixazo' in m])"
        NAMES = ("PYTHONPATH", "NODE_OPTIONS", "PIXAZO_GUARD")
        before = [os.environ.get(name) for name in NAMES]

        def output(*options, **environment):
            return subprocess.check_output([sys.executable, *options, "-c", STATE], text=True, env=os.environ | environment)

        def test_child(pixazo):
            assert output(PYTHONPATH=os.environ["PYTHONPATH"] + os.pathsep + "theirs") == "True [] []\\n"
            assert output("-S").startswith("False ")
            assert output("-I").startswith("False []")
            assert output(PIXAZO_GUARD="") == "False [] []\\n"
            assert subprocess.run([sys.executable, "-c", "import socket; socket.socket().close()"]).returncode == 0

        def test_afterwards():
            assert [os.environ.get(name) for name in NAMES] == before
        """,
    )
    result.assert_outcomes(passed=2)
    assert result.errlines == []


@pytest.mark.slow
def test_an_environment_that_is_put_back_holds_no_ban(pytester: pytest.Pytester) -> None:
    """A class fixture takes a snapshot of it in a guarded test, and restores it after the last one."""
    result = run(
        pytester,
        """
        import os
        from unittest.mock import patch

        import pytest

        NAMES = ("PYTHONPATH", "NODE_OPTIONS", "PIXAZO_GUARD")
        os.environ["NODE_OPTIONS"] = "--no-warnings"
        before = [os.environ.get(name) for name in NAMES]

        @pytest.fixture(scope="class")
        def patched():
            with patch.dict(os.environ, {"A": "1"}):
                yield

        @pytest.fixture(scope="class")
        def prepended():
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setenv("PYTHONPATH", "theirs", prepend=os.pathsep)
                yield

        class TestGuardedAndNot:
            def test_guarded(self, pixazo, patched):
                pass

            def test_not(self):
                assert [os.environ.get(name) for name in NAMES] == before

        def test_after_them():
            assert [os.environ.get(name) for name in NAMES] == before

        class TestGuarded:
            def test_first(self, pixazo, patched, prepended):
                assert "test_first" in os.environ["PIXAZO_GUARD"]

            def test_second(self, pixazo):
                assert "test_second" in os.environ["PIXAZO_GUARD"]

            def test_theirs_is_left(self):
                assert os.environ["PYTHONPATH"] == "theirs" + os.pathsep + before[0]

        class TestTwoGuarded:
            def test_first(self, pixazo, patched):
                pass

            def test_second(self, pixazo):
                pass

        def test_after_all():
            assert [os.environ.get(name) for name in NAMES] == before
        """,
    )
    result.assert_outcomes(passed=9)


@pytest.mark.exhaustive
def test_exec_redirects_within_a_test(pytester: pytest.Pytester) -> None:
    """Also when the tests themselves run under it: both redirect the hosts to a simulator."""
    call = "import requests; print(requests.post('https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate', json={'prompt': 'A bear'}, headers={'Ocp-Apim-Subscription-Key': 'k'}).status_code)"
    source = f"""
        import subprocess, sys

        def test_child(pixazo):
            assert subprocess.check_output([*START, sys.executable, "-c", {call!r}], text=True) == "202\\n"
        """
    by_curl = """
        def test_curl(pixazo):
            subprocess.run([*START, "curl", "-s", "-o", "answer.txt", "https://gateway.pixazo.ai/v2/requests/status/a"], check=True)
        """
    started = (source + by_curl).replace("START", repr([COMMAND, "exec", "--"]))
    run(pytester, started, conftest="").assert_outcomes(passed=2)
    pytester.makepyfile(test_app=source.replace("*START, ", ""))
    inside = pytester.run(COMMAND, "exec", "--", sys.executable, "-m", "pytest", *QUIET)
    inside.assert_outcomes(passed=1)
