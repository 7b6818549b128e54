"""Scripts read from a file; what is wrong is reported with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixazo_simulator.script.builder import EXAMPLES, in_python, in_toml, script_from
from pixazo_simulator.script.faults import ConnectionReset, Fault
from pixazo_simulator.script.rule import FAULTS, End, Reply, Rule, Step
from pixazo_simulator.server.files import read_script
from pixazo_simulator.spec.formats import read_toml

TOML = """\
[[rules]]
name = "throttled twice, then reset"
when = "generate"
match.prompt = { contains = "bear" }
match.headers.X-Test = "7"
times = 2

[rules.reply]
status = 429
retry_after = 2

[[rules.then]]
faults = [{ fault = "connection_reset" }]
times = 1

[[rules]]
when = "imageToVideo"
after = 1
end = { status = "FAILED", error = "content policy" }
"""
RULES = (
    Rule(
        name="throttled twice, then reset", when="generate", times=2, reply=Reply(429, retry_after=2),
        match={"prompt": {"contains": "bear"}, "headers": {"X-Test": "7"}},
        then=(Step(faults=(ConnectionReset(),), times=1),),
    ),
    Rule(when="imageToVideo", after=1, end=End(status="FAILED", error="content policy")),
)  # fmt: skip


def test_a_script_can_be_written_in_toml_and_in_json(tmp_path: Path) -> None:
    """The same rules; the name of the file says which it is."""
    toml, as_json = tmp_path / "script.toml", tmp_path / "script.json"
    toml.write_text(TOML, encoding="utf-8")
    as_json.write_text(json.dumps({"rules": [rule.as_json() for rule in RULES]}), encoding="utf-8")
    assert read_script(toml) == read_script(as_json) == RULES


@pytest.mark.parametrize("text", ["", "rules = []"])
def test_a_script_may_be_empty(text: str) -> None:
    assert script_from(text, "x", form="TOML") == ()


@pytest.mark.parametrize("kind", FAULTS)
def test_the_examples_mean_what_they_are_written_for(kind: str) -> None:
    """In TOML and in Python."""
    rule = EXAMPLES[kind]
    assert script_from(in_toml(rule), "x", form="TOML") == (rule,)

    class Pixazo:
        """Stands for the fixture."""

        def when(self, when: str) -> Pixazo:
            """Begin a rule."""
            self.began = when
            return self

        def fault(self, fault: Fault, times: int | None = None) -> Rule:
            """End it."""
            return Rule(when=self.began, faults=(fault,), times=times)

    names = {each.__name__: each for each in FAULTS.values()}
    assert eval(in_python(rule), {**names, "pixazo": Pixazo()}) == rule


GENERATE = '[[rules]]\nwhen = "generate"\n'
STATUS = '[[rules]]\nwhen = "status"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n[[rule]]", "line 3: rule: unknown field `rule` (did you mean rules?); known members are rules"),
        ("rules = 3", "line 1: rules 3: give a list"),
        ("[[rules]]\n\nwhne = 'status'", "line 3: rules[0].whne: unknown field `whne` (did you mean when?); known members are reply, end, faults, times, when, match, after, probability, since, until, then, name"),
        ("\n[[rules]]\ntimes = 1", "line 2: rules[0]: `when` is missing: add it"),
        (f"{GENERATE}{GENERATE}tmes = 1", "line 5: rules[1].tmes: unknown field `tmes` (did you mean times?); known members are reply, end, faults, times, when, match, after, probability, since, until, then, name"),
        ("[[rules]]\nname = 'x'\nwhen = 'genrate'", "line 3: rules[0].when: when 'genrate' is not one of generate, imageToVideo, submit, status, media, webhook, request (did you mean generate?)"),
        (f"{GENERATE}[rules.match]\nduration = 6\npromt = 'x'", "line 5: rules[0].match.promt: when 'generate' has no fact 'promt' (did you mean prompt?): known are aigc_watermark, body, callback_url, duration, fast_pretreatment, first_frame_image, generation, headers, prompt, prompt_optimizer, resolution, webhook_url"),
        (f"{GENERATE}name = 'bear'\nmatch.prompt = {{ contains = 'a', matches = 'b' }}", "line 4: rules[0].match.prompt: condition {'contains': 'a', 'matches': 'b'} has 2 operators: write one, such as {'contains': 'bear'}"),
        (f"{GENERATE}name = 'b('\nmatch.any_of = 1\n", "line 4: rules[0].match.any_of: when 'generate' has no fact 'any_of': known are aigc_watermark, body, callback_url, duration, fast_pretreatment, first_frame_image, generation, headers, prompt, prompt_optimizer, resolution, webhook_url"),
        (f"{GENERATE}match.prompt = {{ contans = 'x' }}", "line 3: rules[0].match.prompt.contans: operator 'contans' is not one of equals, contains, starts_with, ends_with, matches, at_least, at_most, one_of, present, all, any, not (did you mean contains?)"),
        (f"{STATUS}faults = [\n  {{ fault = 'hang' }},\n  {{ fault = 'conection_reset' }},\n]", "line 5: rules[0].faults[1].fault: fault 'conection_reset' does not exist (did you mean connection_reset?); known are " + ", ".join(FAULTS)),
        (f"{STATUS}faults = [\n  {{ seconds = 1 }} ]", "line 4: rules[0].faults[0]: `fault` is missing: add it"),
        (f"{STATUS}faults = [{{ fault = 'delay', second = 1 }}]", "line 3: rules[0].faults[0].second: unknown field `second` (did you mean seconds?); known members are fault, seconds"),
        (f"{STATUS}faults = [{{ fault = 'delay', seconds = -1 }}]", "line 3: rules[0].faults[0].seconds -1: give a number of at least 0"),
        (f"{STATUS}faults = [\n{{ fault = 'delay', seconds = 1 }},\n{{ fault = 'stuck' }} ]", "line 5: rules[0].faults[1].fault: when 'status': fault 'stuck' applies only to generate, imageToVideo, submit"),
        (f"{STATUS}match.headers.x = 'stuck'\n[[rules.then]]\nfaults = [\n{{ fault = 'stuck' }} ]", "line 6: rules[0].then[0].faults[0].fault: when 'status': fault 'stuck' applies only to generate, imageToVideo, submit"),
        (f"{GENERATE}name = 'a\\\\'\n[rules.end]\nafter = 1\nerror = \"it's\"", "line 6: rules[0].end.error: error \"it's\" belongs to status FAILED or ERROR, not None"),
        (f"{GENERATE}match.prompt = '1:x'\nend.progress = [['QUEUED', '1:x']]", "line 4: rules[0].end.progress: progress '1:x' is neither a number of seconds nor polls:N, such as polls:2"),
        (f"{GENERATE}since = 2\nuntil = 1", "line 4: rules[0].until: until 1.0 is not after since 2.0: the rule would never be tried"),
        (f"{STATUS}times = 'often'", "line 3: rules[0].times 'often': give an integer or null"),
        (f"{STATUS}faults = 'hang'", "line 3: rules[0].faults 'hang': give a list"),
        (f"{STATUS}[[rules.then]]\n[[rules.then]]\nreplies = 1", "line 5: rules[0].then[1].replies: unknown field `replies` (did you mean reply?); known members are reply, end, faults, times"),
        (f"{GENERATE}[rules.end]\nafter = 1\nstatus = 'FAILD'", "line 5: rules[0].end.status: end 'FAILD' is not one of COMPLETED, FAILED, ERROR (did you mean FAILED?)"),
        (f"{GENERATE}[rules.end]\nstats = 'FAILED'", "line 4: rules[0].end.stats: unknown field `stats` (did you mean status?); known members are status, error, queued, processing, after, progress"),
        (f"{GENERATE}[rules.reply]\nstatus = 99", "line 4: rules[0].reply.status 99: give an integer of at least 200"),
        (f"{GENERATE}[rules.reply]\nstatus = 200\n[rules.reply.headers]\nAge = 3", "line 5: rules[0].reply.headers[...]: give a string"),
        (f"{GENERATE}[rules.reply]\nstatus = 200\n[rules.reply.headers]\nA = 'x'\nContent-Length = '3'", "line 7: rules[0].reply.headers.Content-Length: header 'Content-Length' is computed: leave it out"),
    ],
)  # fmt: skip
def test_the_error_of_a_script_names_its_line(text: str, expected: str) -> None:
    """It names the key and the nearest known name; once, in one line."""
    with pytest.raises(ValueError, match=r"^script my\.toml, line ") as raised:
        script_from(text, "my.toml", form="TOML")
    assert str(raised.value) == f"script my.toml, {expected}"


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("x = ", "TOML", "script s is not valid TOML: Invalid value (at end of document)"),
        ('{\n"rules": [}', "JSON", "script s, line 2: not valid JSON: Expecting value"),
        ('{\n "rules": [\n  {"when": "generate",\n   "whn": 1}]}', "JSON", "script s, line 4: rules[0].whn: unknown field `whn` (did you mean when?); known members are reply, end, faults, times, when, match, after, probability, since, until, then, name"),
        ("[]", "JSON", "script s, line 1: []: give an object"),
        ("[" * 100_000, "JSON", "script s is nested too deeply"),
        ("rules = " + "[" * 100_000, "TOML", "script s is nested too deeply"),
        ("x = 1\n" + "a." * 50_000 + "a = 1", "TOML", "script s, line 2: not valid TOML: a key has more than 100 dotted names"),
        ('{"a": ' + "9" * 5_000 + "}", "JSON", "script s contains a number with too many digits"),
        ("a = " + "9" * 5_000, "TOML", "script s contains a number with too many digits"),
    ],
)  # fmt: skip
def test_what_is_no_toml_or_json_is_refused(text: str, form: str, expected: str) -> None:
    """With the line where it ends to be any."""
    with pytest.raises(ValueError, match="script s") as raised:
        script_from(text, "s", form=form)
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    "text", ['x = "{}"', "x = '{}'", "# {}", "x = '''\n{}'''", 'x = """\\"""\n{}"""', "x = ['#', \"{}\"]"]
)
def test_names_with_dots_in_a_string_or_comment_are_no_key(text: str) -> None:
    assert len(read_toml(text.format("a." * 102))) <= 1


def test_strings_that_are_not_closed_are_looked_for_once() -> None:
    """From each quote to the end of the text would take minutes."""
    with pytest.raises(ValueError, match="Unescaped"):
        read_toml('"\\' * 50_000)


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """The error says that it is missing, a directory, or no text."""
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        read_script(tmp_path / "missing.toml")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_script(tmp_path)
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"a\xff")
    with pytest.raises(ValueError, match="is not UTF-8: invalid start byte at byte 1"):
        read_script(bad)


@pytest.mark.slow
def test_too_many_rules_are_refused() -> None:
    """A thousand fit."""
    assert len(script_from(GENERATE * 1000, "s", form="TOML")) == 1000
    with pytest.raises(ValueError, match=r"script s, line 1: rules \[.*\]: give a list of at most 1000 elements"):
        script_from(GENERATE * 1001, "s", form="TOML")


def test_toml_has_instants_of_its_own() -> None:
    """With a time zone they mean the same as their text."""
    (rule,) = script_from(
        f"{STATUS}since = 2026-03-31T10:00:10Z\nuntil = '2026-03-31T10:00:20+00:00'", "s", form="TOML"
    )
    assert (rule.since, rule.until) == ("2026-03-31T10:00:10+00:00", "2026-03-31T10:00:20+00:00")
    with pytest.raises(
        ValueError, match=r"line 3: rules\[0\].*: since '2026-03-31T10:00:10' is neither a number of seconds nor"
    ):
        script_from(f"{STATUS}since = 2026-03-31T10:00:10", "s", form="TOML")
