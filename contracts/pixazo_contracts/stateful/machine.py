"""The state machine: any order of submits, reads and waiting, from generated input; when all is quiet, every clause is judged.

Clauses are judged once an example, not after each step: judging costs about as much as all requests of an example together,
and what is wrong with the trace so far is wrong with the whole of it. `play` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar, cast

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
)

from pixazo_contracts.judge import JUDGED
from pixazo_contracts.probes import (
    BODY_ONLY,
    PRINTED_HEADERS,
    Hook,
    Pause,
    Send,
    Together,
    await_callbacks,
    follow,
    hook,
    pause,
    poll,
    read_send,
    send,
    submit_send,
    together,
)
from pixazo_contracts.trace import Exchange

from . import strategies
from .alarm import ContractBrokenError, raise_alarm
from .counterexample import Counterexample
from .model import Model, Objection
from .stage import Stage, step

if TYPE_CHECKING:
    from hypothesis.stateful import MultipleResults

    from pixazo_contracts.probes import Answer, Talk, Wish

    from .strategies import Breach
    from .strategies.bodies import Operation


T = TypeVar("T")

#: Readers of one request at once.
MOST_READERS: Final = 4

#: Prompts known to end badly are drawn by number, up to this one.
MOST_PROMPTS: Final = 3

#: How long to let time pass, in polls.
POLLS: Final = (1, 2, 5)

#: Foreign callers: whose key is used, and the clause that says what they get.
STRANGERS: Final = {"": "AUTH-02", "unknown": "AUTH-03", "blank": "AUTH-04"}


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted request: how it was sent, and its 202."""

    send: Send
    exchange: Exchange

    @property
    def request_id(self) -> str:
        """The id from the 202."""
        return str(self.exchange.accepted_id)


def _fitting(operation: Operation) -> st.SearchStrategy[Send]:
    """Submits that break no rule, in any of the ways in which headers may be written."""

    def make(body: dict[str, object], headers: tuple[tuple[str, str], ...]) -> Send:
        aims = strategies.proves(operation, body)
        typed = next(value for name, value in headers if name.lower() == "content-type")
        aims += ("HDR-01",) if typed != "application/json" else ()
        return submit_send(operation, body, case="valid", aims=aims, intent="accept", headers=headers)

    return st.builds(make, strategies.bodies(operation), strategies.json_headers())


FITTING: Final = _fitting("generate") | _fitting("imageToVideo")
BROKEN: Final = strategies.breaches("generate") | strategies.breaches("imageToVideo")


#: What a bundle gets of a submit that was refused.
NOTHING: Final = cast("object", multiple())


class GatewayMachine(RuleBasedStateMachine):
    """One course of events with one gateway."""

    keys: Bundle[str] = Bundle("keys")
    accepted: Bundle[Submitted] = Bundle("accepted")
    ended: Bundle[Submitted] = Bundle("ended")

    #: Set by `play`, in a subclass for each run.
    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.mark = self.stage.dialogue.mark()
        self.profile = self.stage.dialogue.setting.profile
        self.model = Model(frozen=self.profile.virtual)
        self.objections: list[Objection] = []
        self.submitted: dict[str, Submitted] = {}
        self.urls: list[str] = []
        self.receiver = Hook("plain")
        self._taken_in = 0

    def _hold(self, talk: Talk[T]) -> T:
        """Hold a talk, and let the model see what was said."""
        result = self.stage.dialogue.hold(talk, "machine")
        granted = self.mark.granted[self._taken_in :]
        self._taken_in += len(granted)
        for wish, answer in granted:
            self._take_in(wish, answer)
        return result

    def _take_in(self, wish: Wish, answer: Answer) -> None:
        match wish, answer:
            case Send(), Exchange():
                self.objections += self.model.observe([answer])
            case Together(), tuple():
                self.objections += self.model.observe([item for item in answer if isinstance(item, Exchange)])
            case Pause(), _:
                self.model.pass_time()
            case _:
                pass

    def _submit(self, wish: Send) -> object:
        """Send a submit; what a bundle of accepted requests gets of it."""
        exchange = self._hold(send(wish))
        if exchange.accepted_id is None:
            return NOTHING
        submitted = Submitted(wish, exchange)
        self.submitted.setdefault(submitted.request_id, submitted)
        return submitted

    @initialize(target=keys)
    def have_keys(self) -> MultipleResults[str]:
        """The keys that can submit: ours, and that of another account where there is one."""
        return multiple("default", *(["other"] if self.stage.can("account:other") else []))

    @step(target=accepted, wish=FITTING, key=keys)
    def submit_valid(self, wish: Send, key: str) -> object:
        """Submit what breaks no rule."""
        return self._submit(replace(wish, account=key))

    @step(target=accepted, breach=BROKEN)
    def submit_invalid(self, breach: Breach) -> object:
        """Submit what breaks one rule."""
        wish = submit_send(breach.operation, breach.body, case=breach.wrong, aims=(breach.clause,), intent="refuse")
        return self._submit(wish)

    @step(
        "receiver",
        target=accepted,
        name=strategies.spellings("X-Webhook-URL"),
        in_body=st.booleans(),
        doomed=st.integers(0, MOST_PROMPTS),
    )
    def submit_with_callback(self, name: str, *, in_body: bool, doomed: int) -> object:
        """Ask for a callback, in the header or in the body, about what ends well or badly."""
        url = self._hold(hook(self.receiver))
        prompts = ("A paper boat", *self.stage.dialogue.setting.prompts.values())
        body = {"prompt": prompts[doomed % len(prompts)], **({"callback_url": url} if in_body else {})}
        headers = PRINTED_HEADERS if in_body else (*PRINTED_HEADERS, (name, url))
        aims = () if in_body else ("WEBHOOK-01",)
        submitted = self._submit(
            submit_send("generate", body, case="with a callback", aims=aims, intent="accept", headers=headers)
        )
        if isinstance(submitted, Submitted):
            self.urls.append(url)
        return submitted

    @step("receiver", manners=strategies.hooks())
    def break_receiver(self, manners: Hook) -> None:
        """From now on receivers refuse, dawdle, redirect, or are well again."""
        self.receiver = manners

    @step("prompt", target=accepted, number=st.integers(0, MOST_PROMPTS))
    def submit_doomed(self, number: int) -> object:
        """Submit a prompt that is known to end badly."""
        kind, prompt = sorted(self.stage.dialogue.setting.prompts.items())[
            number % len(self.stage.dialogue.setting.prompts)
        ]
        wish = submit_send("generate", {"prompt": prompt}, case=f"to end {kind}", intent="accept", headers=BODY_ONLY)
        return self._submit(wish)

    @step(target=accepted, submitted=accepted)
    def replay(self, submitted: Submitted) -> object:
        """Send the same request again."""
        return self._submit(replace(submitted.send, case="again", aims=()))

    def _read(self, submitted: Submitted, reader: str = "", case: str = "read") -> Send:
        return read_send(submitted.request_id, account=submitted.send.account, reader=reader, case=case)

    @step(submitted=accepted)
    def read(self, submitted: Submitted) -> None:
        """Read a request."""
        self._hold(send(self._read(submitted)))

    @step(submitted=accepted, readers=st.integers(2, MOST_READERS))
    def read_in_parallel(self, submitted: Submitted, readers: int) -> None:
        """Read a request several times at once."""
        self._hold(together(*(self._read(submitted, f"reader {n + 1}") for n in range(readers))))

    @step(submitted=ended)
    def read_again(self, submitted: Submitted) -> None:
        """Read a request that has ended."""
        self._hold(send(self._read(submitted, case="after the end")))

    @step(submitted=accepted, stranger=st.sampled_from(tuple(STRANGERS)))
    def read_foreign(self, submitted: Submitted, stranger: str) -> None:
        """Read a request without the key that it belongs to."""
        case = f"read by {stranger or 'nobody'}"
        self._hold(send(read_send(submitted.request_id, case=case, aims=(STRANGERS[stranger],), account=stranger)))

    @step(request_id=strategies.unknown_ids())
    def read_unknown(self, request_id: str) -> None:
        """Read a request that nobody has made."""
        self._hold(send(read_send(request_id, case="unknown id", aims=("STATUS-10",))))

    @step(polls=st.sampled_from(POLLS))
    def let_time_pass(self, polls: int) -> None:
        """Wait."""
        self._hold(pause(polls * self.profile.pace))

    @step(target=ended, submitted=accepted)
    def wait_for_end(self, submitted: Submitted) -> object:
        """Poll a request until it ends."""
        end = self._hold(poll(self.stage.dialogue.setting, submitted.exchange))
        return NOTHING if end is None else submitted

    def teardown(self) -> None:
        """Let time pass until all is quiet, then judge everything."""
        self.stage.attempt()
        self._become_quiet()
        trace = self.stage.dialogue.trace(ended=True)
        try:
            verdicts = raise_alarm(trace, self.objections, strict_drift=self.stage.strict_drift)
        except ContractBrokenError as error:
            error.counterexample = Counterexample(error.clauses, error.text, tuple(self.mark.granted))
            self.stage.fail(error)
        else:
            for verdict in verdicts:
                if verdict.outcome in JUDGED:
                    event(f"judged {verdict.clause}")

    def _become_quiet(self) -> None:
        setting = self.stage.dialogue.setting
        self._hold(follow(setting, [self.submitted[request_id].exchange for request_id in self.model.running()]))
        for url in self.urls:
            self._hold(await_callbacks(url, 1, self.profile.settle))
        if self.profile.virtual:
            # Here waiting costs nothing, so that even what must not come is given the time to.
            self._hold(pause(self.profile.settle))
        self._hold(self._read_all())

    def _read_all(self) -> Talk[None]:
        for submitted in self.submitted.values():
            yield from send(self._read(submitted, case="when all is quiet"))
