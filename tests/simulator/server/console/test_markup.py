"""The markup of every page: nothing in it runs or is loaded from elsewhere, ids are unique, every control has a name."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from tests.caller import Caller, over_http
from tests.simulator.server.console.visitor import ACTIONS, BASE, HEADERS, HOSTILE, PAGES, Visitor, live

from pixazo_simulator.server.simulator import Simulator

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LOADS = {"src", "href", "action", "poster", "data", "formaction", "xlink:href", "hx-get", "hx-post", "hx-sse:connect"}
"""Attributes that name what is loaded, or gone to."""


class Markup(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        given = dict(attrs)
        assert len(given) == len(attrs), f"twice the same attribute: {attrs}"
        self.elements.append((tag, given))
        if tag not in VOID and tag != "option":  # which needs no end
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element of SVG that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Every element is closed in turn."""
        assert tag == "option" or self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        """Keep what runs, and what names a button."""
        if self.open and self.open[-1] in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every page of a world in which something of everything has happened; every refusal, and every message of a form."""
    with Simulator(state="memory-log") as server:
        send = over_http(server.url)
        live(Caller(send, server.api_key))
        Caller(send, "unknown").call("GET", f"/{'<b>'}?<script>=1", headers={"X-Note": "<img src=x onerror=alert(1)>"})
        looking = Visitor(send)
        paths: tuple[str, ...] = (
            *PAGES,
            "/worlds/1?moment=-3",
            "/worlds/1?at=3",
            "/worlds/1/requests/4?explain",
            "/worlds/1/requests/5",
            "/worlds/1/requests/6",
        )
        paths += (
            "/worlds/1/requests?text=%3Cb%3E",
            "/unmatched?text=%3Cb%3E",
            "/worlds/9",
            "/<script>",
            "/worlds/1?at=<script>",
        )
        found = {path: looking.get(path) for path in paths}
        found |= {f"POST {path}": looking.post(path, form) for path, form in ACTIONS.items()}
        found |= {"a refused form": looking.post("/worlds/1/change", {"field": HOSTILE, "value": HOSTILE})}
        found |= {"another origin": looking.get("", Origin="http://<script>")}
    assert all(HEADERS.items() <= each.headers.items() for each in found.values())
    return {path: each.body.decode() for path, each in found.items()}


def test_no_page_holds_anything_that_runs(pages: dict[str, str]) -> None:
    """No text in a script or style element, no attribute with code or style, no URL that runs."""
    for path, text in pages.items():
        markup = Markup(text)
        assert markup.inline == [], path
        for tag, attributes in markup.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (
                path,
                tag,
                attributes,
            )
            assert tag not in ("iframe", "object", "embed", "base", "style"), path
            assert not re.search(
                r"javascript:|data:text", " ".join(filter(None, attributes.values())), re.IGNORECASE
            ), path


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, str]) -> None:
    """Only links lead to the page of the vendor."""
    for path, text in pages.items():
        for tag, attributes in Markup(text).elements:
            for name in LOADS & attributes.keys():
                target = attributes[name] or ""
                is_link = tag == "a" and target.startswith("https://www.pixazo.ai/")
                assert is_link or target.startswith((BASE, "#")), (path, tag, name, target)
                assert not is_link or attributes["rel"] == "noreferrer"


def test_every_element_is_closed_and_hostile_texts_make_none(pages: dict[str, str]) -> None:
    """The only scripts are ours, by their names."""
    for path, text in pages.items():
        markup = Markup(text)
        assert markup.open == [], path
        scripts = [attributes["src"] for tag, attributes in markup.elements if tag == "script"]
        ours = [f"{BASE}/static/{name}" for name in ("htmx.min.js", "hx-sse.min.js", "console.js")]
        assert scripts in ([], ours), path
        assert not {tag for tag, _ in markup.elements} & {"b", "img"}, path


def test_every_id_is_unique(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        elements = [attributes for _, attributes in Markup(text).elements]
        ids = [each["id"] for each in elements if "id" in each]
        assert len(ids) == len(set(ids)), path
        wanted = {
            name
            for each in elements
            for attribute in ("for", "aria-labelledby", "list")
            for name in (each.get(attribute) or "").split()
        }
        wanted |= {(each[name] or "")[1:] for each in elements for name in ("hx-target", "hx-select") if name in each}
        assert not wanted - set(ids), path


def test_every_control_has_a_name(pages: dict[str, str]) -> None:
    """A label, or a text for those who do not see the page."""
    for path, text in pages.items():
        elements = Markup(text).elements
        labelled = {attributes["for"] for tag, attributes in elements if tag == "label"}
        for tag, attributes in elements:
            if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden":
                assert attributes.get("id") in labelled or "aria-label" in attributes, (path, attributes)
            if tag == "a":
                assert attributes.get("href"), (path, attributes)
        assert not re.search(r"<button[^>]*>\s*</button>", text), path


def test_what_means_harm_is_shown_as_text(pages: dict[str, str]) -> None:
    """The markup escaped, the controls and what is not seen as JSON escapes."""
    shown = "".join(pages.values())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u2028]", shown)


def test_static_files_are_checked_again_by_their_tag() -> None:
    """With the type that they have, and nothing beside them."""
    with Simulator() as server:
        looking = Visitor(over_http(server.url))
        for name, kind in (
            ("style.css", "text/css"),
            ("htmx.min.js", "text/javascript"),
            ("icon.svg", "image/svg+xml"),
        ):
            first = looking.get(f"/static/{name}")
            assert (first.status, first.headers["content-type"].partition(";")[0]) == (200, kind)
            assert HEADERS.items() <= first.headers.items()
            again = looking.get(f"/static/{name}", **{"If-None-Match": first.headers["etag"]})
            assert (again.status, again.body) == (304, b"")
