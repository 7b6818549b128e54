"""What is read from the report of wrk."""

from __future__ import annotations

import pytest
from bench.load import BODY, LoadError, Target, parse, script

REPORT = """Running 1s test @ http://127.0.0.1:1
  1 threads and 32 connections
Requests/sec:  30000.00

bench {"requests": 30000, "microseconds": 1500000, "failed": 0, "latency": [[50, 900], [99, 2100], [99.9, 4000]]}
"""


def test_a_report_gives_the_rate_and_percentiles() -> None:
    """Requests by the time that they took, and microseconds by percentile."""
    load = parse(REPORT)
    assert (load.rate, load.percentile(99), load.percentile(99.9)) == (20_000.0, 2100, 4000)


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        ("unable to connect to 127.0.0.1:1 Connection refused\n", "no result but 'unable to connect"),
        (REPORT.replace('"failed": 0', '"failed": 31'), "31 of 30000 requests have failed"),
        (REPORT.replace('"requests": 30000', '"requests": 0'), "0 of 0 requests have failed"),
    ],
)
def test_a_load_that_did_not_arrive_is_an_error(report: str, problem: str) -> None:
    """Neither a server that is not there nor one that refuses is fast."""
    with pytest.raises(LoadError, match=problem):
        parse(report)


def test_a_script_sends_the_key_and_nine_reads_a_submission() -> None:
    """The strings are those of Lua."""
    text = script("mixed", Target("http://127.0.0.1:1", "/v2/requests/status/a"))
    assert '["Ocp-Apim-Subscription-Key"] = "sim-key"' in text
    assert '"/v2/requests/status/a"' in text
    assert BODY.decode().replace('"', '\\"') in text
    assert "n % 10 == 0" in text
