"""discovery_document: how the simulator describes itself to a contract suite."""

from __future__ import annotations

import httpx2
import pytest

from pixazo_simulator import Settings, Simulator
from pixazo_simulator.control import discovery_document
from pixazo_simulator.world.clock import clock_factory


def test_every_invitation_names_accounts_that_nobody_has_used() -> None:
    """So that a second run finds wallets untouched."""
    accounts = [key for number in (1, 2) for keys in discovery_document(number)["accounts"].values() for key in keys]
    assert len(accounts) == len(set(accounts))
    assert discovery_document(3)["accounts"]["empty"] == ["sim-empty-wallet-3-1"]
    assert len(discovery_document(3)["accounts"]["one"]) == 5


def test_the_accounts_are_what_their_roles_say() -> None:
    """Over HTTP, each by its answer to a submit; the prompts end as they are named."""
    with Simulator() as simulator, httpx2.Client(base_url=simulator.url, trust_env=False) as http:
        body = http.get("/.well-known/pixazo-target").json()

        def submit(role: str, prompt: str = "A bear") -> httpx2.Response:
            headers = {"Ocp-Apim-Subscription-Key": body["accounts"][role][0]}
            return http.post("/minimax-hailuo-ai/v1/generate", json={"prompt": prompt}, headers=headers)

        responses = {role: submit(role).status_code for role in body["accounts"]}
        assert responses == {
            "other": 202, "empty": 402, "one": 202, "two": 202, "suspended": 403, "throttled": 429, "recovering": 429, "broken": 500,
            "disabled": 400,
        }  # fmt: skip
        assert [submit("two").status_code, submit("two").status_code] == [202, 402]
        assert submit("one").status_code == 402
        ends = {}
        for kind, prompt in body["prompts"].items():
            url = submit("other", prompt).json()["polling_url"]
            simulator.advance(15, api_key=body["accounts"]["other"][0])
            headers = {"Ocp-Apim-Subscription-Key": body["accounts"]["other"][0]}
            ends[kind] = http.get(url, headers=headers).json()["status"]
        assert ends == {"failed": "FAILED", "error": "ERROR"}


@pytest.mark.parametrize("clock", ["manual", "x20"])
def test_a_clock_says_how_it_runs(clock: str) -> None:
    """Without magic it is all that there is; one that stands still says how it is advanced."""
    with Simulator(Settings(magic=False, clock=clock_factory(clock))) as simulator:
        found = httpx2.get(f"{simulator.url}/.well-known/pixazo-target", trust_env=False).json()
    manual = {"kind": "manual", "advance": {"path": "/_sim/clock/advance", "body": {"every_world": True}}}
    assert found == {"clock": manual if clock == "manual" else {"kind": "running", "rate": 20.0}}
