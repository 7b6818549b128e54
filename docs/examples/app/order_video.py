"""Orders a video from the app, and waits until its webhook has reached the app."""

import json
import os
import time
from urllib.request import Request, urlopen

VIDEOS = f"{os.environ['APP_URL']}/videos"
video = json.load(urlopen(Request(VIDEOS, b'{"prompt": "A bear"}')))
end = time.monotonic() + 30
while video["status"] in ("QUEUED", "PROCESSING"):
    assert time.monotonic() < end, f"no webhook within 30 s: {video}"
    time.sleep(0.1)
    video = json.load(urlopen(f"{VIDEOS}/{video['request_id']}"))
assert video["status"] == "COMPLETED", video
content = urlopen(video["output"]["media_url"][0]).read()
assert content[4:8] == b"ftyp", "no MP4"
print(f"{video['status']} by webhook, a video of {len(content)} bytes")
