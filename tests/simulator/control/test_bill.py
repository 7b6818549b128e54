"""The bill of a world, added up by hand: a video without parameters costs 0.35 dollars."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.receiver import Receiver, http_response

from pixazo_simulator import ControlClient, Simulator

PRICE, NOTHING = Decimal("0.35"), Decimal()


class App:
    """An app with a world of its own."""

    def __init__(self, control: ControlClient) -> None:
        self.control = control
        self.caller = Caller(over_http(control.url), control.api_key or "")

    def submit(self, prompt: str = "A bear", headers: dict[str, str] | None = None, **members: object) -> str:
        """Submit, and return the id of the latest generation, which the app may not have been told."""
        self.caller.call("POST", GENERATE, {"prompt": prompt, **members}, headers or {})
        return self.control.generations().generations[-1].request_id

    def read(self, request_id: str) -> dict[str, Any]:
        """Read a status."""
        body: dict[str, Any] = self.caller.call("GET", f"/v2/requests/status/{request_id}").json()
        return body

    def fates(self) -> list[tuple[str, str | None]]:
        """Fate and waste of each generation on the bill."""
        return [(each.fate, each.waste) for each in self.control.bill().generations]


@pytest.fixture
def app(simulator: Simulator) -> Iterator[App]:
    """With a manual clock."""
    control = simulator.control().create_world(clock="manual")
    yield App(control)
    control.delete_world()


def test_a_video_is_delivered_once_it_is_downloaded(app: App) -> None:
    """Before that it runs, is unread, and then the app was told where it is."""
    name = app.submit()
    assert app.fates() == [("running", None)]
    app.control.advance(15)
    assert app.fates() == [("unread", "never read")]
    url: str = app.read(name)["output"]["media_url"][0]
    assert app.fates() == [("told", None)]
    assert app.caller.call("GET", urlsplit(url).path).status == 200
    bill = app.control.bill()
    assert app.fates() == [("delivered", None)]
    assert (bill.total, bill.spent, bill.refunded, bill.wasted) == (1, PRICE, NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        ('{"status" : "COMPLETED"}', "told"),
        ('{"status":"\\u0043OMPLETED"}', "told"),
        ('{"error":{"status":"COMPLETED"}}', "unread"),
        ('"status":"COMPLETED"', "unread"),
    ],
)
def test_a_read_is_understood_as_json(app: App, body: str, fate: str) -> None:
    """Whatever its white space and escapes are."""
    name = app.submit()
    app.control.advance(15)
    app.control.add_rule({"when": "status", "reply": {"status": 200, "text": body}})
    app.caller.call("GET", f"/v2/requests/status/{name}")
    assert app.fates() == [(fate, "never read" if fate == "unread" else None)]


def test_an_orphan_comes_with_the_command_that_reads_its_status(app: App) -> None:
    """The key is a variable of the shell in it."""
    name = app.submit()
    app.control.advance(15)
    (line,) = app.control.bill().generations
    expected = f'curl -sS -H "Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY" "$PIXAZO_BASE_URL"/v2/requests/status/{name}'
    assert line.curl == expected


def test_a_submission_repeated_after_a_lost_reply_is_charged_twice(app: App) -> None:
    """One of the two is waste: that which the app cannot know."""
    app.control.add_rule({"when": "submit", "faults": [{"fault": "reply_lost"}], "times": 1})
    with pytest.raises(Exception):  # noqa: B017, PT011 - as the transport has it
        app.caller.call("POST", GENERATE, {"prompt": "A bear"})
    assert app.fates() == [("lost", "never read")]
    app.submit()
    assert app.fates() == [("lost", "charged twice"), ("running", None)]
    bill = app.control.bill()
    assert (bill.spent, bill.wasted, bill.wasted_generations) == (2 * PRICE, PRICE, 1)


def test_an_order_with_another_webhook_url_repeats_none(app: App) -> None:
    """It may be another user's: it is neither charged twice after a lost reply, nor has it failed before."""
    app.control.add_rule({"when": "submit", "faults": [{"fault": "reply_lost"}], "times": 1})
    with pytest.raises(Exception):  # noqa: B017, PT011 - as the transport has it
        app.submit("[[sim:failed]]", headers={"X-Webhook-URL": "http://127.0.0.1:9/users/1"})
    app.control.advance(15)
    app.read(app.control.generations().generations[0].request_id)
    app.submit("[[sim:failed]]", headers={"X-Webhook-URL": "http://127.0.0.1:9/users/2"})
    assert [(each.waste, each.failed_before) for each in app.control.bill().generations] == [(None, 0)] * 2


def test_two_variations_of_one_prompt_are_no_waste(app: App) -> None:
    """Equal bodies are legal."""
    app.submit()
    app.submit()
    assert app.fates() == [("running", None)] * 2


def test_what_is_refunded_is_not_wasted(app: App) -> None:
    """A generation that ends ERROR, and of which the app never read, cost nothing."""
    app.submit("[[sim:error]]")
    app.control.advance(15)
    bill = app.control.bill()
    assert app.fates() == [("unread", None)]
    assert (bill.spent, bill.refunded, bill.wasted) == (PRICE, PRICE, NOTHING)


def test_what_the_page_forbids_could_have_been_refused(app: App) -> None:
    """Where the policy accepts it and lets it fail."""
    app.control.change_world(policy={"combo_1080p_10s": "fail"})
    name = app.submit(resolution="1080P", duration=10)
    app.control.advance(60)
    assert app.read(name)["status"] == "FAILED"
    assert app.fates() == [("told", "could have been refused")]


@pytest.mark.parametrize(("code", "fate"), [(200, "told"), (500, "unread")])
def test_a_callback_tells_an_app_that_accepts_it(app: App, code: int, fate: str) -> None:
    with Receiver(http_response(code)) as receiver:
        app.submit(headers={"X-Webhook-URL": receiver.url})
        app.control.advance(15)
    assert app.fates()[0][0] == fate


def test_generations_that_a_world_begins_with_are_not_billed(simulator: Simulator) -> None:
    control = simulator.control().create_world(
        clock="manual", generations=[{"status": each} for each in ("COMPLETED", "QUEUED")]
    )
    assert (control.bill().total, control.bill().spent) == (0, NOTHING)
    control.delete_world()


@pytest.mark.parametrize("reads", [True, False])
def test_a_request_that_failed_before_is_counted_where_the_app_knew_of_it(app: App, reads: bool) -> None:
    """By a read; another prompt is another request, and two submissions at once are no repetition."""
    prompts = ["[[sim:failed]]", "[[sim:failed]]", "A bear [[sim:failed]]", "[[sim:failed]]"]
    for prompt in prompts:
        name = app.submit(prompt)
        app.control.advance(15)
        if reads:
            assert app.read(name)["status"] == "FAILED"
    assert [each.failed_before for each in app.control.bill().generations] == ([0, 1, 0, 2] if reads else [0] * 4)


@pytest.mark.parametrize(("code", "count"), [(200, 1), (500, 0)])
def test_a_callback_tells_of_a_failure(app: App, code: int, count: int) -> None:
    with Receiver(http_response(code)) as receiver:
        app.submit("[[sim:failed]]", headers={"X-Webhook-URL": receiver.url})
        app.control.advance(15)
    app.submit("[[sim:failed]]", headers={"X-Webhook-URL": receiver.url})
    assert app.control.bill().generations[-1].failed_before == count


def test_the_first_callback_about_an_end_tells_of_it(app: App) -> None:
    """Two URLs may be given; what another attempt says later is known already."""
    with Receiver() as prompt, Receiver(http_response(500), http_response(204)) as late:
        for _ in range(2):
            app.submit("[[sim:failed]]", headers={"X-Webhook-URL": prompt.url}, callback_url=late.url)
            app.control.advance(15)
        app.control.advance(60)
    assert [each.failed_before for each in app.control.bill().generations] == [0, 1]


def test_a_rule_is_about_the_generation_that_a_submission_would_be(app: App) -> None:
    """What is refused is no generation; neither is what the world began with, nor a state that a read has ended."""
    app.control.change_world(policy={"job_times": "polls:1"})
    app.control.add_rule({"when": "submit", "match": {"generation": 2}, "reply": {"status": 503}, "times": 2})
    submissions = [app.caller.generate() for _ in range(2)]
    app.read(submissions[0].json()["request_id"])
    submissions += [app.caller.generate() for _ in range(3)]
    assert [each.status for each in submissions] == [202, 503, 503, 202, 202]
    app.control.add_rule({"when": "request", "match": {"generation": 3}, "reply": {"status": 429}})
    read = [app.caller.read(each.json()["request_id"]).status for each in submissions if each.status == 202]
    assert read == [200, 200, 429]


def test_explain_knows_which_generation_a_submission_would_be(app: App) -> None:
    """So that it says of a rule why it does not apply."""
    app.submit()
    app.control.add_rule({"when": "submit", "match": {"generation": 3}, "reply": {"status": 503}})
    found = app.control.explain("POST", GENERATE, body={"prompt": "A bear"})
    assert found.status == 202
    assert "generation is 2" in str(found)
