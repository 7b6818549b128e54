"""The console in a real browser, as a developer uses it: nothing it does complains, and all of it can be reached."""

from __future__ import annotations

import re

import pytest
from tests.browser import Browsing, accessible, counted, screenshots
from tests.caller import GENERATE, Caller, over_http

from pixazo_simulator.server.simulator import Simulator

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">'"&\x1b[2J\u202e{{ 7 * 7 }}"""
PAGES = ("", "/requests", "/requests/1", "/webhooks", "/webhooks/1", "/videos", "/script", "/policy", "/try")


@pytest.fixture
def here(simulator: Simulator, caller: Caller) -> str:
    """The page of the caller's world."""
    newest = caller.call("GET", "/_sim/worlds").json()["worlds"][-1]
    return f"{simulator.url}/_sim/console/worlds/{newest['number']}"


@pytest.fixture
def lived(simulator: Simulator, caller: Caller) -> Caller:
    """A caller whose world has seen a good and a bad end, a refusal, a rule, webhooks, and texts that mean harm."""
    caller.call(
        "POST",
        "/_sim/script/rules",
        {
            "when": "generate",
            "match": {"prompt": {"contains": "storm"}},
            "end": {"status": "FAILED", "error": "no storms"},
        },
    )
    good = caller.accepted("A bear", webhook=f"{simulator.url}/_sim/console/receiver")
    caller.accepted("A storm", webhook="http://127.0.0.1:9/hook")
    caller.advance(5)
    caller.status(good)
    caller.advance(11)
    caller.status(good)
    caller.call("POST", GENERATE, {"prompt": HOSTILE, "duration": 10, "resolution": "1080P"}, {"X-Note": "<b>note</b>"})
    caller.accepted(HOSTILE)
    caller.advance(1)
    return caller


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_and_fits(browsing: Browsing, lived: Caller, here: str, path: str) -> None:
    """In light and dark, 1280 and 400 pixels wide, with texts that mean harm."""
    page = browsing.open(here + path)
    accessible(page)
    screenshots(page, f"console{path.replace('/', '-')}")


@pytest.mark.slow
def test_a_generation_is_seen_to_its_end_without_reload(browsing: Browsing, caller: Caller, here: str) -> None:
    """Its row, its requests and the wallet are up to date as soon as something happens."""
    page = browsing.open(here)
    page.evaluate("window.isTheSame = true")
    page.get_by_text(re.compile("^Nothing has ")).first.wait_for()
    caller.accepted("A bear")
    page.get_by_text("$99.65").first.wait_for()
    page.get_by_text("becomes").first.wait_for()
    page.get_by_role("button", name="To next event").click()
    page.get_by_role("status").get_by_text("is PROCESSING").wait_for()
    page.get_by_role("button", name="+15 s").click()
    page.locator("svg .end.COMPLETED").wait_for()
    assert page.evaluate("window.isTheSame")


@pytest.mark.slow
def test_the_clock_that_runs_is_seen_to_run(browsing: Browsing, simulator: Simulator, caller: Caller) -> None:
    """Second by second, and a generation ends on the page by itself."""
    created = caller.call("POST", "/_sim/worlds", {"clock": "x20", "name": "a running clock"}).json()
    number = caller.call("GET", "/_sim/worlds").json()["worlds"][-1]["number"]
    other = Caller(over_http(simulator.url), created["key"])
    other.accepted("A bear")
    page = browsing.open(f"{simulator.url}/_sim/console/worlds/{number}")
    page.locator("svg .end.COMPLETED").wait_for()
    other.call("DELETE", "/_sim/world")
    page.get_by_text(f"there is no world {number}").wait_for()


@pytest.mark.slow
def test_a_request_says_why_what_it_cost_and_what_would_happen_now(
    browsing: Browsing, lived: Caller, here: str
) -> None:
    """The refusal, the rule, the charge, the nearest rule and what differed, a command."""
    page = browsing.open(f"{here}/requests")
    page.get_by_role("row").filter(has_text="400").get_by_role("link").click()
    assert "resolution 1080P is not available" in page.locator("#opened .banner").inner_text()
    page.get_by_text("nothing", exact=True).first.wait_for()
    page.get_by_text("What would happen now").click()
    page.locator("#now td").get_by_text("expected: contains 'storm'").wait_for()
    page.get_by_text("As a command").click()
    assert "curl -sS" in page.locator("#command pre").inner_text()
    page.goto(f"{here}/requests/2")
    page.get_by_text("debit −$0.35").wait_for()
    page.locator("#opened").get_by_text("prompt contains 'storm'").first.wait_for()


@pytest.mark.slow
def test_the_search_shows_what_passes_and_keeps_the_focus(browsing: Browsing, lived: Caller, here: str) -> None:
    """While one types, from the key / on; the address holds the search."""
    page = browsing.open(f"{here}/requests")
    page.keyboard.press("/")
    page.keyboard.type("storm")
    page.get_by_text(re.compile("^1 request")).wait_for()
    assert page.evaluate("document.activeElement.id") == "text"
    page.wait_for_url("**text=storm*")
    page.reload()
    counted(page.locator("#rows tr"), 1)


@pytest.mark.exhaustive
def test_ten_thousand_requests_stay_smooth(browsing: Browsing, caller: Caller, here: str) -> None:
    """A page has at most 200 rows, and older ones are a click away."""
    identity = caller.accepted("A bear")
    for _ in range(10_000):
        caller.status(identity)
    page = browsing.open(f"{here}/requests")
    counted(page.locator("#rows tr"), 100)
    page.get_by_role("link", name="Older").click()
    counted(page.locator("#rows tr"), 100)
    page.locator("#rows tr:first-child .number", has_text=re.compile("^9901$")).wait_for()
    caller.status(identity)
    page.get_by_text(re.compile("^10002 requests")).wait_for()


@pytest.mark.slow
def test_the_slider_shows_the_world_as_it_was(browsing: Browsing, lived: Caller, here: str) -> None:
    """With the keyboard; what was not yet so is not shown, and one click leads back to now."""
    page = browsing.open(here)
    counted(page.locator("svg .end"), 2)
    page.locator("#moment").focus()
    page.keyboard.press("Home")
    page.get_by_text("as it was at").wait_for()
    counted(page.locator("svg .end"), 0)
    page.keyboard.press("End")
    page.get_by_text("as it was at").wait_for(state="detached")
    counted(page.locator("svg .end"), 2)


@pytest.mark.slow
def test_a_webhook_is_opened_and_sent_again(browsing: Browsing, lived: Caller, here: str) -> None:
    """With its body, its attempts, and when the next one is due."""
    page = browsing.open(f"{here}/webhooks/2")
    assert '"status": "FAILED"' in page.locator("#opened pre").first.inner_text()
    assert "none: it is done" not in page.locator("#opened").inner_text()
    page.get_by_role("button", name="Send again now").click()
    page.get_by_role("status").get_by_text("was posted again").wait_for()
    page.goto(f"{here}/webhooks/1")
    page.get_by_role("button", name="Send again now").click()
    page.get_by_text("answered 204").wait_for()
    page.get_by_text("repeats 1").wait_for()


@pytest.mark.slow
def test_a_rule_is_added_refused_replaced_and_removed(browsing: Browsing, caller: Caller, here: str) -> None:
    """With the messages of the control API."""
    page = browsing.open(f"{here}/script")
    page.locator("#new-rule").fill('{"when": "genrate", "reply": {"status": 503}}')
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Refused:").wait_for()
    assert "genrate" in page.get_by_role("status").inner_text()
    page.locator("#new-rule").fill('{"when": "generate", "reply": {"status": 503}}')
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Rule 1 was added").wait_for()
    page.locator("#rule-1").get_by_text("Edit").click()
    page.locator("#rule-text-1").fill('{"when": "generate", "reply": {"status": 502}}')
    page.get_by_role("button", name="Replace").click()
    page.get_by_text("Rule 1 was replaced").wait_for()
    assert caller.call("POST", GENERATE, {"prompt": "A bear"}).status == 502
    page.get_by_role("button", name="Remove").click()
    page.locator("#rule-1").wait_for(state="detached")


@pytest.mark.slow
def test_a_fault_is_armed_with_one_click(browsing: Browsing, caller: Caller, here: str) -> None:
    """For the next call that it is about, and no other."""
    page = browsing.open(f"{here}/script")
    page.get_by_role("button", name="Arm status_code").click()
    page.get_by_text("Armed as rule 1").wait_for()
    page.locator("#rule-1").wait_for()
    statuses = [caller.call("POST", GENERATE, {"prompt": "A bear"}).status for _ in range(2)]
    assert statuses[0] >= 400
    assert statuses[1] == 202


@pytest.mark.slow
def test_the_policy_is_changed_for_this_world(browsing: Browsing, caller: Caller, here: str) -> None:
    """The page quotes the vendor's, and marks what is not the default."""
    page = browsing.open(f"{here}/policy")
    page.locator("#price").get_by_text("Your wallet does not have enough balance.").wait_for()
    page.get_by_label("submit_code").select_option("200")
    page.locator("#submit_code").get_by_text("was 202").wait_for()
    assert caller.call("POST", GENERATE, {"prompt": "A bear"}).status == 200


@pytest.mark.slow
def test_the_example_of_the_page_is_sent(browsing: Browsing, caller: Caller, here: str) -> None:
    page = browsing.open(f"{here}/try")
    page.get_by_label("X-Webhook-URL").fill(f"{here.partition('/worlds')[0]}/receiver")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/requests/1")
    page.locator("#opened").get_by_text("202").first.wait_for()
    assert caller.call("GET", "/_sim/deliveries").json()["total"] == 1


@pytest.mark.slow
def test_a_video_plays(browsing: Browsing, lived: Caller, here: str) -> None:
    """The one that the media host has, with its size and ETag; the journal does not count that it was watched."""
    before = lived.call("GET", "/_sim/journal").json()["total"]
    page = browsing.open(f"{here}/videos")
    video = page.locator("video").first
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    assert round(video.evaluate("video => video.duration")) == 6
    assert lived.call("GET", "/_sim/journal").json()["total"] == before


@pytest.mark.slow
def test_everything_can_be_read_without_scripts(browsing: Browsing, lived: Caller, here: str) -> None:
    page = browsing.open(here, scripts=False)
    for name in ("Requests", "Script", "Timeline"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
    page.get_by_role("link", name=re.compile("POST generate")).first.click()
    page.locator("#opened pre").first.wait_for()


@pytest.mark.slow
def test_every_control_is_reached_by_the_keyboard(browsing: Browsing, lived: Caller, here: str) -> None:
    """From the link that skips the head to the rows of the timeline, in the order in which they stand."""
    page = browsing.open(here)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = [""]
    while not reached[-1].startswith("line-"):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        assert len(reached) <= 40
    assert "advance-15" in reached
    assert "moment" in reached
    assert page.locator("#tip").inner_text().startswith(("generate", "imageToVideo"))


@pytest.mark.slow
def test_unmatched_requests_are_the_first_thing_one_sees(browsing: Browsing) -> None:
    """With what to change, when nothing else has arrived."""
    with Simulator() as server:
        over_http(server.url)("POST", GENERATE, {"Ocp-Apim-Subscription-Key": "not-a-key"}, b"{}")
        page = browsing.open(f"{server.url}/_sim/console")
        assert page.get_by_role("heading").nth(0).inner_text() == "1 request reached no world"
        page.get_by_role("link", name="POST /minimax").click()
        page.get_by_text("What to change:").wait_for()
        browsing.close()  # before the server: a page may still ask for its icon
