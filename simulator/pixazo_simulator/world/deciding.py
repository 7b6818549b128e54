"""Which fields of the policy decided what a caller saw: those of which another value would have changed it."""

from __future__ import annotations

from pixazo_simulator.spec import Plan, Policy, Status

from .admission import Admitted
from .commands import Generation
from .deliveries import Delivery, Form


def of_end(admitted: Admitted, plan: Plan, policy: Policy) -> tuple[str, ...]:
    """How a generation ends, and when."""
    if not policy.changed_among("job_times", "queued_to_end") and not admitted.fails:
        return ()
    is_scripted = admitted.end is not None and admitted.end.status is not None
    fails = admitted.decided_by if admitted.fails and not is_scripted else ()
    times = policy.changed_among("job_times") if admitted.magic.after is None and admitted.end is None else ()
    ends = policy.changed_among("queued_to_end") if plan.outcome is not Status.COMPLETED else ()
    return (*fails, *times, *ends)


def of_refused_read(generation: Generation | None, now: int, policy: Policy) -> tuple[str, ...]:
    """A status read that was not answered with a status; None for an unknown id."""
    if generation is None:
        return ()
    return ("read_delay",) if now < generation.accepted + policy.read_delay else ("retention",)


def of_body(generation: Generation, at: int, policy: Policy) -> tuple[str, ...]:
    """The status body of an instant."""
    shaping = policy.changed_among("public_origin", "media_origin", "media", "status_members", "timestamps")
    if not generation.decided_by:
        return shaping
    has_ended = at >= generation.finish
    return (*shaping, *(each for each in generation.decided_by if has_ended or each == "job_times"))


def of_delivery(delivery: Delivery, generation: Generation, policy: Policy) -> tuple[str, ...]:
    """The attempts of a delivery, and what they carried."""
    made = delivery.attempts
    failed = [each for each in made if not each.succeeded and not each.final]
    names = [*policy.changed_among("webhook_signature", "webhook_redirects", "webhook_timeout")] if made else []
    if failed and not delivery.progress and delivery.copy_of is None:
        names.append("webhook_retries")
    if any(each.status is not None and 300 <= each.status < 400 for each in failed):
        names.append("webhook_redirects")
    if any(" within " in (each.problem or "") for each in failed):  # it did not answer in time
        names.append("webhook_timeout")
    if delivery.form is not Form.STATUS:
        names.append("callback_url")
    return (*names, *(of_body(generation, delivery.event, policy) if made else ()))
