"""The commands that call a running simulator: one for each control route."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.caller import Caller, over_http
from tests.command import pixazo_sim, pixazo_sim_on_a_terminal, python
from tests.receiver import Receiver, http_response

from pixazo_simulator.cli import verbs
from pixazo_simulator.cli.group import pixazo_sim as command_line
from pixazo_simulator.cli.verbs.printing import aligned, print_value
from pixazo_simulator.control import ROUTES, ControlClient
from pixazo_simulator.server.simulator import Simulator

SCRIPT = '[[rules]]\nwhen = "generate"\nmatch = { prompt = { contains = "bear" } }\nend = { status = "FAILED" }\n'


class Terminal:
    """Runs `pixazo-sim` in this process, with the variables that name a simulator and a world."""

    def __init__(self, control: ControlClient) -> None:
        self.control = control
        self.variables = {"PIXAZO_BASE_URL": control.url, "PIXAZO_API_KEY": control.api_key or ""}

    def run(self, *words: str, given: str | None = None, **variables: str) -> Result:
        """Run it with these words, this standard input and more variables."""
        runner = CliRunner(env=self.variables | variables)
        return runner.invoke(command_line, words, input=given, prog_name="pixazo-sim")

    def out(self, *words: str, given: str | None = None) -> str:
        """What it prints, when it must succeed."""
        ran = self.run(*words, given=given)
        assert (ran.exit_code, ran.stderr) == (0, ""), words
        return ran.stdout

    def fails(self, *words: str, **variables: str) -> tuple[int, str]:
        """The exit code, and the one line on standard error; nothing else is printed."""
        ran = self.run(*words, **variables)
        found = re.fullmatch(r"pixazo-sim: (.*)\n", ran.stderr)
        assert found, ran.output
        assert not ran.stdout
        return ran.exit_code, found[1]


@pytest.fixture(scope="module")
def logged() -> Iterator[ControlClient]:
    """A simulator that keeps a log."""
    with Simulator(state="memory-log") as running:
        yield ControlClient(running.url)


@pytest.fixture
def terminal(logged: ControlClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal with a fresh world, in a folder with the files that examples name."""
    monkeypatch.chdir(tmp_path)
    for name in ("script.toml", "rule.toml"):
        Path(name).write_text(SCRIPT, encoding="utf-8")
    return Terminal(logged.create_world(clock="manual"))


# The commands


def commands() -> Iterator[tuple[str, click.Command]]:
    """The command of every verb, by its words."""
    for verb in verbs.VERBS:
        noun, _, more = verb.words.partition(" ")
        found: click.Command = getattr(verbs, noun)
        yield verb.words, found.commands[more] if more and isinstance(found, click.Group) else found


def test_every_route_has_one_command() -> None:
    """But for the OpenAPI document, which `pixazo-sim openapi` prints without a server."""
    assert sorted(["openapi", *(verb.route for verb in verbs.VERBS)]) == sorted(route.name for route in ROUTES)
    assert {verb.words.split()[0] for verb in verbs.VERBS} == set(verbs.NOUNS)
    assert len({command.callback for _, command in commands()}) == len(verbs.VERBS)


def test_every_option_is_described_and_every_command_has_an_example() -> None:
    for words, command in commands():
        assert f"Example:\n    pixazo-sim {words}" in command.get_help(click.Context(command, info_name=words))
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [each.name for each in options if len(each.help or "") < 5] == [], words


@pytest.mark.slow
def test_every_example_runs(terminal: Terminal) -> None:
    """As it is printed, in a world of its own that has a rule, an ended generation with a webhook, and a state that is kept."""
    control = terminal.control
    for verb in verbs.VERBS:
        if verb.route != "closeTlsListener":  # which closes that of the example before
            control = control.create_world(
                policy={"webhook_signature": "standard"},
                script=[{"when": "status", "reply": {"status": 503}}],
                generations=[{"status": "COMPLETED", "webhook_url": "http://127.0.0.1:9/hook"}],
            )
            control.keep_state()
        request_id = control.generations().generations[0].request_id
        example = f" {verb.example}".partition(" >")[0].replace("$REQUEST_ID", request_id)
        assert Terminal(control).out(*verb.words.split(), *shlex.split(example)).endswith("\n")


def test_the_help_lists_every_command_once() -> None:
    described = CliRunner().invoke(command_line, ["--help"]).stdout.partition("\nServe and receive:")[2]
    listed = re.findall(r"^  ([a-z-]+)  ", described, re.MULTILINE)
    assert sorted(listed) == sorted(command_line.list_commands(click.Context(command_line)))


# What they send


def test_a_whole_test_by_commands(terminal: Terminal) -> None:
    """A world with its own balance and policy, in which a script decides, time passes, and money is spent."""
    made = terminal.out(
        "world", "create", "--key", "shell", "--balance", "0.50", "--clock", "manual", "--policy", "job_times=1+4", "--policy", "cors=on",
        "--seed", "7", "--script", "script.toml", "--json",
    )  # fmt: skip
    world = json.loads(made)
    assert (world["key"], world["balance"], world["seed"]) == ("shell", "0.50", 7)
    assert (world["policy"]["job_times"], world["policy"]["cors"]) == ("1+4", "on")
    shell = Terminal(ControlClient(terminal.control.url, "shell"))
    Caller(over_http(terminal.control.url), "shell").generate(prompt="A bear")
    assert shell.out("clock", "advance", "4").split("\n")[2:] == [
        "AT                        KIND        STATUS      REQUEST_ID",
        f"2026-03-31T10:00:01.000Z  transition  PROCESSING  {shell.control.generations().generations[0].request_id}",
        "",
    ]
    shell.out("clock", "advance", "--until", "2026-03-31T10:00:05Z")
    assert [each.status for each in shell.control.generations().generations] == ["FAILED"]
    shell.out("world", "change", "--suspended", "--no-model-enabled")
    changed = shell.control.world()
    assert (changed.suspended, changed.model_enabled, str(changed.balance)) == (True, False, "0.15")
    assert shell.run("verify", "--exchanges", '{"operation": "submit"}', "--at-most", "0").exit_code == 1
    shell.out("world", "delete")
    assert shell.fails("world") == (1, "no world has this key: create one with pixazo-sim world create")


def test_filters_and_what_is_not_ascii_are_sent(terminal: Terminal) -> None:
    """The journal lists what passes all of them."""
    caller = Caller(over_http(terminal.control.url), terminal.control.api_key or "")
    for prompt in ("медведь & волк", "A cat"):
        caller.generate(prompt=prompt)
    found = json.loads(terminal.out("journal", "--method", "post", "--text", "медведь & в", "--limit", "5", "--json"))
    assert [each["request"]["body"]["prompt"] for each in found["exchanges"]] == ["медведь & волк"]


def test_a_rule_is_json_or_the_only_one_of_a_script_file(terminal: Terminal) -> None:
    """A script in JSON or YAML is read, too."""
    Path("two.json").write_text('{"rules": [{"when": "status"}, {"when": "media"}]}', encoding="utf-8")
    terminal.out("script", "add", "rule.toml")
    terminal.out("script", "add", '{"when": "status", "reply": {"status": 503}}')
    terminal.out("script", "replace", "1", '{"when": "media", "reply": {"status": 404}}')
    assert [rule.rule["when"] for rule in terminal.control.script().rules] == ["media", "status"]
    meant = "script two.json has 2 rules, but this takes one: pass all of them to script set"
    assert terminal.fails("script", "add", "two.json") == (2, meant)
    Path("rules.yaml").write_text("rules: [{when: media}, {when: status}]", encoding="utf-8")
    terminal.out("script", "set", "rules.yaml")
    assert [rule.rule["when"] for rule in terminal.control.script().rules] == ["media", "status"]


def test_a_world_is_exported_and_made_again(terminal: Terminal) -> None:
    """From standard input and from a file."""
    Caller(over_http(terminal.control.url), terminal.control.api_key or "").generate()
    exported = terminal.out("world", "export")
    Path("world.json").write_text(exported, encoding="utf-8")
    for log in ("-", "world.json", "@world.json"):
        made = terminal.out("world", "create", "--log", log, "--json", given=exported)
        assert json.loads(made)["generations"] == 1


def test_a_body_is_explained_as_it_stands(terminal: Terminal) -> None:
    """JSON as JSON, anything else as text, that of a file likewise, with the headers that are given."""
    Path("body").write_text('{"prompt": ', encoding="utf-8")
    explain = ("explain", "POST", "/minimax-hailuo-ai/v1/generate", "--json", "--body")
    assert json.loads(terminal.out(*explain, '{"prompt": "A bear"}'))["price"] == "0.35"
    broken = json.loads(terminal.out(*explain, "@body", "--headers", "Content-Type=application/json"))
    assert (broken["exchange"]["status"], broken["exchange"]["request"]["body"]) == (400, '{"prompt": ')


# Mistakes

REFUSED = [
    (["clock", "--key", "nobody's"], "no world has this key: create one with pixazo-sim world create"),
    (["deliveries", "resend", "9"], "no delivery has the number 9: pixazo-sim deliveries lists them"),
    (["states", "restore", "9"], "there is no saved state 9: pixazo-sim states keep saves one"),
    (["world", "change", "--policy", "cros=on"], "policy field 'cros' does not exist (did you mean cors?): see pixazo-sim policy"),
    (["script", "add", '{"when": "sttus"}'], "the body does not fit: when 'sttus' is not one of generate, imageToVideo, submit, status, media, webhook, request (did you mean status?)"),
    (["journal", "--operation", "sttus"], "the query does not fit: operation 'sttus' is not one of generate, imageToVideo, submit, status, media, request (did you mean status?)"),
    (["clock", "advance"], "the body does not fit: give one of seconds and until"),
]  # fmt: skip
USAGE = [
    (["clock", "--url", "127.0.0.1:8900"], "--url '127.0.0.1:8900' is not the origin of a simulator, such as http://127.0.0.1:8900"),
    (["clock", "--url", "http://[::1"], "--url 'http://[::1' is not the origin of a simulator, such as http://127.0.0.1:8900"),
    (["clock", "--url", "ftp://a:secret@b.test"], "--url 'b.test' is not the origin of a simulator, such as http://127.0.0.1:8900"),
    (["clock", "--key", "ключ"], "--key cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["clock", "--control-token", "a\nb"], "--control-token cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["clock", "--key", "a", "advance", "15"], "--key is before advance: write pixazo-sim clock advance --key"),
    (["clock", "advance", "nan"], "Invalid value for '[SECONDS]': 'nan' is not a finite number."),
    (["deliveries", "resend", "x"], "Invalid value for 'NUMBER': 'x' is not a valid whole number."),
    (["world", "create", "--policy", "cors"], "--policy 'cors' is not NAME=VALUE"),
    (["world", "create", "--images", "{"], "--images '{' is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    (["world", "create", "--images", "no.json"], "'no.json' is neither JSON nor a file that can be read: No such file or directory"),
    (["world", "create", "--images", '{"a": NaN}'], "Out of range float values are not JSON compliant"),
    (["script", "set", "no.toml"], "script no.toml cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words", "says"), [(1, *each) for each in REFUSED] + [(2, *each) for each in USAGE], ids=str
)
def test_a_mistake_is_one_line(terminal: Terminal, code: int, words: list[str], says: str) -> None:
    """With the exit code 1 where the simulator refuses, and 2 where the command line is wrong."""
    found, line = terminal.fails(*words)
    assert (found, line.partition(": nan")[0]) == (code, says)


@pytest.mark.parametrize("url", ["https://gateway.pixazo.ai", "http://gateway.pixazo.ai.:80/v2", "http://PIXAZO.ai"])
def test_nothing_is_sent_to_the_vendor(terminal: Terminal, url: str) -> None:
    """Also where the environment names it, as it may for the app."""
    for code, line in (terminal.fails("clock", "--url", url), terminal.fails("clock", PIXAZO_BASE_URL=url)):
        assert code == 2
        assert re.fullmatch(r"--url (gateway\.)?pixazo\.ai is the vendor's gateway, to which nothing is sent: .*", line)


def test_where_no_simulator_answers_the_exit_code_is_3(terminal: Terminal) -> None:
    """Nobody, or another server; the line says what to look at."""
    page, gone = http_response(200, b"<html>"), http_response(404, b'{"error": "Gone", "message": {"code": 5}}')
    with Receiver(page, gone) as other:
        url = f"http://{other.authority}"
        for noun, status in (("clock", 200), ("world", 404)):
            says = f"GET /_sim/{noun} was answered with {status}, but not by a simulator: set its URL with --url"
            assert terminal.fails(noun, "--url", url) == (3, says)
    code, line = terminal.fails("clock", "--url", url)
    assert code == 3
    assert line.endswith("is `pixazo-sim serve` running there? (--url sets another)")


def test_a_refusal_as_json(terminal: Terminal) -> None:
    """What did arrive, and what came nearest, is printed for programs; the line is there, too."""
    ran = terminal.run("wait", "--generations", '{"status": "ERROR"}', "--timeout", "0", "--json")
    assert (ran.exit_code, ran.stderr.count("\n")) == (1, 1)
    assert json.loads(ran.stdout)["generations"] == []


# What they print


def test_json_is_printed_as_it_came(terminal: Terminal) -> None:
    caller = Caller(over_http(terminal.control.url), terminal.control.api_key or "")
    assert terminal.out("world", "--json").encode() == caller.call("GET", "/_sim/world").body + b"\n"


def test_a_value_is_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Members by their paths, texts of several lines and lists of objects below them; nothing controls the terminal."""
    attempts = [{"status": 500, "problem": None, "faults": ["delay", "garbage"]}, {"status": 204, "problem": "\x1b[2J"}]
    print_value(
        {"number": 1, "body": {"a": None, "b": {"c": True}}, "ca_pem": "one\ntwo\n", "empty": [], "attempts": attempts}
    )
    assert capsys.readouterr().out.split("\n") == [
        "number    1",
        "body.a    -",
        "body.b.c  true",
        "empty     -",
        "",
        "ca_pem",
        "one",
        "two",
        "",
        "STATUS  PROBLEM    FAULTS",
        "500     -          delay, garbage",
        "204     \\u001b[2J  -",
        "",
    ]


def test_the_widest_columns_give_way() -> None:
    """Until a line fits, but for ids; what is cut ends in dots."""
    rows = [["1", "a" * 30, "b" * 20], ["22", "c", "d"]]
    assert aligned(rows, 40).split("\n") == [f"1   {'a' * 14}...  {'b' * 14}...", f"22  c{' ' * 18}d"]
    named = aligned([["AT", "REQUEST_ID"], ["a" * 40, "b" * 40]], 50)
    assert named.split("\n")[1] == f"{'a' * 9}...  {'b' * 40}"
    assert aligned(rows) == f"1   {'a' * 30}  {'b' * 20}\n22  c{' ' * 29}  d"


@pytest.mark.slow
def test_a_table_fits_the_terminal(terminal: Terminal) -> None:
    """Its head is bold there."""
    Caller(over_http(terminal.control.url), terminal.control.api_key or "").generate()
    shown = pixazo_sim_on_a_terminal("journal", COLUMNS="70", **terminal.variables)
    assert "\x1b[1mNUMBER\x1b[0m" in shown
    assert max(len(click.unstyle(line)) for line in shown.splitlines()) == 70


# Completion


def completed(shell: str, words: str = "") -> str:
    """What a shell is told when it asks about the last of these words, or for its script."""
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_PIXAZO_SIM_COMPLETE": shell}
    ran = CliRunner(env=variables).invoke(command_line, prog_name="pixazo-sim")
    assert (ran.exit_code, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("cl", ["plain,clock"]),
        ("clock ", ["plain,advance", "plain,upcoming"]),
        ("clock advance --e", ["plain,--every-world"]),
        ("clock advance --until ", ["plain,next"]),
        ("world create --policy job", ["plain,job_times="]),
        ("serve --set job", ["plain,job_times="]),
        ("serve --profile ", ["plain,documented", "plain,observed"]),
        ("serve --mutant no-polling", ["plain,no-polling-url"]),
        ("serve --log-format ", ["plain,text", "plain,json"]),
        ("script set scr", ["file,scr"]),
    ],
)
def test_a_shell_is_offered(words: str, names: list[str]) -> None:
    """Nouns, verbs, options, and the values that are known."""
    assert completed("bash_complete", f"pixazo-sim {words}").split() == names


@pytest.mark.slow
def test_the_command_itself_completes() -> None:
    """As each shell calls it; the script for a shell says so."""
    for shell in ("bash", "zsh", "fish"):
        assert f"_PIXAZO_SIM_COMPLETE={shell}_complete" in completed(f"{shell}_source")
    ran = pixazo_sim(_PIXAZO_SIM_COMPLETE="zsh_complete", COMP_WORDS="pixazo-sim wal", COMP_CWORD="1")
    assert ran.stdout.split("\n")[:2] == ["plain", "wallet"]


@pytest.mark.slow
def test_neither_help_nor_the_names_of_commands_import_them() -> None:
    """Both are needed at once."""
    code = (
        "import sys\nfrom pixazo_simulator.cli.group import pixazo_sim\n"
        "names = [each.value for each in pixazo_sim.shell_complete(pixazo_sim.make_context('x', [], resilient_parsing=True), 'jou')]\n"
        "try: pixazo_sim(['--help'])\nexcept SystemExit: pass\n"
        "print(names, [name for name in sys.modules if name.startswith('pixazo_simulator.') and '.cli' not in name])"
    )
    assert python(code).splitlines()[-1] == "['journal'] []"
