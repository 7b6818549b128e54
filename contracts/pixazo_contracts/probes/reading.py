"""Probes of STATUS: ids that do not exist, requests left alone, requests read often, late re-reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixazo_contracts.trace import TERMINAL, History

from .conversation import Probe, pause, published, recall, send, together
from .family import PROMPT
from .steps import download_send, follow, media_urls, poll, read, submit, submit_send
from .unknown_ids import unknown_id

if TYPE_CHECKING:
    from .conversation import Setting, Talk


#: Reads right after each other: of a request left alone so far, and of one right after its 202.
FEW_READS = 5
MANY_READS = 12

#: Generations that are watched closely, and how many times as often as others they are read.
FLEET = 3
CLOSER = 4.0

#: Finished requests that are read again at the end of a run, and links that are followed again.
MOST_REREADS = 40
MOST_LINKS = 3


def _unknown(setting: Setting) -> Talk[None]:
    yield from read(unknown_id(setting.run, "unknown"), case="unknown id", aims=("STATUS-10",))


def _malformed(setting: Setting) -> Talk[None]:
    uuid = unknown_id(setting.run, "malformed").partition("_")[2]
    ids: Final = {
        "empty": "",
        "no prefix": uuid,
        "other model's prefix": f"no-such-model_{uuid}",
        "over-long": "minimax-hailuo-ai_" + "0" * 2000,
        "encoded slash": "minimax-hailuo-ai_%2F..%2Fsecret",
        "not ASCII": "minimax-hailuo-ai_%E2%82%AC",
    }
    for case, request_id in ids.items():
        yield from read(request_id, case=case, aims=("STATUS-11",))


def _left_alone(setting: Setting) -> Talk[None]:
    """A generation nobody reads until another, polled one, has ended; then a few reads at once."""
    accepted = yield from submit(
        "generate", {"prompt": f"{PROMPT}, unwatched", "duration": 6}, case="quiet", intent="accept"
    )
    yield from published("g1 ended")
    yield from pause(setting.profile.pace)
    if accepted.accepted_id is not None:
        for _ in range(FEW_READS):
            yield from read(accepted.accepted_id, case="burst")
        yield from poll(setting, accepted)


def _read_often(setting: Setting) -> Talk[None]:
    accepted = yield from submit(
        "generate", {"prompt": f"{PROMPT}, watched", "duration": 6}, case="burst-read", intent="accept"
    )
    if accepted.accepted_id is not None:
        for _ in range(MANY_READS):
            yield from read(accepted.accepted_id, case="burst")
        yield from poll(setting, accepted)


def _closely(setting: Setting) -> Talk[None]:
    """A few generations read so often that no state can be missed."""
    sends = [
        submit_send("generate", {"prompt": f"{PROMPT}, boat {n} of a fleet"}, case="closely watched", intent="accept")
        for n in range(FLEET)
    ]
    accepted = yield from together(*sends)
    yield from follow(setting, accepted, pace=setting.profile.pace / CLOSER)


def _late(setting: Setting) -> Talk[None]:
    """Read every finished generation again, and follow some of their links again; earlier runs' included."""
    yield from pause(setting.profile.patience)
    generations = History((yield from recall()), ()).generations
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    for generation in ended[:MOST_REREADS]:
        yield from read(generation.request_id, case="late", aims=("STATUS-16",))
    fetched = [g.downloads[0] for g in ended if g.downloads]
    for first in fetched[:MOST_LINKS]:
        yield from send(download_send(str(first.request_id), first.url, case="late", aims=("OUT-13",)))
    for request_id, url in setting.earlier:
        end = yield from read(request_id, case="earlier run", aims=("STATUS-16",))
        if url is not None and url in media_urls(end):
            yield from send(download_send(request_id, url, case="earlier run", aims=("OUT-13",)))


PROBES = (
    Probe(name="unknown id", feeds=("STATUS-10", "HDR-04", "ERR-500-01"), talk=_unknown),
    Probe(name="malformed ids", feeds=("STATUS-11", "ERR-500-01"), talk=_malformed),
    Probe(name="left alone", feeds=("STATUS-12",), talk=_left_alone, worst=1, expected=1, only_unlimited=True),
    Probe(name="read often", feeds=("STATUS-12",), talk=_read_often, worst=1, expected=1, only_unlimited=True),
    Probe(
        name="closely watched",
        feeds=("FLOW-01", "FLOW-02", "STATUS-08", "HDR-05"),
        talk=_closely,
        worst=FLEET,
        expected=FLEET,
        only_unlimited=True,
    ),
    Probe(
        name="late re-reads",
        feeds=("STATUS-14", "STATUS-16", "FLOW-03", "OUT-13", "TIME-05", "TIME-07"),
        talk=_late,
        phase="late",
    ),
)
