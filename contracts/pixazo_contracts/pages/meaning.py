"""What a sentence commits to, so that another wording of the same does not count as a change.

It is reduced to atoms: numbers, identifiers, URLs, words in capitals, and words of a small vocabulary in which synonyms are one
atom (`maximum`, `at most`, `up to`). What a negation denies is part of its atom: `not charged` and `no charge` are `not charge`.
Other words are wording.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

#: Each atom, and the words for it.
_VOCABULARY: Final = {
    "at most": r"max(?:imum)?|at most|up to|no(?:t)? more than|(?:can|must )not exceed|limit(?:ed)?(?: to)?|no(?:t)? (?:longer|larger) than|or (?:fewer|less)",
    "at least": r"min(?:imum)?|at least|no(?:t)? (?:less|fewer|smaller|shorter) than|or more",
    "less than": r"(?:less|fewer|smaller|shorter) than|under|below",
    "more than": r"(?:more|greater|larger|longer) than|above|over|exceeds?|exceeding",
    "webp": r"webp", "png": r"png", "px": r"px|pixels?", "jpeg": r"jpe?g", "true": r"true", "false": r"false",
    "charge": r"charg\w+|bill(?:ed|ing|s)?|cost(?:s|ing)?|pa(?:y|id|yment)s?|deduct\w*|debit\w*",
    "not charge": r"free(?: of charge)?|at no cost|refund\w*",
    "default": r"default\w*",
    "only": r"only|exclusively|solely",
    "optional": r"optional(?:ly)?|may be (?:omitted|left out)",
    "deprecated": r"deprecat\w*|obsolete|discontinued|retired|sunset|legacy",
    "expire": r"expir\w*|valid for|available for|kept for|retained for|stored for|remain\w* (?:available|valid)|deleted after|removed after",
    "retry": r"retr(?:y|ies|ied)|resen[dt]|redeliver\w*",
    "sign": r"sign(?:ed|ature|atures)|hmac|secret",
    "synchronous": r"synchronous(?:ly)?|immediately in the response",
    "ignore": r"ignor\w*|no effect",
    "reject": r"reject\w*|refus\w*|den(?:y|ied)",
    "public": r"public(?:ly)?|without authentication",
    "base64": r"base-?64|data[ -]ur[li]s?",
    "seconds": r"secs?|seconds?|(?<=\d )s", "minutes": r"minutes?", "hours": r"hrs?|hours?", "days": r"days?",
    "poll": r"poll(?:s|ing|ed)?", "callback": r"callbacks?|call(?:s|ed)? back|webhooks?|notifications?|notif(?:y|ied|ies)",
    "header": r"headers?", "query": r"quer(?:y|ies)(?: (?:string|parameter)s?)?", "cookie": r"cookies?",
    "initial": r"(?:initial|first) (?:response|answer|reply)",
    "an image": r"(?:image|picture|photo) urls?|urls? (?:of|to) (?:an? |the )?(?:image|picture|photo)s?",
    "a video": r"video urls?|urls? (?:of|to) (?:an? |the )?videos?", "an audio": r"audio urls?|urls? (?:of|to) (?:an? |the )?audio",
    "image": r"images?|pictures?", "video": r"videos?", "audio": r"audio|sound", "frame": r"frames?",
    "beta": r"beta|experimental|preview", "empty": r"empty|blank", "null": r"null(?:able)?", "until": r"until", "milliseconds": r"milliseconds?|ms",
    "every request": r"(?:all|every|each|any) (?:requests?|calls?)", "every change": r"(?:all|every|each|any) (?:status|state)(?:es|s)?(?: changes?)?",
    "characters": r"char(?:acter)?s?", "words": r"words?", "mb": r"megabytes?", "tokens": r"tokens?", "bytes": r"bytes?", "multiple": r"multiples?", "exactly": r"exact(?:ly)?",
    "short side": r"short(?:er|est)? (?:side|edge)s?", "long side": r"long(?:er|est)? (?:side|edge)s?", "width": r"width|wide", "height": r"height|high",
    "error code": r"error codes?", "mime": r"(?:mime|media|content)[ -]types?", "extension": r"(?:file )?extensions?", "every response": r"(?:all|every|each|any) responses?",
    "done": r"complet\w*|finish\w*|done|ready", "in queue": r"queued|in (?:the|a) queue|accepted", "failure": r"fail\w*|errors?|unsuccessful\w*|problems?|went wrong",
    "last": r"last|end(?:ing)?|final", "disable": r"disabl\w*|off",
    "perhaps": r"may|might|sometimes|possibly", "always": r"always", "unless": r"unless|except(?:ing)?|excluding|other than", "twice": r"twice",
    "recommend": r"recommend\w*|should|ideally", "truncate": r"truncat\w*|cut off", "remove": r"remov\w*|delet\w*",
    "body": r"body", "key": r"keys?", "bearer": r"bearer", "e-mail": r"e-?mails?", "skip": r"skip\w*|bypass\w*", "translate": r"translat\w*",
    "english": r"english", "chinese": r"chinese", "aspect ratio": r"(?:aspect )?ratios?", "middle": r"middle",
    "cancel": r"cancel\w*|abort\w*", "unique": r"unique", "watermark": r"watermark\w*",
}  # fmt: skip
#: Words of the vocabulary that a rewording may add or drop: what a sentence is about, not what it commits to.
_TOPICS: Final = frozenset({
    "image", "video", "audio", "frame", "header", "callback", "poll", "unique", "watermark", "only", "default",
})  # fmt: skip
_WORDS: Final = re.compile(
    r"\b(?:" + "|".join(f"(?P<w{number}>(?:{words})\\b)" for number, words in enumerate(_VOCABULARY.values())) + ")",
    re.IGNORECASE,
)
_LONGEST: Final = 5000
_NAMES: Final = tuple(_VOCABULARY)
_NEGATION: Final = re.compile(
    r"(?:n't|\b(?:not|never|no longer|nothing|no|without|cannot|instead of|rather\b.{0,24}?\bthan|neither|nor|non|need not|don't need to|do not need to))\b[\s-]*(?:(?:is|are|be|any|a|an|the|been|you|to|need|have|having|must|in|of)\b\s*)*",
    re.IGNORECASE,
)
#: An amount in dollars.
_DOLLARS: Final = re.compile(
    r"(?:US ?\$|\bUSD|\$) ?(\d[\d.,]*)|(?<![\d.,])(\d[\d.,]*) ?(?:USD|(?:US )?dollars?)\b", re.IGNORECASE
)
#: Thousands set apart by a dot or a space, where a unit that has no fractions follows.
_THOUSANDS: Final = re.compile(r"\b(\d{1,3})[. ](\d{3})(?= char)")
#: From 2 on.
_NUMBER_WORDS: Final = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SWITCH: Final = re.compile(r"\b(not |never |no longer )?(?:(enabled|on)|disabled|off)(?= by default\b)", re.IGNORECASE)
_NUMBER_WORD: Final = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z]+")
_PER: Final = re.compile(r"\bper[ _]([A-Za-z]+)", re.IGNORECASE)
_DENIED: Final = re.compile(r"[\"'(]?(\w+)")
#: Words that say nothing by themselves.
_EMPTY: Final = re.compile(
    r"\b(?:an?|the|is|are|was|were|be|been|has|have|had|will|of|for|to|in|on|at|by|with|from|and|or|your?|this|that|its?)\b"
)
#: A name in a path that stands for a value: `/status/{request_id}`.
PLACEHOLDER: Final = re.compile(r"(?<=/)(?:\{[^{}/]*\}|<[^<>/]*>|\[[^\[\]/]*\]|:\w+)")
_TOKEN: Final = re.compile(
    r"https?://[^\s\"'`)>]+|\b[A-Z]+(?:-[A-Za-z0-9]+)+\b|\b[A-Za-z]+(?:[_.][A-Za-z]+)+\b|\b[A-Za-z][\w.]*(?:-[\w.]+)*-?\d[\w.-]*\b|\b[A-Z]{2,}\b|[<>]=?|[≤≥]|\d[\d,]*(?:\.\d+)?[A-Za-z%]*\+?"
)
#: Words in capitals that name what an API page is about.
_ABBREVIATIONS: Final = frozenset(
    {"API", "URL", "URLS", "CDN", "HTTP", "ID", "AI", "MIME", "OK", "AIGC", "REST", "IDS", "FPS"}
    | {"TIP", "NOTE", "WARNING", "IMPORTANT", "CAUTION"}  # what introduces a remark
)
#: What changes the meaning of a sentence by its place, and lists of it.
_VALUE: Final = re.compile(r"\b(?:(?:not|no|never)\b|(?=\w*(?:\d|_|[A-Z]\w*[A-Z]))\w++(?:[.:]\w++)*+)")
_LIST: Final = re.compile(rf"{_VALUE.pattern}(?:[\"'`]?(?:/|,| or| and| to|-)+ ?[\"'`]?(?:{_VALUE.pattern}))+")
_TERM: Final = re.compile(r"\w+")
_SIGNS: Final = {"<": "less than", ">": "more than", "<=": "at most", "≤": "at most", ">=": "at least", "≥": "at least"}
COMPARISONS: Final = frozenset(_SIGNS.values())
_UNITS: Final = {"s": "seconds", "sec": "seconds", "min": "minutes", "h": "hours", "d": "days", "pixels": "px"}
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def atoms(*texts: str) -> frozenset[str]:
    """The atoms of some texts; the rest of a text after 5,000 characters is one atom."""
    return frozenset[str]().union(*map(_atoms, texts))


@lru_cache(maxsize=1 << 16)  # each sentence is compared with many; a page has no more
def gist(text: str) -> frozenset[str]:
    """The atoms of a short text, and its words without their endings: in the few words of a cell each one counts."""
    return atoms(text) | {_stem(each) for each in _WORD.findall(_EMPTY.sub("", text.casefold()))}


def are_swapped(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether sentences have the same words, but with other values beside each other, as in `768P: 6 s, 1080P: 10 s`."""
    (words, pieces), (others, other_pieces) = map(_pieces, (before, after))
    return words == others and pieces != other_pieces


def _pieces(sentences: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of sentences, and the values of each of their clauses; both in any order, as those of lists are."""
    listed = (_LIST.sub(lambda found: " ".join(sorted(_VALUE.findall(found[0]))), each) for each in sentences)
    pieces = (_VALUE.findall(piece) for each in listed for piece in re.split(r"[,;]|\. | and | or ", each))
    return sorted(_TERM.findall(" ".join(sentences))), sorted(map(" ".join, filter(None, pieces)))


def in_dollars(price: str) -> str:
    """A price with amounts in dollars as `$0.28`, however they are written."""
    return _DOLLARS.sub(lambda found: f"${found[1] or found[2]}", price)


def normalized(text: str) -> str:
    """The text with the numbers from two to twelve in digits, and `enabled by default` as `true by default`."""
    text = _SWITCH.sub(lambda found: "true" if bool(found[2]) != bool(found[1]) else "false", text)
    return _NUMBER_WORD.sub(lambda found: str(2 + _NUMBER_WORDS.index(found[0].casefold())), text)


def _stem(word: str) -> str:
    return re.sub(r"(?<=\w{3})(?:ing|ed|es|s|d|e)$", "", word.casefold())


@lru_cache(maxsize=1 << 16)
def _atoms(text: str) -> frozenset[str]:
    text = " ".join(text.replace("`", "").replace("’", "'").split())
    text = _THOUSANDS.sub(r"\1\2", PLACEHOLDER.sub("{}", normalized(text)))
    if len(text) > _LONGEST:
        return _atoms(text[:_LONGEST]) | {text[_LONGEST:]}
    found = set[str]()
    negations = [each.end() for each in _NEGATION.finditer(text)]
    denied = {end for each in negations for end in (each, each + 1)}
    known = list(_WORDS.finditer(text))
    taken = {at for match in known for at in range(match.start(), match.end())}
    for end in negations:
        if end not in taken and (word := _DENIED.match(text, end)):
            found.add(f"not {_stem(word[1])}")
    for match in known:
        name = _NAMES[int(str(match.lastgroup)[1:])]
        if name in COMPARISONS and not re.search(r"\d", text[max(match.start() - 18, 0) : match.end() + 12]):
            continue
        if match.start() in denied and name not in COMPARISONS and name != "only":
            name = name.removeprefix("not ") if name.startswith("not ") else f"not {name}"
        found.add(name)
    for match in _TOKEN.finditer(text):
        found |= _token(match[0])
    found |= {f"per {_stem(each)}" for each in _PER.findall(text)}
    return frozenset(found - _TOPICS)


def _token(token: str) -> set[str]:
    token = token.rstrip(".,;:")
    if token.upper() in _ABBREVIATIONS or not token:
        return set()
    if token in _SIGNS:
        return {_SIGNS[token]}
    if token.startswith("http"):
        return {token}
    if number := re.fullmatch(r"(\d[\d,]*(?:\.\d+)?)([A-Za-z%]*)(\+?)", token):
        unit, more = number[2].casefold(), "at least" if number[3] else ""
        return {f"{float(number[1].replace(',', '')):g}", _UNITS.get(unit, unit), more} - {""}
    return {token if token in _METHODS else token.casefold().replace("jpg", "jpeg").removesuffix("-encoded")}
