"""The names that users import, and what they cost to import."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version

import pytest

import pixazo_client
import pixazo_simulator
from tests.command import python

CLIENT = [
    "APIConnectionError", "APIError", "APIResponseValidationError", "APIStatusError", "APITimeoutError", "AsyncPixazoClient",
    "AsyncRequestHandle", "AuthenticationError", "BadRequestError", "DownloadError", "Generation", "GenerationError",
    "GenerationFailedError", "GenerationSystemError", "InsufficientBalanceError", "InternalServerError", "ModelNotFoundError",
    "NotFoundError", "PermissionDeniedError", "PixazoClient", "PixazoError", "Polling", "RateLimitError", "RequestHandle",
    "WaitTimeoutError", "WebhookPayloadError",
]  # fmt: skip
SIMULATOR = [
    "AdvanceError", "AdvanceEvent", "App", "Attempt", "BadSignature", "Bandwidth", "BeforeReply", "Bill", "BilledGeneration", "ChangedMembers",
    "Clock", "ClockState", "CompletedWithoutMedia", "ConnectionReset", "ControlClient", "ControlError", "DeadReceiver",
    "Delay", "Delivery", "DeliveryDetail", "DeliveryPage", "Drop", "Duplicate", "EmptyReply", "End", "Entry", "Event",
    "Exchange", "Explanation", "Fault", "GarbageBeforeHead", "GarbledBody", "Generation", "GenerationPage", "Hang", "Health",
    "History", "HistoryEntry", "HtmlPage", "Incident", "InitialGeneration", "JournalFilters", "JournalPage", "LedgerPage",
    "LimitData", "LognormalDelay", "Matcher", "MediaGone", "ModelCall", "NotFoundWindow", "PROFILES", "Plan", "Policy",
    "PolicyDecision", "PolicyFields", "Ready", "Reorder", "Replayed", "Reply", "ReplyLost", "Request", "Response",
    "Rule", "RuleDiagnosis", "ScriptRule", "ScriptState", "Settings", "Simulator", "SimulatorError", "SlowDrip",
    "StaleSignature", "Status", "StatusAnswer", "StatusCode", "Step", "Stuck", "TamperedBody", "TlsListener",
    "Transition", "Transport", "TruncatedBody", "UniformDelay", "UnknownStatus", "Upcoming", "UpcomingEvent",
    "WaitResult", "When", "WorldList", "WorldLog", "WorldRecord", "WorldState", "WorldSummary", "WrongContentType",
    "absent", "at_least", "at_most", "contains", "ends_with", "equals", "matches", "one_of", "present", "starts_with",
]  # fmt: skip
OPTIONAL = [
    "duration", "resolution", "prompt_optimizer", "fast_pretreatment", "callback_url", "aigc_watermark", "webhook_url", "extra_body",
]  # fmt: skip
PARAMETERS: list[tuple[str, list[str]]] = [
    ("PixazoClient", ["api_key", "base_url", "timeout", "max_retries", "polling", "http_client", "sleep", "monotonic"]),
    ("PixazoClient.generate", ["prompt", *OPTIONAL]),
    ("PixazoClient.image_to_video", ["prompt", "first_frame_image", *OPTIONAL]),
    ("PixazoClient.submit", ["path", "body", "webhook_url", "extra_headers"]),
    ("PixazoClient.get_handle", ["request_id"]),
    ("PixazoClient.retrieve", ["request_id"]),
    ("PixazoClient.download", ["generation_or_url", "dest", "index", "on_progress", "max_bytes"]),
    ("RequestHandle.status", []),
    ("RequestHandle.iter_updates", ["timeout"]),
    ("RequestHandle.wait", ["timeout", "on_update", "raise_on_failure"]),
]
PARENTS = {
    "PixazoError": ["Exception"],
    "APIError": ["PixazoError"],
    "APIConnectionError": ["APIError"],
    "APITimeoutError": ["APIConnectionError"],
    "APIResponseValidationError": ["APIError"],
    "APIStatusError": ["APIError"],
    "BadRequestError": ["APIStatusError"],
    "ModelNotFoundError": ["BadRequestError"],
    "AuthenticationError": ["APIStatusError"],
    "InsufficientBalanceError": ["APIStatusError"],
    "PermissionDeniedError": ["APIStatusError"],
    "NotFoundError": ["APIStatusError"],
    "RateLimitError": ["APIStatusError"],
    "InternalServerError": ["APIStatusError"],
    "GenerationError": ["PixazoError"],
    "GenerationFailedError": ["GenerationError"],
    "GenerationSystemError": ["GenerationError"],
    "WaitTimeoutError": ["PixazoError", "TimeoutError"],
    "DownloadError": ["PixazoError"],
    "WebhookPayloadError": ["PixazoError", "ValueError"],
}


def test_the_names_of_the_client() -> None:
    """`pixazo_client` exports exactly the published names, in order."""
    assert pixazo_client.__all__ == CLIENT == sorted(CLIENT)


def test_the_names_of_the_simulator() -> None:
    """`pixazo_simulator` exports exactly the published names; any other name raises AttributeError."""
    assert dir(pixazo_simulator) == sorted(SIMULATOR)
    everything: dict[str, object] = {}
    exec("from pixazo_simulator import *", everything)
    assert set(SIMULATOR) <= set(everything)
    assert [hasattr(pixazo_simulator, name) for name in (*SIMULATOR, "Simulato")] == [True] * len(SIMULATOR) + [False]


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS)
def test_the_parameters(name: str, parameters: list[str]) -> None:
    """Each callable of the client takes the published parameters, in their order."""
    kind, _, method = name.partition(".")
    found: Callable[..., object] = getattr(pixazo_client, kind)
    signature = inspect.signature(getattr(found, method) if method else found)
    assert [each for each in signature.parameters if each != "self"] == parameters


def test_the_tree_of_exceptions() -> None:
    """Each exception has the published parents, and there are no others."""
    kinds = {name: getattr(pixazo_client, name) for name in CLIENT if name.endswith("Error")}
    assert {name: [parent.__name__ for parent in kind.__bases__] for name, kind in kinds.items()} == PARENTS


def imported_by(statement: str) -> set[str]:
    """The top-level modules that a new interpreter has after the statement and had not before."""
    code = f"import sys; before = set(sys.modules); {statement}; import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    return {name.partition(".")[0] for name in json.loads(python(code))}


def test_what_the_client_imports() -> None:
    """Importing the client imports its HTTP library, but not the simulator, the contracts, another HTTP library or a test framework."""
    found = imported_by("import pixazo_client")
    assert {"pixazo_client", "httpx2", "anyio"} <= found
    assert not found & {
        "pixazo_simulator", "pixazo_contracts", "httpx", "requests", "hypothesis", "pytest", "respx", "trio", "starlette",
        "uvicorn", "click", "msgspec",
    }  # fmt: skip


def test_what_the_simulator_imports() -> None:
    """Importing the simulator imports nothing but the standard library until one of its names is used."""
    found = imported_by("import pixazo_simulator")
    assert "pixazo_simulator" in found
    assert found <= {"pixazo_simulator", *sys.stdlib_module_names}
    assert not found & {"asyncio", "ssl", "http"}


@pytest.mark.parametrize("package", ["pixazo_client", "pixazo_simulator", "pixazo_contracts", "pytest_pixazo"])
def test_every_package_has_a_version(package: str) -> None:
    """That of the distribution, looked up when it is asked for; any other name is unknown as before."""
    module = import_module(package)
    assert module.__version__ == version("pixazo-testkit")
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'versoin'"):
        _ = module.versoin
