"""What one test did, as plain values."""

from __future__ import annotations

import json

from pytest_pixazo.world.record import Record


def test_a_record_crosses_processes_as_json() -> None:
    """A record survives the way through JSON."""
    record = Record(nodeid="test_bear.py::test_bear", seed=7, exchanges=[{"number": 1}], dropped=2)
    sent = json.dumps(record.told())
    assert json.loads(sent)["exchanges"] == [{"number": 1}]
    assert Record(**json.loads(sent)) == record
