"""Wrong answers to a status read: STATUS."""

from __future__ import annotations

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import Judge, answers, envelopes, is_read, policy, reads, refused_as, with_code
from pixazo_simulator.mutants.members import amended, computed, drop, on, put, running, status_is, without_prefix
from pixazo_simulator.mutants.messages import REQUEST_ID, Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import MODEL_ID, SECOND, STATUS_PATH, Broken, Throttled, timestamp

STEP = 5 * SECOND
"""How far one read advances a generation."""
LAG = 3 * SECOND
"""How far a stale replica is behind."""
MINUTE = 60 * SECOND
UPSTREAM_MODEL = "MiniMax-Hailuo-2.3"


def _is_running(request: Request, reply: Reply) -> bool:
    return is_read(request, reply) and running(reply.members() or {})


def _unfound(*, well_formed: bool) -> Judge:
    """Whether a known caller read an id that no generation has, of the right shape or not."""

    def judge(request: Request, reply: Reply) -> bool:
        found = request.read_id is not None and reply.status == 404
        return found and (REQUEST_ID.fullmatch(request.read_id or "") is not None) == well_formed

    return judge


def _upcoming_output(told: Members, context: Context) -> object:
    ends = context.ends(told["request_id"])
    last = context.peek(told["request_id"], ends) if ends is not None else None
    return last["output"] if last else None


def polling_url(told: Members, _: Context) -> str:
    """The status URL of an envelope at the documented host."""
    return f"https://gateway.pixazo.ai{STATUS_PATH}{told['request_id']}"


def _without_nulls(told: Members, _: Context) -> Members:
    return {name: value for name, value in told.items() if value is not None}


def _any_id_is_queued(request: Request, reply: Reply, context: Context) -> Reply:
    if not _unfound(well_formed=True)(request, reply) or context.owner(request.read_id or ""):
        return reply
    told = {"request_id": request.read_id, "status": "QUEUED", "model_id": MODEL_ID, "error": None, "output": None}
    return reply.with_members(told).with_status(200)


def _seen_at(request: Request, reply: Reply, context: Context, instant: int) -> Reply:
    told = context.peek(request.read_id or "", instant)
    return reply.with_members(told) if told else reply


def _advanced_by_reads(request: Request, reply: Reply, context: Context) -> Reply:
    if request.media_id and reply.status == 404:
        return _video_of_reads(request.media_id, request, context) or reply
    if not is_read(request, reply):
        return reply
    earlier = context.memory.count("reads", request.read_id) - 1
    return _seen_at(request, reply, context, context.now + earlier * STEP) if earlier else reply


def _video_of_reads(request_id: str, request: Request, context: Context) -> Reply | None:
    """The video, once the reads so far have brought the generation to its end."""
    earlier = int(context.memory.get("reads", request_id) or 1) - 1
    told = context.peek(request_id, context.now + earlier * STEP)
    return context.video(request_id, request) if told and told["status"] == "COMPLETED" else None


def _started_by_reads(request: Request, reply: Reply, context: Context) -> Reply:
    told = reply.members() if is_read(request, reply) else None
    if not told or told["status"] != "QUEUED" or context.memory.count("reads", request.read_id) == 1:
        return reply
    return reply.with_members({**told, "status": "PROCESSING", "updated_at": timestamp(context.now)})


def _stale_every_second(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_read(request, reply) or context.memory.count("reads", request.read_id) % 2:
        return reply
    return _seen_at(request, reply, context, context.now - LAG)


def _throttled_at_third(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_read(request, reply):
        return reply
    earlier: list[int] = context.memory.get("read at", request.read_id) or []
    recent = [*(at for at in earlier if context.now - at < MINUTE), context.now]
    context.memory.put([] if len(recent) == 3 else recent, "read at", request.read_id)
    return context.refusal(Throttled(5), request) if len(recent) == 3 else reply


def _numbered_urls(request: Request, reply: Reply, context: Context) -> Reply:
    told = reply.members() if is_read(request, reply) else None
    if not told or told["status"] != "COMPLETED":
        return reply
    number = context.memory.count("completed reads", request.read_id)
    urls = [f"{url}?v={number}" for url in told["output"]["media_url"]]
    return reply.with_members({**told, "output": {**told["output"], "media_url": urls}}) if number > 1 else reply


STATUS = (
    Mutant("202-while-running", "STATUS-01", "A read answers 202 until the terminal state", answers(_is_running, with_code(202)),
           ("SUBMIT-13", "FLOW-0[12]")),
    Mutant("processing-called-running", "STATUS-02", "The status says RUNNING for PROCESSING",
           envelopes(on(status_is("PROCESSING"), put("status", "RUNNING"))), ("FLOW-0[12]",)),
    Mutant("completed-called-succeeded", "STATUS-02", "The status says SUCCEEDED for COMPLETED",
           envelopes(on(status_is("COMPLETED"), put("status", "SUCCEEDED"))), ("FLOW-*", "OUT-*", "TIME-*", "WEBHOOK-*", "STATUS-*")),
    Mutant("status-in-lower-case", "STATUS-02", "The status is in lower case while it is not terminal",
           envelopes(on(running, amended("status", str.lower))), ("FLOW-0[12]",)),
    Mutant("status-without-prefix", "STATUS-03", "The request_id of a status answer lacks the model's name",
           reads(amended("request_id", without_prefix)), ("WEBHOOK-04",)),
    Mutant("upstream-model-name", "STATUS-04", "The model_id is the name of the upstream model", envelopes(put("model_id", UPSTREAM_MODEL)),
           ("FAIL-03",)),
    Mutant("empty-error", "STATUS-05", "The error is an empty text where it ought to be null",
           envelopes(on(lambda told: told.get("error") is None, put("error", "")))),
    Mutant("output-while-processing", "STATUS-06", "The media_url is visible while PROCESSING",
           reads(on(status_is("PROCESSING"), computed("output", _upcoming_output)))),
    Mutant("polling-url-in-status", "STATUS-07", "A status answer repeats polling_url", reads(computed("polling_url", polling_url)),
           ("WEBHOOK-04",)),
    Mutant("nulls-omitted-while-running", "STATUS-08", "Members that are null are left out while the generation runs",
           envelopes(on(running, _without_nulls)), ("STATUS-0[56]", "TIME-07")),
    Mutant("no-updated-at", "STATUS-09", "A status answer has no updated_at", envelopes(drop("updated_at")), ("TIME-0[246]", "STATUS-08")),
    Mutant("any-id-is-queued", "STATUS-10", "Any well-formed id reads as QUEUED", Edits(reply=_any_id_is_queued)),
    Mutant("malformed-id-is-500", "STATUS-11", "A malformed id is answered 500",
           refused_as(_unfound(well_formed=False), lambda _: Broken()), ("ERR-500-01",)),
    Mutant("reads-advance", "STATUS-12", "Every read advances the generation by 5 s", Edits(reply=_advanced_by_reads),
           ("TIME-*", "WEBHOOK-0[46]", "OUT-*", "FLOW-02", "STATUS-15", "WAL-02")),
    Mutant("first-read-starts", "STATUS-12", "The first read of a QUEUED generation lets it be PROCESSING", Edits(reply=_started_by_reads),
           ("TIME-06",)),
    Mutant("third-read-throttled", "STATUS-13", "The third read of a status within a minute is answered 429",
           Edits(reply=_throttled_at_third), ("STATUS-*",)),
    Mutant("media-url-changes", "STATUS-14", "The media_url is another one on each read", Edits(reply=_numbered_urls), ("WEBHOOK-04",)),
    Mutant("stale-replica", "STATUS-15", "Every second read of a status is 3 s behind", Edits(reply=_stale_every_second),
           ("FLOW-0[13]", "HDR-05", "STATUS-1[24]", "TIME-0[67]", "WEBHOOK-0[46]")),
    Mutant("status-forgotten-in-10-minutes", "STATUS-16", "A status is forgotten ten minutes after the end", policy(retention="status=600")),
)  # fmt: skip
