"""What traffic shows of a gateway: a simulator with any value of the policy is found to have it by an app's ordinary calls."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.caller import GENERATE
from tests.contracts.traffic.tape import STATUS, Tape
from tests.receiver import Behaviour, http_response
from tests.simulator.samples import data_url, jpeg, png

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.cli.configure import Given, discover, run_clock
from pixazo_contracts.judge import Result, Terms, compare, evaluate
from pixazo_contracts.probes import PROBES
from pixazo_contracts.runner import ReceiverAddress, RunOptions, run
from pixazo_contracts.trace import ProfileFile, Trace
from pixazo_contracts.traffic import POINTS, find, write_profile
from pixazo_simulator import PROFILES, Policy, Settings, Simulator
from pixazo_simulator.server.files import read_profile
from pixazo_simulator.spec.policy import points, rows

IMAGE = "https://images.test/bear.png"
FINE = data_url(png(640, 360))
SMALL, UPRIGHT = data_url(png(300, 400)), data_url(png(450, 600))
WRONG_TYPES = (data_url(png(400, 400), "jpeg"), data_url(png(400, 400), "octet-stream"))
UNSHOWN = {"body_limit", "price", "refunds", "webhook_allow", "webhook_timeout"}
"""Points that no traffic decides."""


def _submits(tape: Tape) -> None:
    """Submits that are odd in one respect, read to their ends."""
    sent = [
        tape.submit(),
        tape.submit({"resolution": "8K"}),
        tape.submit({"duration": 10, "resolution": "1080P"}, image=FINE),
        tape.submit({"prompt": "🐻" * 1000}, image=FINE),
        tape.submit({"prompt": "🐻" * 1001}, image=FINE),
        tape.submit({"prompt": " "}),
        tape.submit({"seed": 1}),
        tape.submit({"prompt": "[[sim:moderated]]"}),
        tape.submit({"prompt": "[[sim:failed x]]"}),
        tape.submit({"duration": None}),
        tape.submit({"callback_url": ""}),
        tape.submit(headers={"X-Webhook-URL": "ftp://a.test/"}),
        tape.submit(headers={"X-Webhook-URL": "http://127.0.0.1:9/"}),
        tape.submit(headers={"Content-Type": "text/plain"}),
        *(tape.submit(image=image) for image in (SMALL, UPRIGHT, *WRONG_TYPES, "http://images.pixazo.ai/a.png", IMAGE)),
        tape.submit({"prompt": 42}),
    ]
    for wait in (0, 5, 20, 5, 10, 190):
        tape.advance(wait)
        envelopes = [tape.read(reply) for reply in sent]
    for envelope in envelopes:
        tape.download(envelope)


def _callers(tape: Tape) -> None:
    """Callers that are refused, and other methods."""
    for account in ("", "unknown", "empty", "suspended"):
        tape.submit(account=account)
    accepted = tape.submit()
    tape.submit(account="other")
    for account in ("other", "suspended"):
        tape.read(accepted, account=account)
    tape.call("GET", f"{STATUS}x", account="suspended", operation="status")
    tape.read(accepted, method="HEAD")
    tape.call("DELETE", GENERATE)
    tape.call("GET", f"{STATUS}x?subscription-key=sim-key", operation="status", placement="query")
    tape.call(
        "OPTIONS", GENERATE, headers={"Origin": "https://a.test", "Access-Control-Request-Method": "POST"}, account=""
    )
    tape.submit({"prompt": 1}, account="unknown")
    tape.submit(b"{", account="unknown")
    for members in (None, {"prompt": 1}, None):
        tape.submit(members, account="empty")


def _webhooks(tape: Tape) -> None:
    """Receivers that refuse, redirect, echo; on one channel, the other, and both."""
    refusing = tape.receiver(http_response(500), answers=500)
    tape.submit(headers={"X-Webhook-URL": refusing})
    tape.advance(40_000)
    moved = tape.receiver(http_response(307, location="/elsewhere"), http_response(200), answers=307)
    tape.submit(headers={"X-Webhook-URL": moved})
    tape.advance(60)
    sent = [
        tape.submit({"callback_url": tape.receiver(Behaviour.ECHOING)}),
        tape.submit({"callback_url": tape.receiver(Behaviour.ECHOING)}, {"X-Webhook-URL": tape.receiver()}),
        tape.submit(headers={"X-Webhook-URL": tape.receiver(), "X-Webhook-Mode": "sync"}),
    ]
    for wait in (3, 3, 10, 60, 300):
        tape.advance(wait)
        for reply in sent:
            tape.read(reply)


def _late(tape: Tape) -> None:
    """Reads and downloads just before and after a day, and an hour."""
    accepted = tape.submit()
    tape.advance(250)
    envelope = tape.read(accepted)
    for wait in (3300, 300, 82_500, 300):
        tape.advance(wait)
        tape.read(accepted)
        tape.download(envelope)


def _throttled(tape: Tape) -> None:
    """More calls than a limit allows, in several windows."""
    for _ in range(3):
        accepted, *_ = [tape.submit() for _ in range(5)]
        for _ in range(5):
            tape.read(accepted)
        tape.advance(60)


def _busy(tape: Tape) -> None:
    """More generations at once than are allowed, read until they end."""
    for _ in range(3):
        sent = [tape.submit() for _ in range(4)]
        tape.advance(30)
        for reply in sent:
            tape.read(reply)


def _large(tape: Tape) -> None:
    frame = jpeg(400, 400)
    sent = tape.submit(image=data_url(frame[:-2] + bytes(20_000_000 - len(frame)) + frame[-2:], "jpeg"))
    tape.advance(15)
    tape.read(sent)


def _browsed(tape: Tape) -> None:
    """Downloads of two programs."""
    accepted = tape.submit()
    tape.advance(15)
    envelope = tape.read(accepted)
    for agent in ("Python-urllib/3.11", "curl/8.5"):
        tape.download(envelope, {"User-Agent": agent})


def _early(tape: Tape) -> None:
    accepted = tape.submit()
    for _ in range(4):
        tape.read(accepted)
        tape.advance(0.5)


def _by_reads(tape: Tape) -> None:
    for pause in (1, 20, 300):
        accepted = tape.submit()
        while (envelope := tape.read(accepted)) and envelope["status"] != "COMPLETED":
            tape.advance(pause)


def _ordered(tape: Tape) -> None:
    _callers(tape)
    tape.submit(b"{", account="empty")
    tape.submit(account="empty")


def _all(tape: Tape) -> None:
    for talk in (_submits, _callers, _webhooks):
        talk(tape)


#: The traffic that shows a value, where it is not all of it; and further values that rows of the table allow.
TALKS: dict[str, Callable[[Tape], None]] = {
    "rate_limit": _throttled, "concurrency": _busy, "image_megabyte": _large, "throttled": _throttled, "media_user_agents": _browsed, "read_delay": _early,
    "retention": _late, "check_order": _ordered, "job_times": _by_reads,
}  # fmt: skip
VALUES = {
    "public_origin": ("caller", "https://gateway.pixazo.ai", "https://a.test/pixazo"),
    "rate_limit": ("3/60", "4/60 submits"),
    "check_order": ("key,suspended,rate,json,model,funds,parameters", "json,parameters,key,suspended,rate,model,funds"),
    "job_times": ("polls:2", "polls:1+3"),
    "webhook_retries": ("none", "5,300,1800", "7"),
    "read_delay": ("0", "1500"),
    "retention": ("media=86400", "status=3600,media=86400"),
    "media_origin": ("same", "page", "https://media.test"),
    "media_user_agents": ("Python-urllib", "Python-urllib,curl"),
    "concurrency": ("2",),
}
NEEDED = {name: {"job_times": "4+38"} for name in ("callback_events", "webhook_events")} | {
    "throttled": {"rate_limit": "2/60"}, "queued_to_end": {"job_times": "6+30"},
}  # fmt: skip
CASES = [
    (name, value) for name in POINTS for value in (*points()[name].words, *VALUES.get(name, ())) if name not in UNSHOWN
]


TALKS.update((name, _webhooks) for name, _ in CASES if name.startswith(("webhook_", "callback_", "both_")))


SAMPLE = 12
"""One in so many cases is tried in the default run."""


def _value(trace: Trace, name: str) -> str | None:
    finding = find(trace).get(name)
    return finding.value if finding else None


def test_every_point_and_value_is_one_of_the_simulator() -> None:
    """In the order of its table; what can be written is read there."""
    assert [*POINTS] == [row.field for row in rows() if row.field in points()]
    for name, value in CASES:
        assert PROFILES["documented"].changed({name: value}).text(name) == value


SAMPLED = [
    pytest.param(*case, marks=[] if n % SAMPLE == 1 else [pytest.mark.exhaustive]) for n, case in enumerate(CASES)
]


@pytest.mark.parametrize(("name", "value"), SAMPLED)
def test_an_apps_traffic_gives_back_the_value(name: str, value: str) -> None:
    with Tape({**NEEDED.get(name, {}), name: value}) as tape:
        TALKS.get(name, _all)(tape)
        assert _value(tape.trace, name) == value


def test_a_simulator_is_served_with_what_was_found(tmp_path: Path) -> None:
    """Of profile observed; job times are ranges within its own."""
    with Tape({"rate_limit": "off"}, "observed") as tape:
        _submits(tape)
        _callers(tape)
        written = write_profile(tape.trace)
    file = tmp_path / "observed.toml"
    file.write_text(written)
    served, own = read_profile(str(file)), PROFILES["observed"]
    found = tomllib.loads(written)
    times = found.pop("job_times")
    assert {name: own.text(name) for name in found} == found == {name: served.text(name) for name in found}
    expected = {"request_id": "thirteen", "submit_code": "200", "timestamps": "mixed", "query_key": "accept"}
    assert expected.items() <= found.items()
    queued, processing = served.job_times.queued, served.job_times.processing
    assert str(served.job_times) == times
    assert 5000 <= min(queued) <= max(queued) <= 21_000
    assert 59_000 <= min(processing) <= max(processing) <= 181_000


def test_every_value_names_the_exchanges_that_show_it() -> None:
    with Tape({}) as tape:
        tape.submit()
        tape.submit()
        written = write_profile(tape.trace)
    assert '# 202 by 2 exchanges: 1 (202), 2 (202)\nsubmit_code = "202"\n' in written


def test_where_the_traffic_contradicts_itself_no_value_is_set() -> None:
    with Tape({}) as tape:
        tape.submit()
        tape.submit()
        tape.exchanges[1] = replace(tape.exchanges[1], status=200)
        written = write_profile(tape.trace)
    assert "submit_code" not in tomllib.loads(written)
    shown = {"# 200 by 1 exchange: 2 (200)", "# 202 by 1 exchange: 1 (202)"}
    assert shown | {'# submit_code = "200"', '# submit_code = "202"'} <= {*written.splitlines()}


def test_without_traffic_nothing_is_set_and_everything_is_listed() -> None:
    with Tape({}) as tape:
        written = write_profile(tape.trace)
    assert tomllib.loads(written) == {}
    assert all(f"# {name}: {decided_by}" in written.splitlines() for name, decided_by in POINTS.items())


def test_a_refusal_with_two_possible_reasons_shows_nothing() -> None:
    with Tape({}) as tape:
        tape.submit({"prompt": " ", "duration": None})
        assert find(tape.trace).keys() == {"validation_body", "cache_control"}


def test_a_key_that_was_never_accepted_is_unknown_whatever_its_account_is_called() -> None:
    """A proxy counts keys as it meets them."""
    with Tape({"unknown_key": "queue"}) as tape:
        tape.submit(account="unknown")
        tape.exchanges[0] = replace(tape.exchanges[0], account="key-2")
        assert _value(tape.trace, "unknown_key") == "queue"


@pytest.mark.parametrize(("names", "value"), [(("http://proxy.test:8901",), "caller"), ((), "http://proxy.test:8901")])
def test_the_name_by_which_an_app_called_a_proxy_is_the_callers(names: tuple[str, ...], value: str) -> None:
    """The gateway took it from the Host header; an origin that no app named is the gateway's own."""
    with Tape({"public_origin": "http://proxy.test:8901"}) as tape:
        tape.submit()
        tape.exchanges[0] = replace(tape.exchanges[0], probe="proxy")
        trace = tape.trace
    profile = replace(trace.profile, public_origins=names)
    assert _value(replace(trace, header=replace(trace.header, profile=profile)), "public_origin") == value


def test_a_generation_that_was_not_read_while_processing_shows_no_job_times() -> None:
    with Tape({}) as tape:
        sent = tape.submit()
        tape.advance(60)
        tape.read(sent)
        assert _value(tape.trace, "job_times") is None


def _observed(policy: Policy, folder: Path) -> Result:
    """What a whole run observes of a simulator with this policy; its trace is in the folder."""
    options = RunOptions(run="profile0", seed=0, receiver=ReceiverAddress())
    with Simulator(Settings(policy=policy)) as simulator:
        target, advance = discover(Given(target=simulator.url, api_key=simulator.api_key), ProfileFile())
        with run_clock(target, advance) as clock:
            trace = run(target, PROBES, options, clock=clock)
    (folder / "observed.toml").write_text(write_profile(trace))
    return evaluate(trace, CATALOGUE, Terms(today=date(2026, 3, 31)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("policy", [{}, {"media": "placeholder", "submit_code": "200", "validation_body": "sentence_status", "status_members": "minimal_failure"}])  # fmt: skip
def test_a_run_against_a_simulator_with_the_found_profile_observes_the_same(
    tmp_path: Path, policy: dict[str, str]
) -> None:
    first = _observed(PROFILES["documented"].changed(policy), tmp_path)
    second = _observed(read_profile(str(tmp_path / "observed.toml")), tmp_path)
    assert compare(first, second).changes == ()
