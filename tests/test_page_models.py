"""From a page to a gateway: what `page model` drafts is served as it is."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from pixazo_contracts.pages import InvalidPageError, draft_model, own_page, read_page
from pixazo_simulator import Simulator
from pixazo_simulator.spec import HAILUO
from tests.caller import Caller, over_http
from tests.contracts.pages.test_reading import RENDERED


def drafted(markdown: str, folder: Path) -> str:
    """The path of a model file drafted from a page."""
    place = folder / "drafted.toml"
    place.write_text(draft_model(read_page(markdown), date(2026, 4, 15)), encoding="utf-8")
    return str(place)


def test_a_drafted_model_reaches_its_media(tmp_path: Path) -> None:
    """With the rules of its page, its price, and the callback that it names."""
    with Simulator(models=[drafted(RENDERED, tmp_path)]) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        path = "/test-video/v1/video-request"
        assert "prompt is required" in caller.call("POST", path, {}).body.decode()
        assert caller.call("POST", path, {"prompt": "x" * 2501}).status == 400
        assert caller.call("POST", path, {"prompt": "A cat", "duration": 7}).status == 400
        accepted = caller.call("POST", path, {"prompt": "A cat", "duration": 10, "size": "832*480"}).json()
        assert accepted["request_id"].startswith("test-video_")
        assert caller.sim("world")["balance"] == "99.96"
        caller.advance(60)
        assert caller.read(accepted["request_id"]).json()["output"]["media_url"][0].endswith(".mp4")


def test_of_two_tables_of_prices_the_last_counts() -> None:
    """That is the one of the model; they are not added up."""
    (operation,) = read_page(f"{RENDERED}Test v2 Pricing\n| Resolution | Price (USD) |\n| Any | $0.20 |\n").operations
    assert operation.prices == {"Any": "$0.20"}


def test_an_empty_sample_is_no_response(tmp_path: Path) -> None:
    """What is drafted without one queues, as every operation does."""
    empty = re.sub(r"(?s)(\*\*Output\*\*\n)\{.*?\n\}", r"\1```json\n{}\n```", RENDERED, count=1)
    assert empty != RENDERED
    text = Path(drafted(empty, tmp_path)).read_text(encoding="utf-8")
    assert "response" not in tomllib.loads(text)["operations"][0]


def test_another_operation_of_our_page_is_served(tmp_path: Path) -> None:
    """Beside the two that are always there. Of what is said twice the first row counts, and what can be no member is a comment."""
    row = "\n\nNo\n\ninteger\n\nA number.\n\nduration\n\nNo\n\nnumber"
    page = own_page().replace(
        "\nduration\n\nNo\n\nnumber", f"\n2nd{row.replace('duration', 'prompt')}{row.replace('number', 'integer')}"
    )
    page = page.replace("/v1/generate", "/v1/extendVideo")
    place = drafted(page[page.index("### Text to Video") :], tmp_path)
    text = Path(place).read_text(encoding="utf-8")
    assert "# '2nd' is not a member of the body: A number." in text
    assert text.count('name = "prompt"') == 1
    with Simulator(models=[place]) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        assert caller.call("POST", "/minimax-hailuo-ai/v1/extendVideo", {"prompt": "A bear"}).status == 202
        assert caller.sim("journal")["exchanges"][0]["submitted"] == "minimax-hailuo-ai/extendVideo"


def test_a_page_of_which_nothing_can_be_drafted_is_refused() -> None:
    """With the reason: a model file without operations is none."""
    with pytest.raises(InvalidPageError, match="PUT /minimax-hailuo-ai/v1/imageToVideo is left out: a model file has"):
        draft_model(read_page(own_page().replace("POST https", "PUT https")), date(2026, 4, 15))


def test_a_price_per_second_is_multiplied_by_the_duration() -> None:
    """By the resolution, which is in the first of two columns."""
    table = (
        "| Resolution | Duration | Price (USD) |\n| 768P | 1s | $0.05 per second |\n| 1080P | 1s | $0.08 per second |\n"
    )
    page = own_page()
    page = page[: page.index("### Text to Video")] + f"\n## Pricing\n{table}"
    price = tomllib.loads(draft_model(read_page(page), date(2026, 4, 15)))["operations"][0]["price"]
    assert price == {"base": "0.05", "by": "resolution", "values": {"768P": "0.05", "1080P": "0.08"}, "per": "duration"}


def test_the_model_file_of_the_page_is_what_the_page_says() -> None:
    """Parameters, which of them are required, and their types."""
    said = {
        (each.path, parameter.name, bool(parameter.required), parameter.type)
        for each in read_page(own_page()).operations
        for parameter in each.parameters
    }
    assert said == {
        (each.path, parameter.name, parameter.required, parameter.type)
        for each in HAILUO
        for parameter in each.parameters
    }
