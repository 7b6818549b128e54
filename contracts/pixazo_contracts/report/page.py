"""The parts of a report besides a verdict: the words of the page about the clause, and the command that judges only this clause again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from pixazo_contracts.clauses import PAGE_URL, Clause
from pixazo_contracts.judge import Result, Verdict
from pixazo_contracts.probes import Sample, sample_text

#: The longest quotation in a line, in characters: the HTML report has the whole sample.
LONGEST_LINE: Final = 240
#: The pattern of a value from the environment in a command.
FROM_ENVIRONMENT: Final = re.compile(r'"\$(\w+)"\Z')


def quotations(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    """The words of the page about a clause: the heading, the words or the sample, and whether it is a sample."""
    for quote in clause.quotes:
        yield quote.heading, quote.words or sample_text(cast("Sample", quote.sample)), bool(quote.sample)


def page_line(clause: Clause) -> str:
    """The same in one line, with the page's address; our own reason where the page says nothing."""
    said: list[str] = []
    for heading, text, is_sample in quotations(clause):
        line = " ".join(text.split()) if is_sample else f'"{text}"'
        said.append(f"{heading}: {line if len(line) <= LONGEST_LINE else f'{line[:LONGEST_LINE]}…'}")
    return f"{'; '.join(said)} <{PAGE_URL}>" if said else clause.section


def repeat_command(result: Result, verdict: Verdict) -> str:
    """The command that judges only this clause again, on the same target with the same settings."""
    plain = ("pixazo-contracts", "run", "--target", result.meta.origin, "--clauses")
    return " ".join((*(result.meta.again or plain), verdict.clause))


def repeat_keys(result: Result) -> str:
    """The environment variables from which that command takes keys; empty if there is none."""
    words = result.meta.again
    own = words[words.index("--api-key-env") + 1] if "--api-key-env" in words else "PIXAZO_API_KEY"
    started_by_itself = words[:1] == ("pytest",) and "--pixazo-url" not in words
    names = [found[1] for word in words if (found := FROM_ENVIRONMENT.search(word))]
    return ", ".join(dict.fromkeys([*([] if started_by_itself else [own]), *names]))
