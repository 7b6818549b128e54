"""Families of generated requests that cost nothing whatever the response is: few, the same in every run, for any target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pixazo_contracts.probes import read_send, submit_send
from pixazo_contracts.stateful import strategies

if TYPE_CHECKING:
    from .checker import RequestChecker

#: No shrinking and no database: both would send more than `max_examples` requests.
FREE = settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

OPERATIONS = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])

#: Callers without a valid key, and the clauses that say what their submits and reads get.
OTHER_CALLERS = {"": ("AUTH-01", "AUTH-02"), "unknown": ("AUTH-03", "AUTH-03"), "blank": ("AUTH-04", "AUTH-04")}
CALLERS = pytest.mark.parametrize("caller", OTHER_CALLERS, ids=["no key", "unknown key", "blank key"])


@OPERATIONS
@CALLERS
@FREE
@given(data=st.data())
def test_submit_without_key(
    check: RequestChecker, operation: strategies.Operation, caller: str, data: st.DataObject
) -> None:
    """Without a valid key no body is accepted, however valid it is."""
    body = data.draw(strategies.bodies(operation))
    aims = OTHER_CALLERS[caller][:1]
    case = "generated body"
    check(
        f"{operation} by {caller!r}",
        submit_send(operation, body, case=case, aims=aims, intent="refuse", account=caller),
    )


@CALLERS
@FREE
@given(request_id=strategies.unknown_ids())
def test_read_without_key(check: RequestChecker, caller: str, request_id: str) -> None:
    """Without a valid key no request can be read."""
    step = read_send(request_id, case="generated id", aims=OTHER_CALLERS[caller][1:], account=caller)
    check(f"read by {caller!r}", step)


@OPERATIONS
@FREE
@given(data=st.data())
def test_malformed_json(check: RequestChecker, operation: strategies.Operation, data: st.DataObject) -> None:
    """What is not JSON is refused."""
    body = data.draw(strategies.malformed_documents(operation))
    check(
        f"malformed {operation}",
        submit_send(operation, body, case="malformed JSON", aims=("SUBMIT-16",), intent="refuse"),
    )


@OPERATIONS
@FREE
@given(body=strategies.not_objects())
def test_json_that_is_no_object(check: RequestChecker, operation: strategies.Operation, body: bytes) -> None:
    """An empty body, and JSON that is not an object, are refused."""
    check(
        f"not an object {operation}",
        submit_send(operation, body, case="not an object", aims=("SUBMIT-17",), intent="refuse"),
    )


@FREE
@given(request_id=strategies.unknown_ids())
def test_unknown_id(check: RequestChecker, request_id: str) -> None:
    """A read of a request that does not exist breaks no clause."""
    check("unknown id", read_send(request_id, case="unknown id", aims=("STATUS-10",)))


@FREE
@given(request_id=strategies.malformed_ids())
def test_malformed_id(check: RequestChecker, request_id: str) -> None:
    """A read of an id of another shape breaks no clause."""
    check("malformed id", read_send(request_id, case="malformed id", aims=("STATUS-11",)))
