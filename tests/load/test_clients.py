"""The clients of the load tell half a response from none."""

from __future__ import annotations

import asyncio

import pytest

from pixazo_simulator import ConnectionReset, Simulator, TruncatedBody, When

from .clients import Connection, CutError, Tally, UnansweredError


@pytest.mark.parametrize(("fault", "error"), [(TruncatedBody(), CutError), (ConnectionReset(), UnansweredError)])
def test_half_a_response_is_not_none(fault: TruncatedBody | ConnectionReset, error: type[Exception]) -> None:
    """As faults of the simulator cut them."""
    with Simulator() as simulator:
        When(simulator.control(), "submit").fault(fault)
        with pytest.raises(error):
            asyncio.run(Connection(simulator.url, simulator.api_key, Tally()).submit("http://127.0.0.1:9/"))
