"""Makes one video, as many a script on the web does: requests, the vendor's host, time.sleep. `python bear.py PROMPT`"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import requests

API = "https://gateway.pixazo.ai"
gateway = requests.Session()
gateway.headers["Ocp-Apim-Subscription-Key"] = os.environ.get("PIXAZO_API_KEY", "YOUR_SUBSCRIPTION_KEY")


def main(prompt: str) -> Path:
    """Submit, poll for a quarter of an hour, download."""
    answer = gateway.post(f"{API}/minimax-hailuo-ai/v1/generate", json={"prompt": prompt}, timeout=30)
    answer.raise_for_status()
    request_id = answer.json()["request_id"]
    for _ in range(180):
        time.sleep(5)
        body = gateway.get(f"{API}/v2/requests/status/{request_id}", timeout=30).json()
        print(body["status"])
        if body["status"] == "COMPLETED":
            file = Path(f"{request_id}.mp4")
            file.write_bytes(requests.get(body["output"]["media_url"][0], timeout=60).content)
            return file
        if body["status"] in ("FAILED", "ERROR"):
            sys.exit(f"{request_id}: {body['error']}")
    sys.exit(f"{request_id} takes more than 15 minutes")


if __name__ == "__main__":
    print(main(" ".join(sys.argv[1:]) or "A bear leaps into a river"))
