"""Probes as a whole, the printed payloads that they send, and when polling ends."""

from __future__ import annotations

import json

import pytest
from tests.contracts.fake_run import fake_dialogue, full_target
from tests.contracts.gateways.fake_gateway import Ask, Reply, refusal

from pixazo_contracts.probes import PROBES, for_clauses
from pixazo_contracts.probes.conversation import (
    MOST_MISSING,
    MOST_REFUSED,
    RunContext,
    Sample,
    follow,
    ordinary,
    poll,
    sample_text,
    submit,
)
from pixazo_contracts.trace.target import Profile


def test_probe_names_are_unique() -> None:
    """A trace tells probes apart by name."""
    assert len({probe.name for probe in PROBES}) == len(PROBES)


def test_a_selection_needs_few_probes() -> None:
    """To judge one clause the smoke test and the probes that feed it are enough."""
    assert [probe.name for probe in for_clauses(["STATUS-11"])] == ["smoke", "malformed ids"]


@pytest.mark.slow
def test_a_conversation_begins_without_a_network() -> None:
    """Every probe's conversation yields its first step without a network, and waits."""
    context = RunContext(
        profile=Profile(origin="http://127.0.0.1:1"), run="testrun0", prompts={"failed": "x", "error": "y"}
    )
    for probe in PROBES:
        conversation = probe.conversation(context)
        assert next(conversation) is not None, probe.name
        conversation.close()


def test_samples_are_the_printed_payloads() -> None:
    """Key facts of the printed payloads, spelled out."""

    def members(sample: Sample) -> dict[str, object]:
        decoded: dict[str, object] = json.loads(sample_text(sample))
        return decoded

    assert members("image_to_video")["prompt"] == "Man walked into winter cave with polar bear"
    assert len(str(members("text_to_video")["prompt"])) == 665
    assert "—" in sample_text("text_to_video")
    assert list(members("accepted")) == ["request_id", "status", "polling_url"]
    assert members("error")["output"] is None
    assert members("completed")["completed_at"] == "2026-03-31T10:00:15.000Z"
    assert members("insufficient_balance")["message"] == "Your wallet does not have enough balance."
    assert members("model_not_found")["message"] == "Model 'minimax-hailuo-ai' not found or is disabled"


SENDS = [submit("generate", {"prompt": f"Paper boat {n}"}, case="submit") for n in range(2)]


def test_following_ends_with_the_last_request() -> None:
    """Each request is read until it has ended, by each reader; the read that shows the end first is its result."""
    target = full_target()
    context = RunContext(profile=target.profile, run="testrun0")
    with fake_dialogue(target=target) as (dialogue, _):
        accepted = [dialogue.run(iter(each), "submit") for each in SENDS]
        ends = dialogue.run(follow(context, accepted, readers=("a", "b")), "follow")
        assert list(ends) == [each.accepted_id for each in accepted]
        assert {(end.state, end.reader) for end in ends.values()} == {("COMPLETED", "a")}


def test_a_failure_does_not_say_how_long_others_take() -> None:
    """A prompt that is known to fail may fail at once, or late: without another end the answer is one poll."""
    target = full_target()
    context = RunContext(profile=target.profile, run="testrun0", prompts=target.prompts)
    with fake_dialogue(target=target) as (dialogue, _):
        failing = submit("generate", {"prompt": target.prompts["failed"]}, case="failed-prompt")
        dialogue.run(poll(context, dialogue.run(iter(failing), "submit")), "failed")
        assert dialogue.run(ordinary(context), "ordinary") == context.profile.pace


@pytest.mark.parametrize(("code", "most"), [(401, MOST_REFUSED), (403, MOST_REFUSED), (404, MOST_MISSING)])
def test_polling_gives_up(code: int, most: int) -> None:
    """After as many reads that refuse the key, or find nothing; one request that is lost does not end the reads of another."""
    target = full_target(deadline=1000.0)
    context = RunContext(profile=target.profile, run="testrun0")
    lost = ""

    def edit(ask: Ask, reply: Reply) -> Reply:
        return refusal(code, "Lost", "lost") if lost and ask.path.endswith(lost) else reply

    with fake_dialogue(target=target, edit=edit) as (dialogue, _):
        accepted = [dialogue.run(iter(each), "submit") for each in SENDS]
        lost = str(accepted[0].accepted_id)
        assert dialogue.run(poll(context, accepted[0]), "poll") is None
        assert len(dialogue.trace().generations[0].reads) == most
        assert list(dialogue.run(follow(context, accepted), "follow")) == [accepted[1].accepted_id]
        assert len(dialogue.trace().generations[0].reads) == 2 * most
