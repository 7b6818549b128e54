"""Generated bodies, for targets where a generation costs nothing: valid ones, ones that break one rule, and any bytes at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pixazo_contracts.probes import BODY_ONLY, submit_send
from pixazo_contracts.stateful import strategies

if TYPE_CHECKING:
    from .checker import RequestChecker

pytestmark = pytest.mark.usefixtures("free_dialogue")

#: Without the explain phase, which would send as many requests again as shrinking.
GENERATED = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

OPERATIONS = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])


@OPERATIONS
@GENERATED
@given(data=st.data(), headers=strategies.json_headers())
def test_valid_body(
    check: RequestChecker, operation: strategies.Operation, data: st.DataObject, headers: tuple[tuple[str, str], ...]
) -> None:
    """A body that keeps every rule is accepted."""
    body = data.draw(strategies.bodies(operation))
    aims = strategies.proves(operation, body)
    check("valid", submit_send(operation, body, case="valid", aims=aims, intent="accept", headers=headers))


@pytest.mark.parametrize(
    ("operation", "broken"),
    [
        (operation, clause)
        for operation in ("generate", "imageToVideo")
        for clause in strategies.clauses_broken(operation)
    ],
)
@settings(GENERATED, max_examples=10)
@given(data=st.data())
def test_one_broken_rule(
    check: RequestChecker, operation: strategies.Operation, broken: str, data: st.DataObject
) -> None:
    """A body that breaks one rule is refused for it."""
    breach = data.draw(strategies.breaches(operation, broken))
    check(broken, submit_send(operation, breach.body, case=breach.wrong, aims=(broken,), intent="refuse"))


@OPERATIONS
@GENERATED
@given(data=st.data())
def test_any_body(check: RequestChecker, operation: strategies.Operation, data: st.DataObject) -> None:
    """No body at all causes an error of the gateway."""
    anything = strategies.near_bodies(operation) | strategies.json_documents() | strategies.raw_bodies()
    check("any", submit_send(operation, data.draw(anything), case="generated body", headers=BODY_ONLY))
