"""Annotations and summaries for GitHub Actions: exact bytes, and nothing from outside is markup."""

from __future__ import annotations

import pytest

from pixazo_html import Annotation, folded_code, is_github, job_summary, markdown_table, workflow_commands
from pixazo_html.github import LARGEST


def test_a_command_has_only_what_is_known() -> None:
    """File and line where there are some; a line each."""
    given = [Annotation("error", "FAIL", "no", "tests/test_app.py", 7), Annotation("notice", "seen", "yes")]
    assert workflow_commands(given) == (
        "::error file=tests/test_app.py,line=7,title=FAIL::no\n::notice title=seen::yes\n"
    )


def test_escapes_are_those_that_github_documents() -> None:
    """Of the text %, CR and LF; of a property colon and comma as well. What cannot be seen is a JSON escape."""
    assert workflow_commands([Annotation("warning", "a:b,100%\n::error::x", "a:b,100%\r\n::error::\x1b[2J", "a,b:c", 1)]) == (
        "::warning file=a%2Cb%3Ac,line=1,title=a%3Ab%2C100%25\\u000a%3A%3Aerror%3A%3Ax::a:b,100%25\\u000d%0A::error::\\u001b[2J\n"
    )  # fmt: skip


@pytest.mark.parametrize(("given", "shown", "last"), [(10, 10, "9"), (11, 10, "2 more"), (30, 10, "21 more")])
def test_ten_of_a_level_are_shown(given: int, shown: int, last: str) -> None:
    """The last one says how many there are more; other levels count for themselves."""
    errors = [Annotation("error", str(number), "x") for number in range(given)]
    *lines, end, notice = workflow_commands([*errors, Annotation("notice", "n", "x")]).splitlines()
    assert (len(lines) + 1, end.partition("title=")[2].partition("::")[0]) == (shown, last)
    assert [line for line in lines if line.startswith("::error title=8::")]
    assert notice == "::notice title=n::x"


def test_a_long_text_is_shortened() -> None:
    """Each of its lines, so that one does not hide the others."""
    command = workflow_commands([Annotation("error", "t", "x" * 5000 + "\nagain: y")])
    assert command == f"::error title=t::{'x' * 999}…%0Aagain: y\n"


def test_a_cell_is_text() -> None:
    """Markup, bars and line ends are not what they are in Markdown; a table without rows is nothing."""
    assert list(markdown_table(("a", "b"), [("<b>|`x`", "@me\n# [y](z)")])) == [
        "| a | b |",
        "| --- | --- |",
        r"| \<b\>\|\`x\` | \@me\\u000a\# \[y\](z) |",
    ]
    assert list(markdown_table(("a",), [])) == []


def test_code_cannot_leave_its_fence() -> None:
    """The fence is longer than any in the code; the title is HTML, in which nothing is markup."""
    folded = folded_code("<b>", ["curl '\n```\n'", "````"])
    assert folded == (
        "\n<details><summary>&lt;b&gt;</summary>\n\n`````\ncurl '\\u000a```\\u000a'\n````\n`````\n\n</details>\n"
    )


def test_a_summary_is_bounded() -> None:
    """With what is there already it stays below the 1 MiB of GitHub; the last line says how much was left out."""
    parts = ["é" * 1000] * 1000
    for present in (0, 500_000, LARGEST + 5000):
        text = job_summary(parts, present)
        taken = text.count("é" * 1000)
        assert present + len(text.encode()) < max(1024 * 1024, present + 100)
        assert text.endswith(f"\n{1000 - taken} more lines are left out: the log has them.\n\n")
    assert job_summary(["a", "b"]) == "a\nb\n"
    assert job_summary([]) == ""


@pytest.mark.parametrize(
    ("form", "environ", "expected"),
    [
        (None, {}, False),
        (None, {"GITHUB_ACTIONS": "true"}, True),
        (None, {"GITHUB_ACTIONS": "false"}, False),
        ("text", {"GITHUB_ACTIONS": "true"}, False),
        ("github", {}, True),
    ],
)
def test_the_environment_decides_unless_an_option_does(
    form: str | None, environ: dict[str, str], expected: bool
) -> None:
    """GitHub sets one variable to `true`."""
    assert is_github(form, environ) is expected
