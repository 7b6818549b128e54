"""`pixazo-sim mutants` and `pixazo-sim serve --mutant NAME`, as processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.caller import Caller, over_http
from tests.command import Serving, pixazo_sim

from pixazo_simulator.mutants import MUTANTS, VARIANTS


def test_the_list_is_a_line_for_each() -> None:
    """Name, clause (or that it is benign) and description, mutants first."""
    ended = pixazo_sim("mutants")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines() if line.startswith("  ")]
    assert lines[0][:2] == ["base-path-renamed", "BASE-01"]
    assert lines[-1][:2] == ["callbacks-numbered", "benign"]
    assert len(lines) == len(MUTANTS) + len(VARIANTS)


def test_the_list_as_json() -> None:
    """One array; a variant names no clause."""
    output = json.loads(pixazo_sim("mutants", "--json").stdout)
    assert output[0] == {
        "name": "base-path-renamed",
        "kind": "mutant",
        "clause": "BASE-01",
        "description": "The model API is served below /hailuo/v1",
        "collateral": ["*"],
    }
    assert output[-1] == {
        "name": "callbacks-numbered",
        "kind": "variant",
        "clause": None,
        "description": "A webhook delivery has a header with its number",
        "collateral": [],
    }


@pytest.mark.parametrize("options", [["--mutant", "no-polling-url"], ["--variant", "json-indented"]])
def test_serve_is_what_it_was_asked_to_be(serve: Callable[..., Serving], options: list[str]) -> None:
    """With the mutation, or the variation, and no other difference."""
    serving = serve(*options)
    reply = Caller(over_http(serving.url), serving.key).generate()
    assert reply.status == 202
    assert ("polling_url" in reply.json()) == (options[0] == "--variant")
    assert (b"\n  " in reply.body) == (options[0] == "--variant")


def test_a_mutant_can_be_named_in_the_environment(serve: Callable[..., Serving]) -> None:
    """PIXAZO_SIM_MUTANT is the option --mutant."""
    serving = serve(PIXAZO_SIM_MUTANT="200-on-generate")
    assert Caller(over_http(serving.url), serving.key).generate().status == 200
