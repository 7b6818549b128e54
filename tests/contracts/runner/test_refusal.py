"""What counts as a clear refusal."""

from __future__ import annotations

import gzip

import pytest

from pixazo_contracts.probes.conversation import Send
from pixazo_contracts.runner.spend import is_clear_refusal
from pixazo_contracts.runner.transport import Reply

ASKED = Send(
    operation="generate",
    method="POST",
    url="https://gateway.example/minimax-hailuo-ai/v1/generate",
    case="no prompt",
    headers=(("X-Webhook-URL", "https://hooks.example/a/1234567890123456789"),),
    body=b'{"first_frame_image": "https://images.example/0123456789abcdef01234567.png"}',
)
BAD = b'{"error": "Bad Request", "message": "\'prompt\' is required"}'


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=400, body=BAD),
        Reply(status=401),
        Reply(status=402, body=b'{"error": "Insufficient Balance", "message": "Your wallet is empty."}'),
        Reply(status=403, body=b"\xef\xbb\xbfForbidden"),
        Reply(status=404, body=b"<h1>Not Found</h1>"),
        Reply(status=405, headers=(("Allow", "POST"), ("Content-Encoding", "identity"))),
        Reply(status=413, body=b'"too large"'),
        Reply(status=415, body=b"[]"),
        Reply(status=400, body=b'{"request_id": null, "ids": [], "id": ""}'),
        Reply(status=400, headers=(("X-Request-Id", "019d4355-f500-7000-8000-000000000001"),), body=BAD),
        Reply(status=400, body=b'{"error": "an invalid grid; Error processing the request; not accepted"}'),
        Reply(status=422, body=b'{"detail": [{"loc": ["body"], "url": "https://errors.pydantic.dev/2.11/v/missing"}]}'),
        Reply(status=400, body=b'{"message": "https://images.example/0123456789abcdef01234567.png is no image"}'),
        Reply(status=400, body=b'{"message": "https://hooks.example/a/1234567890123456789 cannot be reached"}'),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:40]!r}",
)
def test_clear(reply: Reply) -> None:
    """A refusing code with nothing in it but the refusal, documentation, and what the request said itself."""
    assert is_clear_refusal(ASKED, reply)


@pytest.mark.parametrize("status", [None, 200, 202, 302, 307, 406, 408, 409, 418, 425, 429, 431, 451, 500, 503])
def test_other_codes(status: int | None) -> None:
    """What may be said after the work was accepted is not a refusal."""
    assert not is_clear_refusal(ASKED, Reply(status=status, body=BAD))


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "no", "id": "x"}',
        b'{"error": "no", "ID": 7}',
        b'{"error": "no", "request_id": "x"}',
        b'{"error": "no", "taskId": 0}',
        b'{"error": "no", "jobids": ["x"]}',
        b'{"error": {"detail": [{"generation-uuid": "x"}]}}',
        b'{"error": "no", "task": {"name": "x"}}',
        b'{"request_id": "x", "request_id": null}',
        b'{"\\u0069d": "x"}',
        b'{"error": "no", "status": "QUEUED"}',
        b'{"error": "no", "state": "in progress"}',
        b'{"error": "no", "status": "ERROR"}',
        b'{"error": "your request was queued"}',
        b'{"error": "no", "detail": "{\\"request_id\\": \\"x\\"}"}',
        b'{"error": "no", "see": "https://gateway.example/v3/anything"}',
        b'{"error": "no", "see": "/v2/requests/status/x"}',
        b'{"error": "no", "reference": "019d4355-f500-7000-8000-000000000001"}',
        b'{"error": "no", "reference": "01HQZX3T7K9V2M4N6P8R0S1T2V"}',
        b'{"error": "no", "minimax-hailuo-ai_1": 1}',
        b'{"error": "no", "see": "https://docs.example/019d4355-f500-7000-8000-000000000001"}',
        b"sorry, job-id=17",
        b"sorry\nid: 17",
        b"PROCESSING",
        b'{"error": "Bad Request", "requ',
        b'["Bad Request"',
        b"\xff\xfebad",
        gzip.compress(BAD, mtime=0),
        b'{"a": ' * 100_000,
        b" " * 300_000,
    ],
    ids=lambda body: repr(body[:50]),
)
def test_signs_of_accepted_work_in_the_body(body: bytes) -> None:
    """An id, a word of progress, an address: whatever looks like accepted work, and what cannot be looked through."""
    assert not is_clear_refusal(ASKED, Reply(status=400, body=body))


@pytest.mark.parametrize(
    "header",
    [
        ("Location", "/anything"),
        ("Operation-Location", "/anything"),
        ("X-Status", "error"),
        ("X-Anything", "queued"),
        ("X-Task-Id", "7"),
        ("X-Request-Id", "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001"),
        ("Link", "</v2/requests/status/x>; rel=self"),
        ("Content-Encoding", "gzip"),
    ],
)
def test_signs_of_accepted_work_in_a_header(header: tuple[str, str]) -> None:
    """The same in a header, and an encoding that was not asked for."""
    assert not is_clear_refusal(ASKED, Reply(status=400, headers=(header,), body=BAD))


def test_a_response_that_was_not_read_to_its_end() -> None:
    """A refusal whose end is missing may have said anything there."""
    assert not is_clear_refusal(ASKED, Reply(status=400, body=BAD, whole=False))
