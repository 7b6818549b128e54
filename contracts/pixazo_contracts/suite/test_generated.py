"""Generated requests: families that are free whatever the response, for any target; for free targets any body, in any order."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("hypothesis")

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pixazo_contracts.judge import Terms
from pixazo_contracts.probes import BODY_ONLY, read, submit
from pixazo_contracts.runner import Dialogue
from pixazo_contracts.suite import stateful
from pixazo_contracts.suite.stateful import REPEATABLE, CounterexampleError, run_examples

from .conftest import RequestChecker

strategies = stateful.strategies

#: Few requests, and no shrinking, which would send more than `max_examples`.
FREE = settings(REPEATABLE, max_examples=5, phases=(Phase.explicit, Phase.generate))

SHRUNK = settings(REPEATABLE, max_examples=30)

#: For tests in which each request could cost a generation.
COSTLY = pytest.mark.usefixtures("free_dialogue")

OPERATIONS = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])

#: Callers without a valid key, and the clauses that say what their submits and reads get.
OTHER_CALLERS = {"": ("AUTH-01", "AUTH-02"), "unknown": ("AUTH-03", "AUTH-03"), "blank": ("AUTH-04", "AUTH-04")}
CALLERS = pytest.mark.parametrize("caller", OTHER_CALLERS, ids=["no key", "unknown key", "blank key"])

BROKEN = [
    (operation, rule) for operation in ("generate", "imageToVideo") for rule in strategies.clauses_broken(operation)
]


@OPERATIONS
@CALLERS
@FREE
@given(data=st.data())
def test_submit_without_key(
    check: RequestChecker, operation: strategies.Operation, caller: str, data: st.DataObject
) -> None:
    """Without a valid key not even a valid body is accepted."""
    body, aims = data.draw(strategies.bodies(operation)), OTHER_CALLERS[caller][:1]
    step = submit(operation, body, case="generated body", aims=aims, intent="refuse", account=caller)
    check(f"{operation} by {caller!r}", step)


@CALLERS
@FREE
@given(request_id=strategies.unknown_ids())
def test_read_without_key(check: RequestChecker, caller: str, request_id: str) -> None:
    """Without a valid key no request can be read."""
    step = read(request_id, case="generated id", aims=OTHER_CALLERS[caller][1:], account=caller)
    check(f"read by {caller!r}", step)


@OPERATIONS
@pytest.mark.parametrize("aim", ["SUBMIT-16", "SUBMIT-17"], ids=["malformed JSON", "not an object"])
@FREE
@given(data=st.data())
def test_body_that_is_no_object(
    check: RequestChecker, operation: strategies.Operation, aim: str, data: st.DataObject
) -> None:
    """A body that is not JSON, or JSON that is not an object, is refused; so is an empty one."""
    kind = strategies.malformed_documents(operation) if aim == "SUBMIT-16" else strategies.not_objects()
    step = submit(operation, data.draw(kind), case="no object", aims=(aim,), intent="refuse")
    check(f"{aim} {operation}", step)


@pytest.mark.parametrize("aim", ["STATUS-10", "STATUS-11"], ids=["unknown id", "malformed id"])
@FREE
@given(data=st.data())
def test_id_that_was_never_issued(check: RequestChecker, aim: str, data: st.DataObject) -> None:
    """A read of a request that does not exist, whatever the shape of its id, breaks no clause."""
    ids = strategies.unknown_ids() if aim == "STATUS-10" else strategies.malformed_ids()
    check(aim, read(data.draw(ids), case="never issued", aims=(aim,)))


@COSTLY
@OPERATIONS
@SHRUNK
@given(data=st.data())
def test_valid_body(check: RequestChecker, operation: strategies.Operation, data: st.DataObject) -> None:
    """A body that keeps every rule is accepted."""
    check("valid", data.draw(strategies.valid_submits(operation)))


@COSTLY
@pytest.mark.parametrize(("operation", "broken"), BROKEN)
@settings(SHRUNK, max_examples=10)
@given(data=st.data())
def test_one_broken_rule(
    check: RequestChecker, operation: strategies.Operation, broken: str, data: st.DataObject
) -> None:
    """A body that breaks one rule is refused for it."""
    breach = data.draw(strategies.breaches(operation, broken))
    check(broken, submit(operation, breach.body, case=breach.wrong, aims=(broken,), intent="refuse"))


@COSTLY
@OPERATIONS
@SHRUNK
@given(data=st.data())
def test_any_body(check: RequestChecker, operation: strategies.Operation, data: st.DataObject) -> None:
    """No body causes an error of the gateway."""
    anything = strategies.near_bodies(operation) | strategies.json_documents() | st.binary(max_size=200)
    check("any", submit(operation, data.draw(anything), case="generated body", headers=BODY_ONLY))


def test_machine(free_dialogue: Dialogue, terms: Terms, pytestconfig: pytest.Config) -> None:
    """Every clause is kept, in whatever order requests are submitted, read and waited for."""
    try:
        run_examples(free_dialogue, terms=terms)
    except CounterexampleError as error:
        out: Path | None = pytestconfig.getoption("--pixazo-contract-out")
        kept = error.source if out is None else f"the counterexample: {error.save(out)}"
        pytest.fail(f"{error}\n{kept}", pytrace=False)
