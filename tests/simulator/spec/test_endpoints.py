"""Which endpoint a method and a path are."""

from __future__ import annotations

import pytest
from tests.caller import STATUS

from pixazo_simulator.spec import OPERATIONS, Endpoint, MediaRead, StatusRead, Submit, UnknownModel, Unrouted, classify

BASE = "/minimax-hailuo-ai/v1"
MEDIA = "/v1/minimax-hailuo-ai_1/output"
GENERATE, IMAGE_TO_VIDEO = OPERATIONS["generate"], OPERATIONS["imageToVideo"]


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "name"),
    [
        ("POST", f"{BASE}/generate", Submit(GENERATE), "generate"),
        ("POST", f"{BASE}/imageToVideo", Submit(IMAGE_TO_VIDEO), "imageToVideo"),
        ("GET", f"{BASE}/generate", Unrouted("POST"), None),
        ("HEAD", f"{BASE}/imageToVideo", Unrouted("POST"), None),
        ("POST", f"{BASE}/imagetovideo", Unrouted(), None),
        ("POST", f"{BASE}/generate/", Unrouted(), None),
        ("POST", f"{BASE}/extend", Unrouted(), None),
        ("POST", "/other-model/v1/generate", UnknownModel(GENERATE, "other-model"), None),
        ("POST", "/Other/v1/imageToVideo", UnknownModel(IMAGE_TO_VIDEO, "Other"), None),
        ("POST", "/other-model/imageToVideo", UnknownModel(IMAGE_TO_VIDEO, "other-model", is_route=False), None),
        *(
            ("POST", f"/other.model_2/{rest}", UnknownModel(GENERATE, "other.model_2", is_route=False), None)
            for rest in (
                "generate",
                "v1/extend",
                "v2/generate",
                "v1/generate/",
                "v1/a/b/generate",
                "/v1//generate",
                "v1",
                "\n",
            )
        ),
        ("POST", f"/{'a' * 100}/v1/generate", UnknownModel(GENERATE, "a" * 100), None),
        ("POST", f"/{'a' * 101}/v1/generate", Unrouted(), None),
        *(("POST", path, Unrouted(), None) for path in ("/other-model", "/other-model/", "//other-model/v1/generate")),
        *(
            ("POST", path, Unrouted(), None)
            for path in ("/v1/generate", "/v2/requests", "/-/v1/generate", "/ä/v1/generate")
        ),
        *(("POST", path, Unrouted(), None) for path in ("/_sim/v1/generate", "/.well-known/v1/generate")),
        *(
            (method, "/other-model/v1/generate", Unrouted(), None)
            for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
        ),
        ("GET", f"{STATUS}minimax-hailuo-ai_1", StatusRead("minimax-hailuo-ai_1"), "status"),
        ("GET", STATUS, StatusRead(""), "status"),
        ("GET", f"{STATUS}a/b", StatusRead("a/b"), "status"),
        ("HEAD", f"{STATUS}1", Unrouted("GET"), None),
        ("GET", STATUS.rstrip("/"), Unrouted(), None),
        ("GET", f"{MEDIA}.mp4", MediaRead("minimax-hailuo-ai_1"), "media"),
        ("HEAD", f"{MEDIA}.ext", MediaRead("minimax-hailuo-ai_1"), "media"),
        ("GET", f"{MEDIA}.tar-gz", MediaRead("minimax-hailuo-ai_1"), "media"),
        ("POST", f"{MEDIA}.mp4", Unrouted(), None),
        ("GET", f"{MEDIA}.", Unrouted(), None),
        ("GET", "/v1/a/b/output.mp4", Unrouted(), None),
        ("GET", "/_sim/journal", Unrouted(), None),
        ("PATCH", "/_simulator", Unrouted(), None),
        ("GET", "/.well-known/pixazo-target", Unrouted(), None),
        ("GET", "/.well-known/pixazo-target/", Unrouted(), None),
        ("GET", "/", Unrouted(), None),
        ("OPTIONS", "", Unrouted(), None),
    ],
)
def test_a_method_and_a_path_are_one_endpoint(method: str, path: str, endpoint: Endpoint, name: str | None) -> None:
    """Every caller of `classify` judges alike: the gateway, rules, the journal, dry runs, mutants and the plugin."""
    assert classify(method, path) == endpoint
    assert classify(method, path).name == name
