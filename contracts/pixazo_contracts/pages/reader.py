"""Reading a page: from its sections to its operations."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import pairwise, zip_longest
from typing import Any, Final

import msgspec

from pixazo_contracts.trace import is_object

from .descriptions import read_rules, with_notes
from .meaning import normalized
from .page import PRICE, PRICED, InvalidPageError, Operation, Page, Parameter, Sample, Sentence, is_required, url_parts
from .sections import TYPOGRAPHY, Block, Row, Section, read_blocks, rows, sections, without_comments

_REQUEST: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE)\s+([^\s\"']+)")
#: Of cURL: the method, a body without which it is GET, and the URL, which is not that in a header.
_CURL_METHOD: Final = re.compile(r"\s(?:-X|--request)[\s=]*[\"']?([A-Z]+)")
_CURL_BODY: Final = re.compile(r"\s(?:-d|-F|--data|--form|--json)")
_CURL_URL: Final = re.compile(r"(?<!: )https?://[^\s\"']+")
_HEADER: Final = re.compile(
    r"""^(?:[ \t]*(?:-H|--header)[ \t]+(?P<mark>["']))?(?P<name>[A-Za-z][A-Za-z0-9-]*):[ \t]*(?P<value>.*?)(?(mark)(?P=mark)[ \t]*\\?)$""",
    re.MULTILINE,
)
_URL: Final = re.compile(r"`?(https?://\S+?)`?")
_ABOUT: Final = re.compile(r"(?:Source|Page): (?P<source>\S+)|(?:Provider: |by )(?P<provider>.+)")
_SECONDS: Final = re.compile(r"(?<!\d)(\d{1,9})(?:\s*(?:-|to|and)\s*(\d{1,9}))? ?(?:seconds|secs?|s)\b")
#: What a number of seconds is about if it is how often to poll, and not how long something lasts.
_OFTEN: Final = re.compile(r"\b(?:every|each|between|intervals?|apart)\b", re.IGNORECASE)
_SAMPLES: Final = frozenset(
    {"output", "example request", "response", "response (completed)", "error via status/webhook", "webhook"}
)
#: Those of what is sent: an id there is a parameter, such as that of a voice.
_OF_REQUESTS: Final = frozenset({"request code", "example request"})
#: The sections with which an operation begins.
_FIRST: Final = frozenset({"", "base url", "authentication", "request code"})
#: A status code in prose.
_CODE: Final = re.compile(r"\b[45]\d\d\b")
#: The members filled from a table: by its first column, what else is in a row, or its last cell.
_COLUMNS: Final = {
    "authentication": "authentication", "response fields": "fields", "request headers": "headers", "response handling": "codes",
    "status values": "statuses",
}  # fmt: skip
#: The cell of a name, and marks in it.
_NAME: Final = re.compile(r"[~*`]*((?:[\w$.-]|\[[\w*]*\])*(?:\w|\[[\w*]*\]))((?![\w-]).*)", re.DOTALL)
_MARK: Final = re.compile(r"\[\^\w+\]|[`*~()]|(?<=\s)\d$")
#: What stands in parentheses, and what is in them if they say something about values.
_ASIDE: Final = re.compile(r"\(([^()]*)\)")
_OF_VALUES: Final = re.compile("[\\d,:\"']|deprecated")
#: The tables of which the last one counts.
_LAST: Final = frozenset({"headers", "codes"})
#: A price in a line of its own: `768P 6s: $0.28`.
_PRICED: Final = re.compile(r"(\w[^:$]{0,60}?)\s*(?::|\s-)\s*([$€£]\s*\d\S*(?: per \w+)?)[.;]?")
_ARROW: Final = "[→➜➔⇒⟶]|(?<![-=])[-=]+>"
_ONE_OF: Final = re.compile(r"[|/,]|\bor\b")
#: What is no JSON in a sample, and how many brackets open in one at most: values are walked recursively.
_REMARK: Final = re.compile(r"(?<=\s)(?://|# ).*|/\*.*?\*/|^[ \t]*(?:\.{3}|…),?[ \t]*$", re.MULTILINE)
_LAST_COMMA: Final = re.compile(r",(?=\s*[}\]])")
_MOST_NESTED: Final = 200
_ERRORS: Final = frozenset({"queue system errors", "error responses"})
_STATUS: Final = frozenset({"endpoint", "retrieving results"})
_HTML: Final = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|h1)\b", re.IGNORECASE)
#: What a page may print only once: before the first operation, or behind the last one; the attributes, and the sections.
_COMMON: Final = (
    (0, ("base_url", "authentication"), {"base url", "authentication"}),
    (-1, ("codes", "fields", "statuses", "flow", "flow_text", "status_method", "status_url", "status_headers", "polling"),
     {"response handling", "error via status/webhook", "curl example", "response (completed)", "response fields", "status values",
      "status flow", "typical workflow", *_ERRORS, *_STATUS}),
)  # fmt: skip


class _Reading:
    """The state of reading one page; the current operation has its request once its `values` have a path."""

    def __init__(self, headings: Container[str]) -> None:
        self.headings = headings
        self.about = {"title": "", "source": "", "provider": ""}
        self.operations: list[Operation] = []
        self.page_sentences: list[Sentence] = []
        self.unread: list[Sentence] = []
        self.begin()

    def begin(self, group: str = "") -> None:
        self.group, self.title = group, ""
        self.values: dict[str, Any] = {}
        self.samples: list[Sample] = []
        self.sentences: list[Sentence] = []

    def finish(self) -> None:
        if "path" in self.values:
            flow = tuple(dict.fromkeys(_flow(self.values.get("flow_text", ""))))
            self.operations.append(
                Operation(
                    title=self.title or self.group,
                    group=self.group,
                    model_id=_model_id(self.samples),
                    flow=flow,
                    samples=tuple(self.samples),
                    sentences=tuple(self.sentences),
                    **self.values,
                )
            )

    def section(self, section: Section, following: str) -> None:
        """Read one section; `following` is the next section of the template after it."""
        if section.kind == "request code":
            self._request(section)
        elif section.kind or ("path" in self.values and following not in _FIRST):
            self._known(section)
        else:
            self._untitled(section)

    def _untitled(self, section: Section) -> None:
        """A heading that is not in the template: the page, a family, or the next operation."""
        if section.title:
            if self.about["title"] not in ("", section.title):
                self.page_sentences.append(Sentence("headings", section.title, section.line))
            self.about["title"] = self.about["title"] or section.title
            if "path" in self.values:
                self.finish()
                self.begin()
            if "base_url" in self.values:
                self.title = section.title
            else:
                self.group = section.title
        for block in section.blocks:
            if found := _URL.fullmatch(block.text):
                self.values["base_url"] = found[1]
            elif found := _ABOUT.fullmatch(block.text):
                self.about |= {name: value for name, value in found.groupdict().items() if value}
            elif block.kind not in ("text", "item"):
                self._unread(section, [block])
            elif block.kind == "text" or block.text not in self.headings:  # otherwise it is a table of contents
                self.page_sentences.append(Sentence(section.title, block.text, block.line))

    def _request(self, section: Section) -> None:
        """The samples of a request in several languages; the one in HTTP is read."""
        http, found = next(((block, each) for block in section.code() if (each := _asked(block.text))), (None, None))
        if http is None or found is None:
            self._unread(section, section.blocks)
            return
        if "path" in self.values:  # another operation under the same base URL and authentication
            self.finish()
            self.begin(self.group)
        brace = re.search(r"^[{\[]", http.text, re.MULTILINE)  # perhaps without an empty line before it
        at = len(http.text) if brace is None else brace.start()
        head, body = http.text[:at].strip(), http.text[at:]
        others = [block for block in section.blocks if block is not http]
        if not body and others and others[0].kind == "code" and others[0].text.startswith(("{", "[")):
            body = others.pop(0).text
        headers = _headers(head)
        base = self._base(headers)
        method, target = found
        url = target if "://" in target else base + target.removeprefix(url_parts(base)[1])
        self.values.update(method=method, url=url, path=url_parts(url)[1], line=http.line, headers=headers)
        self._sample("request code", http, body)
        for block in others:
            if block.kind == "code":
                self._sample("request code", block, "")
            else:
                self.sentences.append(Sentence(section.kind, block.text, block.line))

    def _base(self, headers: dict[str, str]) -> str:
        """What the target of a request is below if it is a path: the base URL, or the host that its headers name."""
        host = headers.pop("Host", "")
        before = self.operations[-1].base_url if self.operations else ""
        return str(self.values.get("base_url") or (f"https://{host}" if host else before))

    def _known(self, section: Section) -> None:
        """Any other section of the template."""
        table, rest = rows(section)
        self._table(section, table)
        label = section.title if _CODE.match(section.title) else ""
        for block, following in zip_longest(rest, rest[1:]):
            is_labelled = following and (block.kind, following.kind) == ("text", "code")
            if section.kind in _ERRORS and is_labelled and _CODE.search(block.text):
                label = block.text  # equivalent to a comment in the sample
            else:
                self._block(section, block, label)
                label = "" if block.kind == "code" else label

    def _table(self, section: Section, table: list[Row]) -> None:
        if section.kind == "request parameters":
            known: dict[str, Parameter] = {each.name: each for each in self.values.get("parameters", ())}
            for row in table:
                each = _parameter(row)
                if msgspec.structs.replace(known.setdefault(each.name, each), line=each.line) != each:
                    self._unread(section, [row])
            self.values["parameters"] = tuple(known.values())
        elif section.kind == "pricing":
            priced, unpriced = _priced(table)
            # Of several tables the last one is that of the model.
            earlier_prices: dict[str, str] = self.values.pop("prices", {}) if priced else {}
            self._further(section, "prices", priced)
            lost = earlier_prices.items() - self.values["prices"].items()
            self.unread += [Sentence(section.title, f"{name}: {price}", section.line) for name, price in sorted(lost)]
            self._unread(section, unpriced)
        elif name := _COLUMNS.get(section.kind):
            self._further(section, name, [_said(name, row) for row in table])
            for row in table if name == "headers" else ():
                if text := with_notes("", dict([*row.cells.items()][1:-1])):
                    self.sentences.append(Sentence(section.kind, f"{next(iter(row.cells.values()))}: {text}", row.line))
        else:
            self._unread(section, table)

    def _further(self, section: Section, kind: str, found: Sequence[tuple[Row, str, Any]]) -> None:
        """Add what the rows of one more table say; one that contradicts an earlier table is not understood."""
        earlier: dict[str, Any] = self.values.get(kind, {})
        contradicts = [row for row, name, value in found if kind not in _LAST and earlier.get(name, value) != value]
        self.values[kind] = earlier | {name: value for row, name, value in found if row not in contradicts}
        self._unread(section, contradicts)

    def _unread(self, section: Section, found: Iterable[Row | Block]) -> None:
        for each in found:
            text = each.text if isinstance(each, Block) else " | ".join(each.cells.values())
            self.unread.append(Sentence(section.title, text, each.line))

    def _block(self, section: Section, block: Block, label: str) -> None:
        values, text = self.values, block.text
        if section.kind == "status flow" and (block.kind == "code" or re.search(_ARROW, text)):
            values["flow_text"] = f"{values.get('flow_text', '')}\n{text}".strip("\n")
        elif section.kind == "base url" and (found := _URL.fullmatch(text.strip())):
            values["base_url"] = found[1]
        elif section.kind == "webhook" and all(map(_HEADER.fullmatch, text.split("\n"))):
            self._webhook(section, block)
        elif section.kind == "pricing" and (found := _PRICED.fullmatch(text)):
            values["prices"] = values.get("prices", {}) | {found[1]: found[2]}
        elif section.kind in _STATUS and "status_url" not in values and (request := _asked(text)):
            headers, (method, target) = _headers(text), request
            url = target if "://" in target else url_parts(self._base(headers))[0] + target
            values |= {"status_method": method, "status_url": url, "status_headers": headers}
        elif section.kind in _STATUS and _REQUEST.match(text):
            self._unread(section, [block])  # another route
        elif block.kind == "code" and section.kind in _SAMPLES | _ERRORS | _STATUS | {"curl example"}:
            for each in _samples(block):
                self._sample(section.kind, each, each.text, label)
        elif block.kind == "code" or block.kind == "row":
            self._unread(section, [block])
        else:
            self._prose(section, block)

    def _webhook(self, section: Section, block: Block) -> None:
        """The header that asks for a callback is the first one."""
        for number, found in enumerate(_HEADER.finditer(block.text), block.line):
            if self.values.setdefault("webhook_header", found["name"]) != found["name"]:
                self.unread.append(Sentence(section.title, found[0], number))

    def _prose(self, section: Section, block: Block) -> None:
        is_interval = section.kind == "typical workflow" and _OFTEN.search(block.text)
        if is_interval and (found := _SECONDS.search(normalized(block.text))):
            self.values.setdefault("polling", (int(found[1]), int(found[2] or found[1])))
        self.sentences.append(Sentence(section.kind or section.title, block.text, block.line))

    def _sample(self, kind: str, block: Block, body: str, label: str = "") -> None:
        comment = re.match(r"(?s)(?://|#|/\*)(.*?)\n(?=\{)", body)
        said, text = (comment[1].strip("/* \n"), body[comment.end() :]) if comment else (label, body)
        self.samples.append(Sample(kind, block.text, block.line, said, _json(text)))


def read_page(markdown: str) -> Page:
    """What a page says, from its Markdown. Raises InvalidPageError without an operation: a `Request Code` with method and URL."""
    markdown = markdown.removeprefix("\ufeff")
    if not markdown.strip():
        raise InvalidPageError("no operation was found: the page is empty")
    blocks = read_blocks(markdown)
    found = list(sections(blocks))
    reading = _Reading({section.title for section in found})
    following, kinds = "", list[str]()
    for section in reversed(found):
        kinds.append(following)
        following = section.kind or following
    for section, kind in zip(found, reversed(kinds), strict=True):
        reading.section(section, kind)
    reading.finish()
    if not reading.operations:
        if _HTML.match(without_comments(markdown)):
            raise InvalidPageError("no operation was found: it is HTML: give the page as Markdown")
        raise InvalidPageError(
            "no operation was found: no section Request Code has a request such as `POST https://...`"
        )
    return Page(
        **reading.about,
        operations=tuple(_completed(at, reading.operations) for at in range(len(reading.operations))),
        sentences=tuple(reading.page_sentences),
        unread=tuple(reading.unread),
        # A heading in its last sample follows a fence that was lost earlier.
        is_open=blocks[-1].is_open and "\n## " not in blocks[-1].text,
    )


def _completed(at: int, every: Sequence[Operation]) -> Operation:
    """The operation at this place, with what the page prints for the first or last one of the same model, and nowhere else."""
    operation = every[at]
    for place, names, kinds in _COMMON:
        other = every[place]
        is_of_model = other is not every[at] and other.model_id == operation.model_id
        if is_of_model and not any(getattr(operation, name) for name in names):
            operation = msgspec.structs.replace(
                operation,
                samples=(*operation.samples, *(each for each in other.samples if each.section in kinds)),
                sentences=(*operation.sentences, *(each for each in other.sentences if each.section in kinds)),
                **{name: getattr(other, name) for name in names},
            )
    return operation


def _asked(text: str) -> tuple[str, str] | None:
    """The method and the target of a request in HTTP or cURL."""
    if found := _REQUEST.match(text):
        return found[1], found[2]
    if not text.startswith("curl ") or (url := _CURL_URL.search(text)) is None:
        return None
    method = _CURL_METHOD.search(text)
    return method[1] if method else "POST" if _CURL_BODY.search(text) else "GET", url[0]


def _priced(table: Sequence[Row]) -> tuple[list[tuple[Row, str, str]], list[Row]]:
    """The prices of a table, each by the cells beside it, and by its column if there are several; and the rows in which none was found."""
    names = list(table[0].cells) if table else []
    columns = [each for each in names if PRICED.search(each) or any(PRICE.match(row.cells[each]) for row in table)]
    priced = list[tuple[Row, str, str]]()
    for row in table:
        others = [cell for name, cell in row.cells.items() if name not in columns]
        for column in columns:
            key, price = ", ".join([*others, column] if len(columns) > 1 else others), row.cells[column]
            unit = " USD" if re.search(r"usd|\$", column) and re.fullmatch(r"[\d.,]+", price) else ""
            per = "" if " per " in price else "".join(re.findall(r" per \w+", column))
            priced += [(row, key, f"{price}{unit}{per}")] if key and re.search(r"\w", price) else []
    read = [row for row, *_ in priced]
    return priced, [row for row in table if row not in read]


def _said(kind: str, row: Row) -> tuple[Row, str, Any]:
    """The first cell of a row, and what the others say of it."""
    (_, first), *others = row.cells.items()
    last, notes = others[-1][1] if others else first, dict(others[:-1])
    is_name = kind in ("fields", "statuses") and not re.match(r"\S+ \w", first)  # as `In progress` is none
    first, note = _named(first) if is_name else (first, "")
    type_, said = _type(notes.pop("type", "") if kind == "fields" else "")
    last = last if kind == "headers" else with_notes(last, {"note": note, "type": said, **notes})
    if kind == "codes" and (found := re.fullmatch(r"(\d{3})\b\W*(.*?)\W*", first)):
        first, phrase = found.groups()  # as in `402 Payment Required`
        standard = next((each.phrase for each in HTTPStatus if str(each.value) == first), "")
        last = last if phrase.casefold() in ("", standard.casefold()) else f"{phrase}: {last}"
    return row, first, {"authentication": tuple(cell for _, cell in others), "fields": (type_, last)}.get(kind, last)


def _named(cell: str) -> tuple[str, str]:
    """A name without marks, and what stands beside it: `size (deprecated)`; what is struck out is deprecated."""
    found = _NAME.fullmatch(cell)
    if found is None:
        return cell, ""
    note = _MARK.sub(" ", found[2]).strip()
    return found[1], f"deprecated {note}".strip() if "~~" in cell else note


def _type(cell: str) -> tuple[str, str]:
    """A type without what it says about values, and that: `string (max 500)`."""
    notes = [each for each in _ASIDE.findall(cell) if _OF_VALUES.search(each)]
    return _ASIDE.sub(lambda found: "" if found[1] in notes else found[0], cell).strip(), ", ".join(notes)


def _parameter(row: Row) -> Parameter:
    (_, name), *others = row.cells.items()
    cells = dict(others)
    kind, cell, default = (cells.pop(each, "") for each in ("type", "required", "default"))
    text = cells.pop("description") if "description" in cells else cells.popitem()[1] if cells else ""
    (name, note), (kind, said) = _named(name), _type(kind)
    text = with_notes(text, {"note": note, "type": said, **cells})
    required = is_required(cell)
    rules, unread = read_rules(text, kind, default)
    if cell and required is None:
        unread = (f"Required: {cell}", *unread)
    return Parameter(name, required, kind, text, row.line, rules, unread)


def _samples(block: Block) -> Iterator[Block]:
    line = block.line
    for text in re.split(r"(?m)^(?=(?://|#|/\*)\s*[45]\d\d\b)", block.text):
        if text.strip():
            yield msgspec.structs.replace(block, text=text.strip("\n"), line=line)
        line += text.count("\n")


def _headers(head: str) -> dict[str, str]:
    return {found["name"]: found["value"] for found in _HEADER.finditer(head.partition("\n")[2])}


def _json(text: str) -> Any:
    """The value of a sample, even with comments, an ellipsis, a last comma, other quotation marks or spaces."""
    if sum(map(text.count, "[{")) > _MOST_NESTED:
        return msgspec.UNSET
    bare = _LAST_COMMA.sub("", _REMARK.sub("", text.translate(TYPOGRAPHY)))
    for each in (text, bare):
        with suppress(ValueError):
            return json.loads(each)
    return msgspec.UNSET


def _model_id(samples: Iterable[Sample]) -> str:
    """What the ids of an operation begin with: those of `request_id`, or of another member of a response that sounds like an id."""
    answers = [each.value for each in samples if each.section not in _OF_REQUESTS and is_object(each.value)]
    members: list[tuple[str, object]] = [member for answer in answers for member in answer.items()]
    members.sort(key=lambda member: member[0] != "request_id")
    ids = (value for name, value in members if name.endswith("id") and name != "model_id" and isinstance(value, str))
    return next((each.rpartition("_")[0] for each in ids if "_" in each), "")


def _flow(text: str) -> Iterator[tuple[str, str]]:
    """The arrows of the status flow, each once. One without a source starts where the arrow above it does, or the last one if its column is lost."""
    columns = dict[int, str]()
    for line in text.split("\n"):
        arrows = list(re.finditer(_ARROW, line))
        words = [word.strip() for word in re.split(_ARROW, line)]
        if arrows and not words[0]:
            begin, last = arrows[0].start(), next(reversed(columns), None)
            near = min(columns, key=lambda at: abs(at - begin), default=None) if begin else last
            words[0] = "" if near is None else columns[near]
        else:
            columns = {}
        for arrow, (source, target) in zip(arrows, pairwise(words), strict=True):
            columns[arrow.start()] = source
            yield from ((source, each.strip()) for each in _ONE_OF.split(target) if each.strip())
