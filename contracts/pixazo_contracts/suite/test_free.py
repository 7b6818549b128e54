"""Families of generated requests that cost nothing whatever the answer is: small, the same every time, fit for any target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pixazo_contracts.probes import read_send, submit_send
from pixazo_contracts.stateful import strategies

if TYPE_CHECKING:
    from .asking import Asker

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

#: Whose key is not sent, and the clauses that say what a submit and a read without it get.
STRANGERS = {"": ("AUTH-01", "AUTH-02"), "unknown": ("AUTH-03", "AUTH-03"), "blank": ("AUTH-04", "AUTH-04")}
CALLERS = pytest.mark.parametrize("stranger", STRANGERS, ids=["no key", "unknown key", "blank key"])


@OPERATIONS
@CALLERS
@FREE
@given(data=st.data())
def test_submit_without_key(ask: Asker, operation: strategies.Operation, stranger: str, data: st.DataObject) -> None:
    """No body, however sound, is accepted without a valid key."""
    body = data.draw(strategies.bodies(operation))
    aims = STRANGERS[stranger][:1]
    case = "generated body"
    ask(
        f"{operation} by {stranger!r}",
        submit_send(operation, body, case=case, aims=aims, intent="refuse", account=stranger),
    )


@CALLERS
@FREE
@given(request_id=strategies.unknown_ids())
def test_read_without_key(ask: Asker, stranger: str, request_id: str) -> None:
    """No request is read without a valid key."""
    wish = read_send(request_id, case="generated id", aims=STRANGERS[stranger][1:], account=stranger)
    ask(f"read by {stranger!r}", wish)


@OPERATIONS
@FREE
@given(data=st.data())
def test_malformed_json(ask: Asker, operation: strategies.Operation, data: st.DataObject) -> None:
    """What is not JSON is refused."""
    body = data.draw(strategies.malformed_documents(operation))
    ask(
        f"malformed {operation}",
        submit_send(operation, body, case="malformed JSON", aims=("SUBMIT-16",), intent="refuse"),
    )


@OPERATIONS
@FREE
@given(body=strategies.not_objects())
def test_json_that_is_no_object(ask: Asker, operation: strategies.Operation, body: bytes) -> None:
    """An empty body, and JSON that is not an object, are refused."""
    ask(
        f"not an object {operation}",
        submit_send(operation, body, case="not an object", aims=("SUBMIT-17",), intent="refuse"),
    )


@FREE
@given(request_id=strategies.unknown_ids())
def test_unknown_id(ask: Asker, request_id: str) -> None:
    """A request that nobody has made breaks nothing."""
    ask("unknown id", read_send(request_id, case="unknown id", aims=("STATUS-10",)))


@FREE
@given(request_id=strategies.malformed_ids())
def test_malformed_id(ask: Asker, request_id: str) -> None:
    """Nor does an id of another shape."""
    ask("malformed id", read_send(request_id, case="malformed id", aims=("STATUS-11",)))
