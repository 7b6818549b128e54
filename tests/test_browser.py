"""The browser of the tests sees what is wrong with a page, reaches loopback only, and is in the way of no other test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.browser import Browsing, accessible, screenshots
from tests.tools import tool


class _Echo(BaseHTTPRequestHandler):
    """Answers with the status, the policy and the page that the URL names: `/STATUS/POLICY/PAGE`; there is no icon."""

    def do_GET(self) -> None:
        path = self.path if self.path != "/favicon.ico" else "/204//"
        _, status, policy, text = map(unquote, path.split("/", 3))
        body = f"<!doctype html><html lang=en><title>a page</title>{text}".encode()
        self.send_response(int(status))
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is named
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a server of such pages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/200/default-src 'unsafe-inline'/<script>console.warn('so')</script>", "console warning: so ("),
        ("/200/default-src 'unsafe-inline'/<script>console.error('no')</script>", "console error: no ("),
        ("/200/default-src 'unsafe-inline'/<script>throw Error('oops')</script>", "uncaught: oops"),
        ("/200/default-src 'unsafe-inline'/<script>alert('hello')</script>", "alert: hello"),
        ("/200/default-src 'self'/<script>1</script>", "Content-Security-Policy: script-src-elem forbids inline"),
        ("/200/default-src 'self'/<b style='color:red'>red</b>", "Content-Security-Policy: style-src-attr forbids inline"),
        ("/200/default-src */<img src=http://pixazo.example/a.png>", "a request beyond loopback: http://pixazo.example/a.png"),
        ("/200/default-src */<img src=http://192.0.2.1/a.png>", "a request beyond loopback: http://192.0.2.1/a.png"),
        ("/503/default-src */busy", "503 of GET "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_page_is_a_complaint(browsing: Browsing, site: str, path: str, said: str) -> None:
    """Each fault has its line; none is left over for another test."""
    browsing.open(site + path)
    browsing.close()
    found = list(browsing.complaints)
    browsing.complaints.clear()
    assert [line for line in found if said in line], found


@pytest.mark.slow
@pytest.mark.parametrize("host", ["pixazo.example", "192.0.2.1"])
def test_nothing_beyond_loopback_is_asked(browsing: Browsing, site: str, host: str) -> None:
    """No name is resolved, no address connected to."""
    page = browsing.open(f"{site}/200/default-src */hello")
    failure = page.evaluate(f"fetch('http://{host}/', {{mode: 'no-cors'}}).then(() => 'answered', String)")
    console = " ".join(browsing.complaints)
    browsing.complaints.clear()
    assert (failure, "ERR_NAME_NOT_RESOLVED" in console) == ("TypeError: Failed to fetch", True)


IN_ONE_PROCESS = """
import asyncio

def test_first(page):
    assert asyncio.get_running_loop()

def test_between():
    assert asyncio.run(asyncio.sleep(0, "slept")) == "slept"

def test_last(page):
    page.evaluate("console.error(42)")
"""


@pytest.mark.slow
def test_pages_of_one_process(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test between those of the browser runs an event loop of its own; a page that complains fails its test, with the complaint."""
    tool("chromium")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest("from tests.browser import *")
    pytester.makepyfile(IN_ONE_PROCESS)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    done.stdout.fnmatch_lines(["*AssertionError: console error: 42*"])
    done.assert_outcomes(passed=3, errors=1)
    assert "Exception ignored" not in done.stdout.str() + done.stderr.str()


@pytest.mark.slow
def test_a_grave_fault_is_not_accessible(browsing: Browsing, site: str) -> None:
    """A picture without words is one; so is a text that one can hardly see, in whatever look."""
    page = browsing.open(f"{site}/200/style-src 'unsafe-inline'/<main><h1>Pictures</h1><img src=data:,></main>")
    with pytest.raises(AssertionError, match=r"400-dark: critical image-alt: <img "):
        accessible(page)


@pytest.mark.slow
def test_a_page_that_is_too_wide_is_not_accessible(browsing: Browsing, site: str) -> None:
    """It would have to be scrolled sideways on a telephone."""
    wide = "<main><h1>Wide</h1><div style='width:500px'>a</div></main>"
    page = browsing.open(
        f"{site}/200/style-src 'unsafe-inline'/<meta name=viewport content='width=device-width'>{wide}"
    )
    with pytest.raises(
        AssertionError, match=r"\A400-light: the page is \d+ pixels wider than the window\n400-dark: .*\Z"
    ):
        accessible(page)


@pytest.mark.slow
def test_screenshots_are_kept(browsing: Browsing, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four pictures of a page, by width and colours."""
    monkeypatch.setenv("PIXAZO_SCREENSHOTS", str(tmp_path))
    screenshots(browsing.open(f"{site}/200/default-src */hello"), "hello")
    assert {each.name for each in tmp_path.iterdir()} == {
        f"hello-{width}-{scheme}.png" for width in (1280, 400) for scheme in ("light", "dark")
    }
