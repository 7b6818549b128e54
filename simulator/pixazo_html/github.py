"""GitHub Actions: annotations as workflow commands, and the Markdown of a job summary; what comes from outside is markup in neither."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

from .texts import visible

Level = Literal["error", "warning", "notice"]

#: Annotations of one level that GitHub shows of a step.
MOST: Final = 10
#: Bytes that a summary has at most; GitHub shows none of one that is larger than 1 MiB.
LARGEST: Final = 1024 * 1024 - 1024
#: Characters of one text in an annotation, and in a cell of a summary.
LONGEST: Final = 1000


class Annotation(NamedTuple):
    """Something that GitHub shows beside a run, or beside a line of a file, whose path is relative to the repository."""

    level: Level
    title: str
    text: str
    file: str = ""
    line: int = 0


def is_github(form: str | None, environ: Mapping[str, str]) -> bool:
    """Whether a report is for GitHub Actions: as an option says (`github`), else as the environment does."""
    return form == "github" or (form is None and environ.get("GITHUB_ACTIONS") == "true")


def shorten(text: str) -> str:
    """At most LONGEST characters of a text; the last one says that there are more."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def workflow_commands(annotations: Iterable[Annotation]) -> str:
    """The annotations as a line each, errors first; at most ten of a level: the first nine, then how many there are more."""
    given, commands = list(annotations), list[str]()
    for level in get_args(Level):
        shown = [each for each in given if each.level == level]
        if (left := len(shown) - MOST + 1) > 1:
            shown[MOST - 1 :] = [Annotation(level, f"{left} more", "The log and the job summary have them.")]
        commands += map(_command, shown)
    return "".join(commands)


def _command(each: Annotation) -> str:
    properties = {"file": each.file, "line": str(each.line or ""), "title": shorten(visible(each.title))}
    given = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    text = "\n".join(visible(shorten(line)) for line in each.text.split("\n"))
    return f"::{each.level} {given}::{_escaped(text)}\n"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in text)


def in_markdown(text: str) -> str:
    """A text in one line in which nothing is markup of Markdown."""
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#&!~@" else each for each in visible(shorten(text)))


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; none without a row."""
    for number, row in enumerate(rows):
        if not number:
            yield from (_row(head), _row(["---"] * len(head)))
        yield _row([in_markdown(each) for each in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def folded_code(title: str, lines: Iterable[str]) -> str:
    """Lines of code below a title that unfolds them."""
    from markupsafe import escape  # where HTML begins, Markdown has no escapes

    code = "\n".join(map(visible, lines))
    fence = "```"
    while fence in code:
        fence += "`"
    return f"\n<details><summary>{escape(visible(title))}</summary>\n\n{fence}\n{code}\n{fence}\n\n</details>\n"


def job_summary(parts: Iterable[str], present: int = 0) -> str:
    """The parts of a summary that has so many bytes already, as many as it takes; then how many were left out."""
    given, taken, room = list(parts), list[str](), LARGEST - present
    for number, part in enumerate(given):
        room -= len(part.encode()) + 1
        if room < 0:
            taken.append(f"\n{len(given) - number} further lines are left out: the log has them.\n")
            break
        taken.append(part)
    return "\n".join([*taken, ""])
