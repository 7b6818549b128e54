"""What changed between two versions of a page: changes that callers can notice, with what depends on them, and changes of wording.

Each version is a list of facts, each of which can change independently, and the free sentences of each section.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from importlib.resources import files
from itertools import islice
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec

from pixazo_contracts.clauses import CATALOGUE, Quote
from pixazo_contracts.trace import MODEL, is_array, is_object

from .descriptions import ratio, sentences
from .meaning import COMPARISONS, PLACEHOLDER, are_swapped, atoms, gist, in_dollars
from .page import TITLES, Operation, Page, Parameter, Sample, Sentence, is_required, kind_of, url_parts

#: Attributes of a parameter that are upper bounds.
_UPPER: Final = frozenset({"maximum", "max_length", "max_items", "max_bytes"})
#: How many new sentences are compared with an old one to find the most similar.
_MOST_COMPARED: Final = 40
#: Words that a statement has at least, and words with which a sentence introduces what follows, or points elsewhere.
_FEWEST_WORDS: Final = 3
_INTRODUCES: Final = re.compile(
    r"\b(?:below|above|following|these|this (?:page|section|table|example|guide)|examples?|samples?|see|more (?:information|details)|learn)\b|:$",
    re.IGNORECASE,
)
#: How many sections at the end of an operation must be missing for a page to count as cut off.
_FEWEST_GONE: Final = 3
#: A sentence about the page itself.
_ABOUT_PAGE: Final = re.compile(
    r"\W*(?:(?:page|last) (?:updated|modified|reviewed|edited)\b.{0,40}|(?:©|\(c\)|copyright\b).{0,60}|all rights reserved)\W*",
    re.IGNORECASE,
)
#: The languages of samples, of which their captions consist.
_LANGUAGES: Final = frozenset({
    "http", "python", "javascript", "typescript", "node", "node.js", "nodejs", "curl", "php", "go", "ruby", "java", "kotlin", "swift", "rust",
    "c", "c++", "c#", ".net", "shell", "bash", "powershell",
})  # fmt: skip
#: The sections inside another one.
_CONTAINED: Final = {"retrieving results": ("endpoint",), "error responses": ("queue system errors",)}
_REQUESTS: Final = frozenset({"request code", "example request", "curl example"})
_SAMPLES: Final = {"insufficient_balance": "402", "model_not_found": "400"}
Effect = Literal["", "breaking", "widening", "unknown"]
#: All attributes that limit what callers may send.
_BOUNDS: Final = _UPPER | {
    "minimum", "min_length", "min_items", "short_side_above", "enumeration", "formats", "aspect_ratio",
}  # fmt: skip
#: The parts that are about one header.
_HEADERS: Final = frozenset({"header", "authentication", "status route header"})
#: The meaning of a fact that only says that something is there.
PRESENT: Final = "present"
_KINDS: Final[dict[type, str]] = {bool: "boolean", type(None): "null", int: "number", float: "number"}
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_ID: Final = re.compile(r"([a-z][\w.-]*)_[0-9a-z]{4,}(?:-[0-9a-z]{4,})+")
_WORD: Final = re.compile(r"[A-Z]{3,}")
#: A model id.
_SLUG: Final = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)+")
_BYTES: Final = frozenset({"kb", "kib", "mb", "mib", "gb", "gib"})
_ARRAY: Final = re.compile(r"(?:array|list)\b.*|.*\[\]")
_ELEMENT: Final = re.compile(r"\b(?:object|int|number|bool)")
#: What stands for a key, in several words.
_PLACE: Final = re.compile(r"<[^<>]*>|\{[^{}]*\}|\[[^\[\]]*\]|\byour .*", re.IGNORECASE)
_MIME: Final = re.compile(r"[a-z]+/[\w.+-]+")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: of `operation` (its name; empty for the page as a whole) the `part` with its `name` and `attribute`.

    `kind` is `meaning` if callers can notice it, else `wording`. `effect` is `breaking` if a formerly correct caller can fail,
    `widening` if more is allowed than before, `unknown` otherwise, empty for wording. `before` and `after` are values or texts of
    the page, None if there is none. `clauses` and `policy` are those that depend on the earlier text.
    """

    kind: Literal["meaning", "wording"]
    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    effect: Effect = ""
    clauses: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()


def compare_pages(old: Page, new: Page) -> tuple[Change, ...]:
    """The changes from one version of a page to another, in the order of the old one, changes of meaning first."""
    pairs = _paired(old.operations, new.operations)
    changes = list[Change](_cut(pairs, new))
    for before, after in pairs:
        one = before or after
        name = operation_name(one.path) if one else ""
        whole = partial(Change, kind="meaning", operation=name, part="operation", name=name)
        if before is not None and after is not None:
            changes += (*_facts(before, after), *_sentences(before, before.sentences, after.sentences))
        elif before is not None:
            dependents = dict.fromkeys(each for fact in facts(before) for each in support(before, fact)["clauses"])
            changes.append(whole(before=f"{before.method} {before.path}", effect="breaking", clauses=tuple(dependents)))
        elif after is not None:
            changes.append(whole(after=f"{after.method} {after.path}", effect="widening"))
    changes += _sentences(None, old.sentences, new.sentences)
    for name in ("title", "source", "provider"):
        was, now = getattr(old, name), getattr(new, name)
        change = partial(Change, operation="", part="page", name=name, before=was, after=now)
        if was != now and (name == "source" or atoms(was.casefold()) == atoms(now.casefold())):
            changes.append(change(kind="wording"))
        elif was != now:
            changes.append(change(kind="meaning", effect="unknown"))
    known = {" ".join(each.text.split()) for each in old.unread}
    unread = partial(Change, kind="meaning", operation="", part="not understood", effect="unknown")
    further = (each for each in new.unread if " ".join(each.text.split()) not in known)
    changes += (unread(name=each.section, after=each.text) for each in further)
    return tuple(sorted(changes, key=lambda change: change.kind))


def _cut(pairs: Iterable[tuple[Operation | None, Operation | None]], new: Page) -> Iterator[Change]:
    """A remark if a page seems to end too early: within a sample, or before the last sections of an operation."""
    cut = partial(Change, kind="meaning", operation="", part="page", name="end", effect="unknown")
    last = new.operations[-1]
    partner = next((before for before, after in pairs if after is last and before), last)
    had, has = ({TITLES.index(each) for each in _sections(operation)} for operation in (partner, last))
    gone = had - has
    if new.is_open and gone:
        yield cut(after="It ends within a sample: the page seems to be cut off.")
    elif len(gone) >= _FEWEST_GONE and has and min(gone) > max(has):
        where = f"Nothing was found behind the section {TITLES[max(has)]} of {last.path}"
        yield cut(after=f"{where}: the page seems to be cut off, or the fence of a sample is missing.")


def _sections(operation: Operation) -> set[str]:
    """The sections of the template of which something is left in an operation."""
    found = {fact.section for fact in facts(operation) if fact.meaning} | {each.section for each in operation.sentences}
    return found & {*TITLES} - {"request headers"}  # the sample of the request has headers, too


def _paired(old: Sequence[Operation], new: Iterable[Operation]) -> list[tuple[Operation | None, Operation | None]]:
    """The operations of the old page with those of the new one: by route, else by path, else by heading."""
    left, partners = list(new), dict[int, Operation]()
    for key in (attrgetter("method", "path"), attrgetter("path"), attrgetter("group", "title")):
        for number, each in enumerate(old):
            found = next((other for other in left if number not in partners and key(each) == key(other)), None)
            if found is not None:
                partners[number] = found
                left.remove(found)
    return [*((each, partners.get(number)) for number, each in enumerate(old)), *((None, each) for each in left)]


def _facts(before: Operation, after: Operation) -> Iterator[Change]:
    olds, news = ({fact.key: fact for fact in facts(operation)} for operation in (before, after))
    changed: dict[str, list[Any]] = {}
    unread, told = _unread(before, after), set[str]()
    for key in dict.fromkeys([*olds, *news]):
        old, new = olds.get(key), news.get(key)
        part, name, attribute = key
        whole = (part, name, "")
        if attribute and (whole in olds) != (whole in news):
            continue  # the parameter, field or sample itself was added or removed
        if (part, name) == ("sample", "request") and ("parameter", attribute, "") in news:
            continue  # the table now has it
        name = (old or news[key]).name  # as it is written on the page
        change = partial(Change, operation=operation_name(before.path), part=part, name=name, attribute=attribute)
        said = news.get((part, name, "description"))
        if attribute == "conditions" and old and new is None and said and old.commits and old.commits == said.commits:
            continue  # no condition was read from the other words; any other rule that is lost has changed
        is_same = old is not None and new is not None and old.meaning == new.meaning and not _adds(old, new)
        is_told = attribute == "description" and old and new and _is_told(old, new, changed.get(name, []))
        if is_same or is_told or part == "example":
            texts = [each.text if each else None for each in (old, new)]
            is_presence = old is not None and old.meaning == PRESENT
            if not is_presence and _squeezed(texts[0]) != _squeezed(texts[1]):
                yield change(kind="wording", before=texts[0], after=texts[1])
            continue
        if part == "parameter":
            changed.setdefault(name, []).extend(each.meaning for each in (old, new) if each)
        dependents = support(before, old) if old else {}
        is_replaced = old and said and new is None and (unread.get(name) or said.commits - old.commits)
        effect = "unknown" if is_replaced else _effect(key, old, new)
        yield change(kind="meaning", before=_shown(old), after=_shown(new), effect=effect, **dependents)
        told |= {name} if attribute == "description" else set()
    further = partial(Change, kind="meaning", operation=operation_name(before.path), part="parameter", effect="unknown")
    for name in [each for each in unread if each not in told]:
        yield from (further(name=name, attribute="not understood", after=each) for each in unread[name])


def _unread(before: Operation, after: Operation) -> dict[str, list[str]]:
    """The sentences about each parameter of both versions that are not understood, and commit to something else than any before."""
    known = {each.name: {atoms(text) for text in each.unread} for each in before.parameters}
    return {
        each.name: [text for text in each.unread if atoms(text) not in known[each.name]]
        for each in after.parameters
        if each.name in known
    }


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").replace("\\", "").split())


def _is_told(old: Fact, new: Fact, rules: Sequence[Any]) -> bool:
    """Whether the changes of rules already say what changed in a description: nothing else than numbers, bounds and values of theirs did."""
    values = atoms(*map(str, rules)) | {*re.findall(r"\w+", str(rules).casefold())} | _BYTES
    return bool(rules) and all(
        each in values or each in COMPARISONS or re.search(r"\d", each) for each in old.commits ^ new.commits
    )


def _shown(fact: Fact | None) -> Any:
    if fact is None:
        return None
    if fact.part == "parameter" and fact.attribute not in ("", "type", "description", "conditions", "default"):
        return fact.meaning
    return list(fact.meaning) if fact.part == "polling" else fact.text


def _effect(key: tuple[str, str, str], old: Fact | None, new: Fact | None) -> Effect:
    part, name, attribute = key
    if part in ("request", "status route", "webhook", *_HEADERS):
        return "breaking"
    if part != "parameter":
        return "breaking" if new is None and (part, name) != ("sample", "request") else "unknown"
    if not attribute:
        required = "Yes" if new is None else new.row.split(" | ")[1]
        return "breaking" if required == "Yes" else "widening" if required == "No" else "unknown"
    before, after = (each.meaning if each else None for each in (old, new))
    if attribute == "required":
        return "unknown" if after is None else "breaking" if after else "widening"
    if attribute not in _BOUNDS:
        return "unknown"
    if before is None or after is None:
        return "widening" if after is None else "breaking"
    if attribute in ("enumeration", "formats"):
        is_wider = set(before) <= set(after)
    elif attribute == "aspect_ratio":
        (low, high), (lowest, highest) = (map(ratio, each) for each in (before, after))
        is_wider = lowest <= low and high <= highest
    else:
        is_wider = (after > before) == (attribute in _UPPER)
    return "widening" if is_wider else "breaking"


def _sentences(operation: Operation | None, old: Iterable[Sentence], new: Iterable[Sentence]) -> Iterator[Change]:
    """What changed in the free sentences of each section: their order and their division into paragraphs do not matter."""
    olds, news = _by_section(old), _by_section(new)
    said, says = ({each for texts in found.values() for each in texts} for found in (olds, news))
    name, promised = operation_name(operation.path) if operation else "", [*map(atoms, says)]
    for section in dict.fromkeys([*olds, *news]):
        were, are = olds.get(section, []), news.get(section, [])
        gone, came = [each for each in were if each not in says], [each for each in are if each not in said]
        promises = [atoms(*are), *promised]
        plain = str.casefold if section == "headings" else str
        is_swapped, stated = are_swapped(gone, came), {*_new(came, gone)}
        has_same_atoms = atoms(*map(plain, gone)) == atoms(*map(plain, came))
        change = partial(Change, operation=name, part="sentence", name=section)
        for was, now in _matched(gone, came):
            words = {*re.findall(r"[^\s,|/:()]+", (now or "-").casefold())}
            is_caption = section == "request code" and words <= _LANGUAGES
            is_about_page = all(_ABOUT_PAGE.fullmatch(each) for each in (was, now) if each)
            is_repeated = now is None and any(atoms(was or "") <= each for each in promises)
            is_same = has_same_atoms or is_repeated or atoms(plain(was or "")) == atoms(plain(now or ""))
            if is_caption or is_about_page or (is_same and not is_swapped and now not in stated):
                yield change(kind="wording", before=was, after=now)
            else:
                fact = Fact("sentence", section, "", None, was or "", section)
                dependents = support(operation, fact) if operation and was else {}
                yield change(kind="meaning", before=was, after=now, effect="unknown", **dependents)


def _adds(old: Fact, new: Fact) -> bool:
    """Whether a description or status has a sentence that states something new."""
    if (old.part, old.attribute) not in (("parameter", "description"), ("field", "description"), ("status", "")):
        return False
    were, are = sentences(old.text), sentences(new.text)
    gone, came = [each for each in were if each not in are], [each for each in are if each not in were]
    return are_swapped(gone, came) or any(_new(came, gone))


def _new(came: Iterable[str], gone: Iterable[str]) -> Iterator[str]:
    """The sentences that state something though their atoms are no new ones: they neither resemble one that went, nor only introduce what follows."""
    commits, known = atoms(*gone), [words for each in gone if (words := gist(each))]
    for text in came:
        words = gist(text)
        if len(words) < _FEWEST_WORDS or _INTRODUCES.search(text) or words & commits:
            continue
        if not any(len(words & other) * 3 >= min(len(words), len(other)) for other in known):
            yield text


def _by_section(found: Iterable[Sentence]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in found:
        texts.setdefault(each.section, []).extend(sentences(each.text))
    return texts


def _matched(gone: list[str], came: list[str]) -> Iterator[tuple[str | None, str | None]]:
    """Each removed sentence with the most similar new one, None if there is none left; then the other new ones."""
    left = {each: {*each.split()} for each in came}
    for was in gone:
        words = {*was.split()}
        near = islice(left.items(), _MOST_COMPARED)
        now, _ = max(near, key=lambda each: len(words & each[1]) / len(words | each[1]), default=(None, words))
        left.pop(now or "", None)
        yield was, now
    yield from ((None, now) for now in left)


class Fact(msgspec.Struct, frozen=True):
    """Something that a page says about an operation: `meaning` is what callers can notice, `text` the words of the page.

    `part` and `name` say what it is about (`parameter`, `prompt`), `attribute` which attribute (`required`), `section` where,
    `row` the context: the row of a table, or the whole sample. `commits` are the atoms of the description from which a rule was
    read: while they are the same, a condition that is no longer found is only worded in another way.
    """

    part: str
    name: str
    attribute: str
    meaning: Any
    text: str
    section: str
    row: str = ""
    commits: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[str, str, str]:
        """What two versions of a page have in common: cells beside a price in any order, seconds in any spelling, headers in any case."""
        name = self.name.casefold() if self.part in _HEADERS else self.name
        if self.part == "price":
            name = ", ".join(sorted(re.sub(r"(?<=\d)[ -]?sec(?:ond)?s?\b", "s", name.casefold()).split(", ")))
        return self.part, name, self.attribute


def operation_name(path: str) -> str:
    """The name of an operation: its path without the version, `ltx-video/text-to-video`; those of Hailuo are named by their last segment."""
    segments = [each for each in path.strip("/").split("/") if not re.fullmatch(r"v\d+", each)]
    return "/".join(segments[1:] if segments[:1] == ["minimax-hailuo-ai"] else segments)


def facts(operation: Operation) -> Iterator[Fact]:
    """Everything that a page says about one operation, except free sentences."""
    yield from _request(operation)
    for parameter in operation.parameters:
        yield from _parameter(parameter)
    yield from _results(operation)
    counts: dict[str, int] = {}
    for sample in operation.samples:
        code = re.search(r"\b\d{3}\b", sample.label)
        name = f"{sample.section} {code[0] if code else ''}".strip()
        counts[name] = counts.get(name, 0) + 1
        yield from _sample(sample, name if counts[name] == 1 else f"{name} {counts[name]}")


def _route(part: str, method: str, url: str, section: str) -> Iterator[Fact]:
    host, path = url_parts(url)
    for name, value in (("method", method), ("host", host), ("path", path)):
        yield Fact(part, name, "", PLACEHOLDER.sub("{id}", value), value, section, f"{method} {url}")


def _request(operation: Operation) -> Iterator[Fact]:
    yield from _route("request", operation.method, operation.url, "request code")
    yield Fact("request", "base URL", "", operation.base_url.rstrip("/"), operation.base_url, "base url")
    yield Fact("request", "model id", "", operation.model_id, operation.model_id, "output")
    known = {re.split(r"\W", each.name)[0] for each in operation.parameters}
    sent = (each for each in operation.samples if each.section in _REQUESTS and is_object(each.value))
    for name in [name for each in sent for name in each.value if name not in known]:  # no table has it
        yield Fact("sample", "request", name, PRESENT, name, "request code")
    for name, cells in operation.authentication.items():
        row = " | ".join((name, *cells))
        marks = (required if (required := is_required(each)) is not None else each.casefold() for each in cells[:2])
        yield Fact("authentication", name, "", [*marks, *sorted(atoms(" ".join(cells[2:])))], row, "authentication")
    for name, value in operation.headers.items():
        scheme = _PLACE.sub("KEY", value.strip()).rpartition(" ")[0].casefold()  # as in `Bearer YOUR_API_KEY`
        is_key = re.search(r"key", f"{name} {value}", re.IGNORECASE)
        meaning = f"{scheme} a key".strip() if is_key else value.strip()
        yield Fact("header", name, "", meaning, value, "request headers", f"{name} | {value}")
    if header := operation.webhook_header:
        row = " ".join([f"{header}:", *(each.text for each in operation.sentences if each.section == "webhook")])
        yield Fact("webhook", "header", "", header.casefold(), header, "webhook", row)


def _parameter(parameter: Parameter) -> Iterator[Fact]:
    name, section = parameter.name, "request parameters"
    required = {True: "Yes", False: "No", None: ""}[parameter.required]
    row = f"{name} | {required} | {parameter.type} | {parameter.description}"
    yield Fact("parameter", name, "", PRESENT, row, section, row)
    yield Fact("parameter", name, "required", parameter.required, required, section, row)
    yield Fact("parameter", name, "type", _type(parameter.type), parameter.type, section, row)
    default = parameter.rules.default
    commits = atoms(parameter.description, "" if default is msgspec.UNSET else str(default))  # or a column has it
    commits -= {"true"} if _type(parameter.type) == ["boolean"] else set()  # as in `if true`
    for attribute, value in msgspec.to_builtins(parameter.rules).items():
        meaning = value
        if attribute in ("enumeration", "formats"):
            meaning = sorted(map(str, value))
        elif attribute == "conditions":
            meaning = sorted(atoms(*value))
        elif attribute == "default":  # whatever its type
            plain = str(value)
            meaning = plain.casefold() if plain in ("True", "False", "None") else plain
        text = "; ".join(value) if attribute == "conditions" else _written(value)
        yield Fact("parameter", name, attribute, meaning, text, section, row, commits)
    yield Fact("parameter", name, "description", sorted(commits), parameter.description, section, row, commits)


def _results(operation: Operation) -> Iterator[Fact]:
    """What it responds, how a result is waited for, and what it costs."""
    for code, text in operation.codes.items():
        yield Fact("code", code, "", sorted(gist(text)), text, "response handling", f"{code} | {text}")
    for name, (type_, text) in operation.fields.items():
        section, row = "response fields", f"{name} | {type_} | {text}"
        yield Fact("field", name, "", PRESENT, row, section, row)
        yield Fact("field", name, "type", _type(type_), type_, section, row)
        yield Fact("field", name, "description", sorted(atoms(text)), text, section, row)
    if operation.status_url:
        yield from _route("status route", operation.status_method, operation.status_url, "endpoint")
    for name, value in operation.status_headers.items():
        yield Fact("status route header", name, "", PRESENT, name, "endpoint", f"{name}: {value}")
    for name, text in operation.statuses.items():
        yield Fact("status", name, "", sorted(atoms(text)), text, "status values", f"{name} | {text}")
    if operation.flow:
        yield Fact("status flow", "", "", sorted(operation.flow), operation.flow_text, "status flow")
    if operation.polling:
        text = "every {}-{} seconds".format(*operation.polling)
        yield Fact("polling", "interval", "", list(operation.polling), text, "typical workflow")
    for name, price in operation.prices.items():
        amount = re.sub(r"(\.\d*[1-9])0+(?!\d)|\.0+(?!\d)", r"\1", in_dollars(price))
        yield Fact("price", name, "", amount.replace(" ", ""), price, "pricing")


def _type(text: str) -> list[str]:
    plain = re.sub(r"\?$|\(nullable\)|\bnullable\b", " | null | ", text.casefold().strip())
    plain = re.sub(r"\([^()]*\)", "", plain)
    names = [each.strip() for each in re.split(r"\||\bor\b|,", plain) if each.strip()]
    same = {"float": "number", "int": "integer", "bool": "boolean", "str": "string", "double": "number"}
    arrays = {each: " ".join(["array", *_ELEMENT.findall(each)]) for each in names if _ARRAY.fullmatch(each)}
    return sorted((same | arrays).get(each, each) for each in names)


def _sample(sample: Sample, name: str) -> Iterator[Fact]:
    """A sample of a response fixes its shape; samples of requests and programs are only examples."""
    section = sample.section
    if section in _REQUESTS or sample.value is msgspec.UNSET:
        yield Fact("example", name, "", None, sample.text, section)
        return
    yield Fact("sample", name, "", PRESENT, sample.text, section, sample.text)
    literal = section in ("queue system errors", "error responses")
    if literal:
        yield Fact("sample", name, "label", sorted(atoms(sample.label)), sample.label, section, sample.text)
    for path, leaf in _leaves(sample.value, ""):
        meaning = leaf if literal and isinstance(leaf, str) else _form(leaf)
        yield Fact("sample", name, path, meaning, _written(leaf), section, sample.text)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _leaves(value: object, path: str) -> Iterator[tuple[str, Any]]:
    if is_object(value) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}" if path else name)
    elif is_array(value) and value:
        yield from _leaves(value[0], f"{path}[]")
    else:
        yield path, value


def _form(value: object) -> str:
    """What a value of a sample fixes: for a string its form, since its contents are an example."""
    if not isinstance(value, str):
        return _KINDS.get(type(value), "an empty object or list")
    if value.startswith(("http://", "https://")):
        host, path = url_parts(value)
        path = _ID.sub(r"\1_{id}", PLACEHOLDER.sub("{id}", path))
        return re.sub(r"//pub-[0-9a-f]+\.", "//pub-{bucket}.", host) + (path.rpartition(".")[0] or path)
    if stamp := _STAMP.fullmatch(value):
        return f"timestamp, {len(stamp[1] or '.') - 1} decimals, {'Z' if stamp[2] == 'Z' else 'offset'}"
    if found := _ID.fullmatch(value):
        return f"id {found[1]}"
    return value if _WORD.fullmatch(value) or _MIME.fullmatch(value) or _SLUG.fullmatch(value) else "text"


@cache
def quotations() -> dict[str, dict[str, tuple[Quote, ...]]]:
    """The quotations of the page, by the ids of clauses (`clauses`) and by the names of policy fields (`policy`)."""
    file = files("pixazo_contracts.pages").joinpath("data/policy.json").read_bytes()
    policy = msgspec.json.decode(file, type=dict[str, list[tuple[str, str]]])
    return {
        "clauses": {clause.id: clause.quotes for clause in CATALOGUE},
        "policy": {name: tuple(Quote(*each) for each in quotes) for name, quotes in policy.items()},
    }


def support(operation: Operation, fact: Fact) -> dict[str, Any]:
    """The `clauses` and the `policy` fields that quote this fact of an operation of Hailuo; other models have none."""
    return {
        kind: tuple(name for name, quotes in quoted.items() if any(is_about(each, operation, fact) for each in quotes))
        for kind, quoted in quotations().items()
    }


def is_about(quote: Quote, operation: Operation, fact: Fact) -> bool:
    """Whether a fact is the quoted one."""
    if operation.model_id != MODEL or not _stands_in(quote.heading, operation, fact):
        return False
    if not quote.words:
        return fact.part in ("sample", "request", "example") and _SAMPLES.get(quote.sample, "") in fact.name
    if _plain(quote.words) not in _plain(fact.row or fact.text):
        return False
    if fact.part != "parameter" or " | " in quote.words or fact.attribute in ("", "description", "conditions"):
        return True
    values = fact.meaning if is_array(fact.meaning) else [fact.meaning]
    return any(str(each).casefold() in quote.words.casefold() for each in values)


def _stands_in(heading: str, operation: Operation, fact: Fact) -> bool:
    """Whether a heading, as clauses write it, is that of a fact: it may name the operation, in parentheses or after a dash."""
    bare, which = heading, ""
    if " - " in heading:
        bare, _, which = heading.partition(" - ")
    elif not kind_of(heading):
        bare, _, which = heading.rstrip(")").rpartition(" (")
    kind = kind_of(bare)
    same = {kind, *_CONTAINED.get(kind, ())}
    return fact.section in same and (not which or which in (operation.group, operation.title.partition(" - ")[0]))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*\\]", "", text).split()).casefold()
