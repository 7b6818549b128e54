"""GitHub Actions: annotations as workflow commands, and the Markdown of a job summary; text from outside is never markup in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

from .texts import visible

Level = Literal["error", "warning", "notice"]

#: How many annotations of one level GitHub shows for a step.
MOST: Final = 10
#: The most bytes of a summary; GitHub shows nothing of one that is larger than 1 MiB.
LARGEST: Final = 1024 * 1024 - 1024
#: The most characters of one text in an annotation, and in a cell of a summary.
LONGEST: Final = 1000


class Annotation(NamedTuple):
    """Something that GitHub shows next to a run, or next to a line of a file; the path is relative to the repository."""

    level: Level
    title: str
    text: str
    file: str = ""
    line: int = 0


def is_github(form: str | None, environ: Mapping[str, str]) -> bool:
    """Whether a report is for GitHub Actions: by an option (`github`), else by the environment."""
    return form == "github" or (form is None and environ.get("GITHUB_ACTIONS") == "true")


def shorten(text: str) -> str:
    """At most LONGEST characters of a text; the last one shows that there are more."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def workflow_commands(annotations: Iterable[Annotation]) -> str:
    """The annotations, one line each, errors first; at most ten of a level: the first nine, then how many more there are."""
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
    """A text in one line, without Markdown markup."""
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
    from markupsafe import escape  # inside HTML, Markdown has no escapes

    code = "\n".join(map(visible, lines))
    fence = "```"
    while fence in code:
        fence += "`"
    return f"\n<details><summary>{escape(visible(title))}</summary>\n\n{fence}\n{code}\n{fence}\n\n</details>\n"


def job_summary(parts: Iterable[str], present: int = 0) -> str:
    """As many parts as fit into a summary that already has this many bytes; then how many were left out."""
    given, taken, room = list(parts), list[str](), LARGEST - present
    for number, part in enumerate(given):
        room -= len(part.encode()) + 1
        if room < 0:
            taken.append(f"\n{len(given) - number} more lines are left out: the log has them.\n")
            break
        taken.append(part)
    return "\n".join([*taken, ""])
