"""Pages in a real browser: Debian's Chromium, driven by Playwright, which reaches loopback only.

A test takes `browsing` (several pages, without scripts if it likes) or `page` (one page). Whatever a page complains about fails its test.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.patience import PATIENCE
from tests.tools import package, tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, Response, WebError

__all__ = ["Browsing", "accessible", "browsing", "chromium", "counted", "looks", "page", "screenshots"]

FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]",
)  # fmt: skip
#: The addresses that leave nothing: loopback, files, and what is in the page itself.
NEAR: Final = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])[:/]|(file|data|blob|about):")
#: Chromium says it on its console, too, but not of every policy.
TELL_VIOLATIONS: Final = """document.addEventListener("securitypolicyviolation",
    event => console.error(`Content-Security-Policy: ${event.effectiveDirective} forbids ${event.blockedURI}`))"""
WIDTHS: Final = (1280, 400)
HEIGHT: Final = 900


class Browsing:
    """The pages of one test, which share cookies and storage with no other test, and what was wrong with them.

    `complaints` is empty at the end, or the test fails: a console error or warning, an uncaught error, a dialog, a violation of the
    Content-Security-Policy, a request beyond loopback, a 5xx answer. A test that means one of them takes it out. `requests` are the
    URLs that were asked for, in order.
    """

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._browser = browser

    def open(self, url: str, *, scripts: bool = True) -> Page:
        """A page in a context of its own, 1280 pixels wide and in light colours, that has loaded a URL; without `scripts` none of it runs."""
        context = self._browser.new_context(
            java_script_enabled=scripts, viewport={"width": WIDTHS[0], "height": HEIGHT}
        )
        context.set_default_timeout(PATIENCE * 1000)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("response", self._response)
        opened = context.new_page()
        opened.goto(url)
        return opened

    def close(self) -> None:
        """Close all pages, after what they still had to say."""
        for context in self._browser.contexts:
            for each in context.pages:
                each.evaluate("0")
            context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not NEAR.match(request.url):
            self.complaints.append(f"a request beyond loopback: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} of {response.request.method} {response.url}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One browser for the tests of a module, with the event loop in which Playwright drives it.

    Later tests of this process must not find that loop: `pixazo_sleep` asks every loop whether it is idle.
    """
    package("playwright")
    program = tool("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENCE * 1000)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@contextmanager
def _running(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Playwright's loop is the running one of this thread, as its calls leave it, and later no longer: other tests run loops of their own."""
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(None)


@pytest.fixture
def browsing(chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browsing]:
    """Opens pages, and fails the test if one of them complained."""
    browser, loop = chromium
    with _running(loop):
        pages = Browsing(browser)
        try:
            yield pages
        finally:
            pages.close()
    assert not pages.complaints, "\n".join(pages.complaints)


@pytest.fixture
def page(browsing: Browsing) -> Page:
    """One empty page."""
    return browsing.open("about:blank")


def counted(elements: Locator, number: int) -> None:
    """Wait until a page has so many of these elements: a click is answered later than it returns."""
    from playwright.sync_api import expect

    expect(elements).to_have_count(number, timeout=PATIENCE * 1000)


def looks(page: Page) -> Iterator[str]:
    """Show a page 1280 and 400 pixels wide, in light and dark colours, one after another; the name of each, such as `400-dark`."""
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            yield f"{width}-{scheme}"


def screenshots(page: Page, name: str) -> None:
    """Keep how a page looks, in files `NAME-400-dark.png` and so on of the folder $PIXAZO_SCREENSHOTS (`pixazo-screenshots` of the system's)."""
    folder = Path(os.environ.get("PIXAZO_SCREENSHOTS") or Path(tempfile.gettempdir()) / "pixazo-screenshots")
    for look in looks(page):
        page.screenshot(path=folder / f"{name}-{look}.png", full_page=True, animations="disabled")


def accessible(page: Page) -> None:
    """In each of its looks axe-core finds nothing serious in a page, and no page scrolls sideways."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = []
    for look in looks(page):
        result: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
        found += [
            f"{look}: {each['impact']} {each['id']}: {node['html']} ({node['failureSummary']})"
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        excess: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if excess > 0:
            found.append(f"{look}: the page is {excess} pixels wider than the window")
    assert not found, "\n".join(found)
