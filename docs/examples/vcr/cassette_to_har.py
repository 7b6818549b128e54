"""Makes a HAR file of a VCR.py cassette: python cassette_to_har.py cassette.yaml > cassette.har"""

import base64
import json
import sys
from pathlib import Path

import yaml


def headers(recorded):
    return [{"name": name, "value": value} for name, values in recorded.items() for value in values]


def content(body):
    if isinstance(body, bytes):
        return {"text": base64.b64encode(body).decode(), "encoding": "base64"}
    return {"text": body or ""}


def entry(interaction):
    request, response = interaction["request"], interaction["response"]
    body = request["body"].decode() if isinstance(request["body"], bytes) else request["body"]
    return {
        "request": {
            "method": request["method"],
            "url": request["uri"],
            "headers": headers(request["headers"]),
            **({"postData": {"mimeType": "application/json", "text": body}} if body else {}),
        },
        "response": {
            "status": response["status"]["code"],
            "headers": headers(response["headers"]),
            "content": content(response["body"]["string"]),
        },
    }


def har(cassette):
    entries = [entry(each) for each in yaml.safe_load(cassette)["interactions"]]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


if __name__ == "__main__":
    print(har(Path(sys.argv[1]).read_text()))
