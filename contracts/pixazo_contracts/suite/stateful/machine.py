"""The state machine: submits, reads and waiting in any order, from generated input; when no work is left, every clause is judged.

Clauses are judged once per example, not after each step: judging costs about as much as all requests of an example together,
and an error in the trace so far is also an error in the whole trace.

For a gateway of your own, on this machine and free of charge::

    target = Target(Profile(origin="http://127.0.0.1:8900", pace=0.05, deadline=20, settle=1.5), {"default": ("KEY",)})
    with open_dialogue(target, RunOptions()) as dialogue:
        run_examples(dialogue)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ClassVar, Final, TypeVar, cast

from hypothesis import HealthCheck, Phase, event, settings, stateful
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from pixazo_contracts import probes
from pixazo_contracts.judge import JUDGED, Terms, Verdict
from pixazo_contracts.probes import AwaitCallbacks, Conversation, Pause, ReceiverUrl, Send, SingleStep, Together
from pixazo_contracts.report import ContractBrokenError, objection, raise_alarm
from pixazo_contracts.runner import Dialogue
from pixazo_contracts.trace import RANK, STATES, TERMINAL, ConfigurationError, Exchange

from . import strategies
from .counterexample import CounterexampleError

T = TypeVar("T")

#: Readers of one request at once.
MOST_READERS: Final = 4

#: Prompts known to end badly are drawn by number, up to this one.
MOST_PROMPTS: Final = 3

#: How long to wait, in polls.
POLLS: Final = (1, 2, 5)

#: Callers without the key of a request: the key they use, and the clause that says what they get.
OTHER_CALLERS: Final = {"": "AUTH-02", "unknown": "AUTH-03", "blank": "AUTH-04"}

#: How many more examples look for a shorter failure, with virtual and with real time.
VIRTUAL_ATTEMPTS: Final = 100
REAL_ATTEMPTS: Final = 20

#: The first round has examples of a fifth of the steps: an early failure needs few steps, and is quickly shrunk further.
SHORTER: Final = 5

#: How many times as many examples further rounds have while a rule has not fired.
GROWTH: Final = (1, 2, 4)

#: The same examples in every run, shrunk but not explained: explaining would send as many requests again as shrinking.
REPEATABLE: Final = settings(
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

#: Few but long examples, since each ends by waiting until no work is left.
DEFAULT_SETTINGS: Final = settings(REPEATABLE, max_examples=10, stateful_step_count=30, report_multiple_bugs=False)


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted request: how it was sent, and its 202."""

    send: Send
    exchange: Exchange

    @property
    def request_id(self) -> str:
        return str(self.exchange.accepted_id)


VALID: Final = strategies.valid_submits("generate") | strategies.valid_submits("imageToVideo")
BROKEN: Final = strategies.breaches("generate") | strategies.breaches("imageToVideo")

#: What a bundle gets for a refused submit.
NOTHING: Final = cast("object", stateful.multiple())


def followers(state: str) -> frozenset[str]:
    """The states that the status flow allows from `state` on, itself included."""
    return frozenset(later for later in STATES if later == state or RANK[later] > RANK[state])


@dataclass(slots=True)
class _Request:
    """One accepted request: the last state that was read, and whether time may have passed since."""

    last: str | None = None
    moved: bool = True

    def possible(self) -> frozenset[str]:
        if self.last is None:
            return frozenset(STATES)
        return followers(self.last) if self.moved else frozenset({self.last})

    def broken(self) -> str:
        """The clause that forbids the states that are not possible."""
        if not self.moved:
            return "STATUS-12"
        return "FLOW-03" if self.last in TERMINAL else "FLOW-01"


@dataclass(slots=True)
class Model:
    """What state each request can be in; `frozen`: time passes only when the run waits, so reads in between must agree."""

    frozen: bool = False
    _requests: dict[str, _Request] = field(default_factory=dict[str, _Request])

    def pass_time(self) -> None:
        """Note that any request may be in a later state from now on."""
        for request in self._requests.values():
            request.moved = True

    def possible(self, request_id: str) -> frozenset[str]:
        """The states that a read of this request may show now."""
        return self._requests[request_id].possible()

    def running(self) -> list[str]:
        """The requests whose terminal state was not read yet."""
        return [request_id for request_id, request in self._requests.items() if request.last not in TERMINAL]

    def observe(self, exchanges: Sequence[Exchange]) -> Iterator[Verdict]:
        """Note requests that were under way at the same time; yield an objection to each response that cannot be right."""
        by_id: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            if exchange.accepted_id is not None:
                self._requests.setdefault(exchange.accepted_id, _Request())
        for exchange in exchanges:
            if exchange.state in RANK and exchange.request_id in self._requests:
                by_id.setdefault(exchange.request_id, []).append(exchange)
        for request_id, reads in by_id.items():
            yield from self._read(self._requests[request_id], reads)

    def _read(self, request: _Request, reads: Iterable[Exchange]) -> Iterator[Verdict]:
        possible = request.possible()
        for read in reads:
            if read.state not in possible:
                expected = " or ".join(state for state in STATES if state in possible)
                yield objection(request.broken(), read, f"{expected}, after {request.last}", str(read.state))
        # Simultaneous reads have no order: the latest state that one of them shows is the last one.
        request.last = max((str(read.state) for read in reads), key=lambda state: RANK[state])
        request.moved = not self.frozen


#: Every rule of the state machine, and the capability that it needs.
RULES: Final[dict[str, str]] = {}


class IdleRuleError(AssertionError):
    """A rule of the state machine never fired: the examples did not try everything."""


class EnoughError(BaseException):
    """Enough attempts were made. It is not an `Exception`, which Hypothesis would count as another failure."""


@dataclass(slots=True)
class ExampleRun:
    """What all examples of a run share; after the first failure at most `attempts` further ones look for a shorter one."""

    dialogue: Dialogue
    terms: Terms
    attempts: int = 0
    fired: Counter[str] = field(default_factory=Counter[str])
    shortest: CounterexampleError | None = None

    def can(self, need: str) -> bool:
        """Whether the target has what a rule needs; `prompt` stands for a prompt of any kind."""
        context = self.dialogue.context
        if need == "prompt":
            return bool(context.prompts)
        return not need or context.profile.has(frozenset({need}))

    def count_attempt(self) -> None:
        """Note that an example ends. Raises `EnoughError` once there were enough attempts at a shorter failure."""
        if self.shortest is not None:
            self.attempts -= 1
            if self.attempts < 0:
                raise EnoughError

    def fail(self, error: CounterexampleError) -> None:
        """Raise this failure, unless it breaks no clause that the first one broke: Hypothesis shrinks one failure at a time."""
        if self.shortest is not None and set(error.clauses).isdisjoint(self.shortest.clauses):
            return
        self.shortest = min(self.shortest or error, error, key=lambda each: each.length)
        raise error

    def idle(self) -> list[str]:
        """The rules that could have fired and never did."""
        return [name for name, need in RULES.items() if self.can(need) and not self.fired[name]]


def counted_rule(need: str = "", **drawn: Any) -> Callable[[Callable[..., Any]], Any]:
    """A rule that counts how often it fires, and that fires only if the target has what it needs."""

    def decorate(function: Callable[..., Any]) -> Any:
        RULES[function.__name__] = need

        @wraps(function)
        def counted(self: Any, **values: Any) -> Any:
            self.shared.fired[function.__name__] += 1
            return function(self, **values)

        make: Callable[..., Any] = stateful.rule
        return stateful.precondition(lambda machine: machine.shared.can(need))(make(**drawn)(counted))

    return decorate


class GatewayMachine(stateful.RuleBasedStateMachine):
    """One example: one order of events with one gateway."""

    keys: stateful.Bundle[str] = stateful.Bundle("keys")
    accepted: stateful.Bundle[Submitted] = stateful.Bundle("accepted")

    #: Set by `run_examples`, in a subclass for each run.
    shared: ClassVar[ExampleRun]

    def __init__(self) -> None:
        super().__init__()
        self.dialogue = self.shared.dialogue
        self.dialogue.mark()
        self.context = self.dialogue.context
        self.model = Model(frozen=self.context.profile.virtual)
        self.objections: list[Verdict] = []
        self.submitted: dict[str, Submitted] = {}
        self.urls: list[str] = []
        self.receiver = ReceiverUrl("plain")

    def _run(self, conversation: Conversation[T] | SingleStep[T]) -> T:
        before = len(self.dialogue.steps)
        returned = self.dialogue.run(iter(conversation), "machine")
        for step, result in self.dialogue.steps[before:]:
            if isinstance(step, Pause):
                self.model.pass_time()
            elif isinstance(step, Send | Together):
                results = result if isinstance(result, tuple) else (result,)
                self.objections += self.model.observe([each for each in results if isinstance(each, Exchange)])
        return returned

    def _submit(self, step: Send) -> object:
        exchange = self._run(step)
        if exchange.accepted_id is None:
            return NOTHING
        submitted = Submitted(step, exchange)
        self.submitted.setdefault(submitted.request_id, submitted)
        return submitted

    @stateful.initialize(target=keys)
    def have_keys(self) -> stateful.MultipleResults[str]:
        """The keys that can submit: ours, and the key of another account if there is one."""
        return stateful.multiple("default", *(["other"] if self.shared.can("account:other") else []))

    @counted_rule(target=accepted, step=VALID, key=keys)
    def submit_valid(self, step: Send, key: str) -> object:
        return self._submit(replace(step, account=key))

    @counted_rule(target=accepted, breach=BROKEN)
    def submit_invalid(self, breach: strategies.Breach) -> object:
        aims = (breach.clause,)
        step = probes.submit(breach.operation, breach.body, case=breach.wrong, aims=aims, intent="refuse")
        return self._submit(step)

    @counted_rule(
        "receiver",
        target=accepted,
        name=strategies.letter_cases("X-Webhook-URL"),
        in_body=st.booleans(),
        ending=st.integers(0, MOST_PROMPTS),
    )
    def submit_with_callback(self, name: str, *, in_body: bool, ending: int) -> object:
        """Ask for a callback, in the header or in the body, about a generation that ends well or badly."""
        url = self._run(self.receiver)
        prompts = ("A paper boat", *self.context.prompts.values())
        body = {"prompt": prompts[ending % len(prompts)], **({"callback_url": url} if in_body else {})}
        headers = probes.PRINTED_HEADERS if in_body else (*probes.PRINTED_HEADERS, (name, url))
        aims = () if in_body else ("WEBHOOK-01",)
        case = "with a callback"
        step = probes.submit("generate", body, case=case, aims=aims, intent="accept", headers=headers)
        submitted = self._submit(step)
        if isinstance(submitted, Submitted):
            self.urls.append(url)
        return submitted

    @counted_rule("receiver", behaviour=strategies.receiver_urls())
    def break_receiver(self, behaviour: ReceiverUrl) -> None:
        """Make receiver URLs fail, be slow, redirect, or work again from now on."""
        self.receiver = behaviour

    @counted_rule("prompt", target=accepted, number=st.integers(0, MOST_PROMPTS))
    def submit_failing(self, number: int) -> object:
        """Submit a prompt that is known to end badly."""
        prompts = sorted(self.context.prompts.items())
        kind, prompt = prompts[number % len(prompts)]
        body, headers = {"prompt": prompt}, probes.BODY_ONLY
        step = probes.submit("generate", body, case=f"to end {kind}", intent="accept", headers=headers)
        return self._submit(step)

    @counted_rule(target=accepted, submitted=accepted)
    def replay(self, submitted: Submitted) -> object:
        return self._submit(replace(submitted.send, case="again", aims=()))

    def _read(self, submitted: Submitted, reader: str = "", case: str = "read") -> Send:
        return probes.read(submitted.request_id, account=submitted.send.account, reader=reader, case=case)

    @counted_rule(submitted=accepted)
    def read(self, submitted: Submitted) -> None:
        self._run(self._read(submitted))

    @counted_rule(submitted=accepted, readers=st.integers(2, MOST_READERS))
    def read_in_parallel(self, submitted: Submitted, readers: int) -> None:
        self._run(Together(tuple(self._read(submitted, f"reader {n + 1}") for n in range(readers))))

    @counted_rule(submitted=accepted, caller=st.sampled_from(tuple(OTHER_CALLERS)))
    def read_foreign(self, submitted: Submitted, caller: str) -> None:
        case = f"read by {caller or 'nobody'}"
        self._run(probes.read(submitted.request_id, case=case, aims=(OTHER_CALLERS[caller],), account=caller))

    @counted_rule(request_id=strategies.unknown_ids())
    def read_unknown(self, request_id: str) -> None:
        self._run(probes.read(request_id, case="unknown id", aims=("STATUS-10",)))

    @counted_rule(polls=st.sampled_from(POLLS))
    def let_time_pass(self, polls: int) -> None:
        self._run(Pause(polls * self.context.profile.pace))

    @counted_rule(submitted=accepted)
    def wait_for_end(self, submitted: Submitted) -> None:
        """Poll a request until it ends, and read it once more."""
        if self._run(probes.poll(self.context, submitted.exchange)) is not None:
            self._run(self._read(submitted, case="after the end"))

    def teardown(self) -> None:
        """Wait until no work is left, then judge everything."""
        self.shared.count_attempt()
        settle = self.context.profile.settle
        self._run(probes.follow(self.context, [self.submitted[running].exchange for running in self.model.running()]))
        for url in self.urls:
            self._run(AwaitCallbacks(url, 1, settle))
        if self.context.profile.virtual:
            # Waiting costs nothing here, so even callbacks that must not arrive get time to arrive.
            self._run(Pause(settle))
        for submitted in self.submitted.values():
            self._run(self._read(submitted, case="when all is quiet"))
        trace = self.dialogue.trace(ended=True)
        try:
            verdicts = raise_alarm(trace, self.shared.terms, self.objections)
        except ContractBrokenError as error:
            self.shared.fail(CounterexampleError(error.clauses, error.text, tuple(self.dialogue.steps)))
        else:
            for verdict in verdicts:
                if verdict.outcome in JUDGED:
                    event(f"judged {verdict.clause}")


def run_examples(
    dialogue: Dialogue, *, examples: settings | None = None, terms: Terms | None = None, attempts: int | None = None
) -> Counter[str]:
    """Run examples, short ones first, until one breaks the contract, or all keep it and every rule has fired; returns how often.

    After the first failure at most `attempts` more look for a shorter one: by default, fewer where waiting takes real time. Raises
    `CounterexampleError` for the shortest failure; `IdleRuleError` if a rule never fired; `ConfigurationError` on a target that charges.
    """
    profile = dialogue.context.profile
    if profile.limited:
        raise ConfigurationError(f"the state machine spends generations freely: do not use it on {profile.origin}")
    # Half as many examples where waiting takes real time.
    fewer = settings(DEFAULT_SETTINGS, max_examples=DEFAULT_SETTINGS.max_examples // 2)
    examples = examples or (DEFAULT_SETTINGS if profile.virtual else fewer)
    most = VIRTUAL_ATTEMPTS if profile.virtual else REAL_ATTEMPTS
    shared = ExampleRun(dialogue, terms or Terms(), most if attempts is None else attempts)
    _run_round(shared, settings(examples, stateful_step_count=max(1, examples.stateful_step_count // SHORTER)))
    for growth in GROWTH:
        _run_round(shared, settings(examples, max_examples=growth * examples.max_examples))
        if not shared.idle():
            return shared.fired
    idle = ", ".join(shared.idle())
    raise IdleRuleError(f"{idle} never fired in {examples.max_examples} examples and more: raise max_examples")


def _run_round(shared: ExampleRun, examples: settings) -> None:
    """Run examples. A failure is raised as its shortest counterexample, even if the gateway's timing makes it come and go."""
    machine = type(GatewayMachine.__name__, (GatewayMachine,), {"shared": shared})
    try:
        stateful.run_state_machine_as_test(machine, settings=examples)
    except (EnoughError, CounterexampleError, Flaky):
        if shared.shortest is None:
            raise
        raise shared.shortest from None
