import subprocess
import sys

import pytest

pytest.importorskip("yaml")
from cassette_to_har import har

CASSETTE = """
interactions:
- request:
    body: '{"prompt": "A bear"}'
    headers: {Content-Type: [application/json]}
    method: POST
    uri: https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate
  response:
    body: {string: '{"request_id": "minimax-hailuo-ai_019d4355-f500-7704-a7ec-df7a6b4c0a6c", "status": "QUEUED",
        "polling_url": "https://gateway.pixazo.ai/v2/requests/status/minimax-hailuo-ai_019d4355-f500-7704-a7ec-df7a6b4c0a6c"}'}
    headers: {Content-Type: [application/json]}
    status: {code: 200, message: OK}
- request:
    body: null
    headers: {}
    method: GET
    uri: https://media.example.com/bear.mp4
  response:
    body: {string: !!binary AAAAGGZ0eXA=}
    headers: {}
    status: {code: 200, message: OK}
version: 1
"""


def test_a_profile_is_made_of_a_cassette(tmp_path):
    file = tmp_path / "cassette.har"
    file.write_text(har(CASSETTE))
    command = [sys.executable, "-m", "pixazo_contracts", "profile", str(file)]
    assert 'submit_code = "200"' in subprocess.run(command, capture_output=True, check=True, text=True).stdout
