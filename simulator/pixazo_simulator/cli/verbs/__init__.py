"""The commands that call `/_sim` of a running simulator, one for each control route, generated from the routes and what they take.

This file has what the routes do not say about them: the words, and an example. A command is created on demand: `getattr(verbs, "clock")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import click

NOUNS = {
    "world": "Create a world, show, change, export or delete it.",
    "worlds": "List the worlds of the server.",
    "states": "Save a state of a world, and restore the world to it.",
    "clock": "Show the time of a world, and let time pass.",
    "script": "List the rules of a world, and set, add, replace or remove them.",
    "journal": "List the requests of a world, and the response to each.",
    "unmatched": "List the requests that reached no world.",
    "generations": "List the generations of a world, and show the response to a status read.",
    "deliveries": "List the webhooks of a world, show one, post it again.",
    "wallet": "Show the balance, the entries that add up to it, and the bill.",
    "record": "Show all that has happened in a world.",
    "explain": "Explain what would happen to a request, and why; nothing is sent.",
    "wait": "Wait for requests, webhooks or generations.",
    "verify": "Verify what has happened, how often or in which order.",
    "webhook-secret": "Rotate the signing secret of webhooks.",
    "tls-listeners": "Open and close TLS ports that serve a world.",
    "health": "Report that the simulator responds.",
    "ready": "Report that the server accepts requests.",
    "metrics": "Print metrics in Prometheus' text format.",
}
"""By name: its line in the help."""


class Verb(NamedTuple):
    """The command of a route, by operationId: its words, the words of an example that follow them, and the members that need no option's name."""

    route: str
    words: str
    example: str = ""
    arguments: tuple[str, ...] = ()


VERBS = (
    Verb("health", "health"),
    Verb("ready", "ready"),
    Verb("metrics", "metrics"),
    Verb("createWorld", "world create", "--key my-test --balance 5 --clock manual --policy job_times=1+4"),
    Verb("worlds", "worlds", "--limit 20"),
    Verb("world", "world"),
    Verb("changeWorld", "world change", "--balance 0.10 --policy rate_limit=5/60 --suspended"),
    Verb("deleteWorld", "world delete", "--key my-test"),
    Verb("exportWorld", "world export", "> world.json"),
    Verb("history", "world history", "--limit 20"),
    Verb("keepState", "states keep"),
    Verb("restoreState", "states restore", "1"),
    Verb("forgetState", "states forget", "1"),
    Verb("clock", "clock"),
    Verb("advance", "clock advance", "15", ("seconds",)),
    Verb("upcoming", "clock upcoming", "--seconds 60"),
    Verb("ledger", "wallet", "--limit 20"),
    Verb("bill", "wallet bill"),
    Verb("generations", "generations", "--limit 20"),
    Verb("status", "generations status", '"$REQUEST_ID"', ("request_id",)),
    Verb("journal", "journal", "--method POST --limit 20"),
    Verb("unmatched", "unmatched", "--path /v2/"),
    Verb("record", "record", "--json"),
    Verb("waitFor", "wait", """--generations '{"status": "COMPLETED"}' --timeout 5"""),
    Verb("verify", "verify", """--exchanges '{"operation": "submit"}' --at-most 1"""),
    Verb(
        "explain",
        "explain",
        """POST /minimax-hailuo-ai/v1/generate --body '{"prompt": "A bear"}'""",
        ("method", "path"),
    ),
    Verb("script", "script"),
    Verb("setScript", "script set", "script.toml", ("rules",)),
    Verb("clearScript", "script clear"),
    Verb("addRule", "script add", """'{"when": "status", "reply": {"status": 503}, "times": 2}'"""),
    Verb("replaceRule", "script replace", "1 rule.toml"),
    Verb("removeRule", "script remove", "1"),
    Verb("deliveries", "deliveries", "--limit 20"),
    Verb("delivery", "deliveries show", "1"),
    Verb("resend", "deliveries resend", "1"),
    Verb("rotateWebhookSecret", "webhook-secret rotate", "--overlap 3600"),
    Verb("openTlsListener", "tls-listeners open", "gateway.pixazo.ai", ("hosts",)),
    Verb("closeTlsListener", "tls-listeners close", "1"),
)
"""Every control route but openapi.json, which `pixazo-sim openapi` prints without a server."""


def __getattr__(name: str) -> click.Command:
    if name not in NOUNS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .commands import command_of  # this imports every route: no other command needs them

    return command_of(name)
