"""What one test did, as plain values."""

from __future__ import annotations

import json

from tests.pytest_pixazo.reports.records import Scenario

from pytest_pixazo.world.record import Record


def test_a_record_crosses_processes_as_json() -> None:
    """A record survives the way through JSON."""
    record = Scenario().submit().callback(15).generation().record()
    sent = json.loads(json.dumps(record.to_json()))
    assert (sent["exchanges"][0]["at"], sent["dropped"]) == ("2026-03-31T10:00:00.000Z", 0)
    assert Record.from_json(sent) == record
