"""What the description of a parameter says about its values, sentence by sentence.

Each pattern removes what it understands; a sentence in which a number, a quoted value or a word such as `must` or `only` remains
is reported as not understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from .meaning import normalized
from .page import Rules, is_required


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_NUMBER: Final = r"-?\d[\d,]{0,20}(?:\.\d{1,20})?"
_QUOTED: Final = r"\"[^\"]*\"|'[^']*'|`[^`]*`|“[^”]*”"
_TO: Final = r"\s*(?:-|–|—|to|and)\s*"
_END: Final = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bEx)(?<!\betc)([.;])\s+(?=[A-Z\"'(`])")
_EXAMPLE: Final = _pattern(r"\(?\b(?:e\.g\.?|Ex(?:ample)?\b\s*:?|such as|for example)")
_DEFAULT: Final = _pattern(
    rf"\(?\bdefaults?(?: value)?(?: is| to|\s*[:=-])?\s*({_QUOTED}|\[[^\]]*\]|\d+[:x*×]\d+|{_NUMBER}(?![\w%]|\.\d)|true|false|null|\w(?:[\w.-]*\w)?)\)?"
)
_MARKED_DEFAULT: Final = _pattern(rf"({_QUOTED}|{_NUMBER}|true|false)(?: seconds)?\s*\(default\)")
_LEFT_OUT: Final = _pattern(
    rf"({_QUOTED}|{_NUMBER}|true|false)\s*(?:by default|(?:if|when) (?:it is )?(?:left out|omitted|not (?:set|given|specified)))\b"
)
_COUNT: Final = r"(\d{1,3}(?:[,. ]\d{3})+|\d+)"
_UNIT: Final = r"\s*(?:Unicode )?(?:characters|chars)(?: long| in length)?\b\)?"
_CHARACTERS: Final = _pattern(
    rf"\(?(?:\b(max(?:imum)?\.?(?: length)?(?: of)?|at most|up to|(?:cannot|must not|may not) exceed|no(?:t)? (?:more|longer) than"
    rf"|(?:(?:with )?a |length )?limit(?:ed)?(?: (?:is|of|to))*(?: less than)?|less than|fewer than|shorter than|under|min(?:imum)?\.?(?: length)?(?: of)?|at least)|(<=?|≤))"
    rf"\s*:?\s*{_COUNT}{_UNIT}"
)
#: The same with the number first, with the unit first, and with both bounds.
_MOST_CHARACTERS: Final = _pattern(
    rf"\(?{_COUNT}{_UNIT},?\s*(?:max(?:imum)?\b\.?|at most|or (?:fewer|less)|limit\b)\)?"
)
_LENGTH: Final = _pattern(
    rf"\b(?:(min|max)(?:imum)?\.? (?:length|characters|chars)|(?:character|length) limit)(?: is|:)?\s*{_COUNT}\b(?!\s*\w|[.,]\d)"
)
_LENGTHS: Final = _pattern(rf"\(?(?:\b(?:length|between|from)\b:?\s*)*{_COUNT}{_TO}{_COUNT}{_UNIT}")
_BYTES: Final = _pattern(
    rf"(<=?|≤|\bmax(?:imum)?(?: allowed)?(?: file)?(?: size)?(?: of)?:?|\bcannot exceed|\bunder|\bbelow|\bup to|\b(?:smaller|less) than)\s*({_NUMBER})\s*(bytes|[KMG]i?B|(?:kilo|mega|giga)bytes)\b"
    r"(?: per image| each)?"
)
_SHORT_SIDE: Final = _pattern(
    r"short(?:er|est)? (?:side|edge)\s*(?:of |is |longer |must (?:be )?)*(>=?|≥|above|over|exceeds?|(?:more|longer|greater|larger) than|at least)\s*(\d+)\s*(?:px|pixels)"
)
_ASPECT: Final = _pattern(rf"\b(?:aspect )?ratio\s*(?:must |lies? |be |between |from |of )*(\d+:\d+){_TO}(\d+:\d+)")
_LOW_HIGH: Final = _pattern(rf"\bmin(?:imum)?:?\s*({_NUMBER}),?\s*(?:and\s*)?max(?:imum)?:?\s*({_NUMBER})")
_BRACKETS: Final = re.compile(rf"([(\[])\s*({_NUMBER}?)\s*,\s*({_NUMBER})\s*([)\]])")
_NO_RANGE: Final = _pattern(r"\d\s*(?:px|MB|s\b)|(?:lower|higher) values \(|^typical\b")
_RANGE: Final = _pattern(
    rf"(?:\brange\b[^\d\-\[(\"]*?|\bbetween\s*|\bfrom\s*|(?<!\w)\(|,\s*|:\s*)\"?({_NUMBER})\"?{_TO}\"?({_NUMBER})\"?(?![\d:*x×%])\)?"
)
_ITEMS: Final = _pattern(
    rf"\(?(?:\b(up to|at most|max(?:imum)?)\s*)?\b(\d+)(?:{_TO}(\d+))?\s*(?:reference |HTTPS |image |input )*(?:images?|URLs|colors|bounding boxes|items|elements)\b(?:,? required)?\)?"
)
#: Words before the allowed values: words that announce them, or words that may do so before something that looks like values.
_VALUES: Final = _pattern(
    r"\b(?:(?:supported|accepted|allowed|valid|possible|available|permitted|enum|one of)\b[^:\"'`\d]*:|(?:values?|options?)\b\s*(?:are|include|is|:)\s*:?)\s*"
)
_PERHAPS: Final = _pattern(
    r"(?:\b(?:supports|accepts|(?:must be|can be|has to be|is)(?: one of| either)?|one of|either|only|use|choose|or)\s+|[\w)][:.]\s+|^)(?=[\d\"'`“])"
)
_ONE: Final = re.compile(
    rf"({_QUOTED}|(?=[\w.:*×+-]*\d)\w[\w:*×+-]*(?:\.[\w:*×+-]+)*|(?!(?:more|less|fewer)\b)[A-Za-z][\w-]*)(?:\s*\([^()]*\))?"
)
_SEPARATOR: Final = re.compile(r"\s*(?:sec(?:ond)?s?\b\s*)?(?:,\s*(?:or|and)?|[/|]|\bor\b|\band\b)\s*")
_ONLY: Final = _pattern(r"^\s*only\b")
_UNIT_OR_END: Final = _pattern(r"\s*(?:seconds?)?[\s.]*")
_FORMATS: Final = _pattern(r"(?:\bmust be )?\.?\b(JPG|JPEG|PNG|WEBP|BMP|GIF|TIFF|HEIC|MP4|MOV|WEBM|MP3|WAV|FLAC|OGG)\b")
_KINDS: Final = {
    "base64": _pattern(r"\bbase64\b"),
    "url": _pattern(
        r"\b(?:public|accessible|HTTPS?|image|video|audio|input)\b[^.]{0,20}\bURLs?\b|\bURLs\b|\bURL (?:of|to) (?:an? |the |public )*(?:image|video|audio)"
    ),
}
_CONDITION: Final = _pattern(
    r"\b(?:only (?:for|when|if|applicable|available)|ignored (?:when|if)|required (?:when|if)|not supported)\b"
)
_AND_SO_ON: Final = _pattern(r",?\s*(?:etc\b|and so on|\.\.\.|…)")
#: How many characters of a description are read: the time of some patterns grows with the square of its length.
_LONGEST: Final = 3000
#: What is in a cell that says nothing.
_NOTHING: Final = frozenset({"", "—", "-", "n/a", "N/A"})
_RECOMMENDED: Final = _pattern(r"\s*\(recommended\b[^)]*\)")
_REFUSES: Final = _pattern(r"\b(?:not|no longer|never)\b.{0,20}\b(?:accepted|supported|allowed|taken|possible)\b")
#: Signs that a sentence states a rule.
_STATES: Final = _pattern(
    rf"(?<!\w)\d|{_QUOTED}|\b(?:must|only|max|min|maximum|minimum|cannot|required|exceed|at least|at most)\b"
)
_MODEL: Final = r"(?:the )?(?=[\w.-]*\d)[\w.]+-[\w.-]+"
_FOR_MODEL: Final = _pattern(
    rf"\s*\(?\b(?:(?:only )?for (?:the )?[\w.-]+|(?:only )?(?:(?:for|with|on|by) )?{_MODEL}(?:(?:,| and| or)+ {_MODEL})*) models?(?: only)?\b\)?"
)
_PUBLIC: Final = _pattern(
    r"\b(?:and )?(?:must be |should be )?(?:a )?(?:valid,? |stable,? |direct,? )*(?:link|publicly accessible|reachable by the (?:API )?(?:server|service)|accessible without authentication)\b[^.]*"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the spaces between them."""
    parts = _END.split(" ".join(text.split()))
    whole = ("".join(pair) for pair in zip(parts[::2], [*parts[1::2], ""], strict=True))
    return [each for each in whole if each.strip(" .")]


def with_notes(description: str, notes: Mapping[str, str]) -> str:
    """A description, and behind it as sentences what further columns say, `Charged.` or `Range: 1-4.`; an example says nothing."""
    texts = [description]
    for name, cell in notes.items():
        if cell not in _NOTHING and not name.startswith("example"):
            said, title = is_required(cell), name.capitalize()
            texts.append(f"{title}: {cell}" if said is None else title if said else f"Not {name}")
    return " ".join(f"{each.rstrip('.')}." for each in texts if each) if len(texts) > 1 else description


def typed(text: str, type_: str) -> Any:
    """A written value, as a value of its parameter's type: `6` of an integer is 6, `"768P"` the string without its quotes."""
    bare = text.strip("\"'`“”")
    if text.startswith("["):
        with suppress(ValueError):
            return json.loads(text)
    numeric = re.match(r"integer|number|float|int\b", type_, re.IGNORECASE)
    if type_.casefold().startswith("bool") and bare.casefold() in ("true", "false"):
        return bare.casefold() == "true"
    if bare == "null" and bare == text:
        return None
    if numeric and (found := re.fullmatch(rf"({_NUMBER})(?:s|secs?)?", bare)):
        number = float(found[1].replace(",", ""))
        return int(number) if number.is_integer() else number
    return bare


class _Reading:
    """What was found in one description so far, and what is left of the sentence at hand."""

    def __init__(self, type_: str) -> None:
        self.type = type_
        self.is_array = bool(re.search(r"array|\[\]|list", type_, re.IGNORECASE))
        self.found: dict[str, Any] = {}
        self.formats: list[str] = []
        self.conditions: list[str] = []
        self.rest = self.sentence_text = ""

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match in the rest of the sentence, which is removed from it."""
        if match := pattern.search(self.rest):
            self.rest = self.rest[: match.start()] + " " + self.rest[match.end() :]
        return match

    def sentence(self, text: str) -> bool:
        """Read one sentence; return whether everything that it states was understood."""
        self.rest, known = text, dict(self.found)
        self.sentence_text = text
        if _CONDITION.search(text) and not _FOR_MODEL.search(text):
            self.conditions.append(text)
            self._formats()
            return True
        self.rest = _RECOMMENDED.sub("", self.rest)
        if example := _EXAMPLE.search(self.rest):
            self.rest = self.rest[: example.start()]
        while match := self.take(_FOR_MODEL):
            self.conditions.append(match[0].strip())
        marked = self.rest
        if match := self.take(_MARKED_DEFAULT):
            self.rest = f"{marked[: match.end(1)]}{marked[match.end() :]}"
            self.found["default"] = typed(match[1], self.type)
        if match := self.take(_LEFT_OUT) or self.take(_DEFAULT):
            self.found["default"] = typed(match[1], self.type)
        self._sizes()
        self._values()
        self._range()
        self._formats()
        if is_other := any(self.found[name] != value for name, value in known.items()):
            self.found = known  # what another sentence says holds in some cases only, or contradicts it
        return not is_other and not _STATES.search(self.rest)

    def _lengths(self) -> None:
        while match := self.take(_LENGTHS):
            self.found["min_length"], self.found["max_length"] = _whole(match[1]), _whole(match[2])
        while match := self.take(_CHARACTERS):
            words, count = match[1] or match[2], _whole(match[3])
            if re.match("min|at least", words, re.IGNORECASE):
                self.found["min_length"] = count
            else:
                self.found["max_length"] = count - bool(re.search("less|fewer|under|shorter|<$", words, re.IGNORECASE))
        if match := self.take(_MOST_CHARACTERS):
            self.found["max_length"] = _whole(match[1])
        while not self.is_array and (match := self.take(_LENGTH)):
            self.found["min_length" if (match[1] or "").casefold() == "min" else "max_length"] = _whole(match[2])

    def _sizes(self) -> None:
        self._lengths()
        if match := self.take(_BYTES):
            power = "bkmg".index(match[3][0].casefold())
            unit = (1024 if "i" in match[3][1:2].casefold() else 1000) ** power
            strict = re.fullmatch("<|under|below|(?:smaller|less) than", match[1], re.IGNORECASE)
            self.found["max_bytes"] = int(float(match[2].replace(",", "")) * unit) - bool(strict)
        if match := self.take(_SHORT_SIDE):
            self.found["short_side_above"] = int(match[2]) - bool(re.match(">=|≥|at least", match[1]))
        if match := self.take(_ASPECT):
            low, high = sorted((match[1], match[2]), key=ratio)
            self.found["aspect_ratio"] = (low, high)
        if self.is_array and (match := self.take(_ITEMS)):
            self.found["max_items"] = int(match[3] or match[2])
            if match[3]:
                self.found["min_items"] = int(match[2])

    def _range(self) -> None:
        if self.is_array or _NO_RANGE.search(self.rest):
            return
        if match := self.take(_LOW_HIGH):
            low, high = match[1], match[2]
        elif (match := self.take(_BRACKETS)) and match[2]:
            low, high = match[2], match[3]
            self.found["exclusive_minimum"] = match[1] == "("
        elif match := self.take(_RANGE):
            low, high = match[1], match[2]
        else:
            return
        self.found["minimum"], self.found["maximum"] = (float(each.replace(",", "")) for each in (low, high))
        self.rest = re.sub(r"\b(?:range|must be|values?)\b", "", self.rest, flags=re.IGNORECASE)

    def _values(self) -> None:
        """A list of values: after words that announce one, or of at least two that look like values."""
        if self.is_array:
            return
        for pattern, least in ((_VALUES, 1), (_PERHAPS, 2)):
            for match in pattern.finditer(self.rest):
                values, end = self._listed(match.end(), words=pattern is _VALUES)
                # `Supported formats: JPEG, PNG` is about the file at a URL.
                are_formats = values and all(_FORMATS.fullmatch(str(each)) for each in values)
                if "format" in match[0] and are_formats and self.rest[match.end()].isalpha():
                    continue
                is_whole = _UNIT_OR_END.fullmatch(self.rest, end) is not None
                one = r"only|must be\b" if is_whole else "only"
                too_few = len(values) < least and not re.match(one, match[0], re.IGNORECASE)
                if too_few or _AND_SO_ON.match(self.rest, end):
                    continue
                self.found["enumeration"] = tuple(values)
                self.rest = f"{self.rest[: match.start()]} {_ONLY.sub('', self.rest[end:])}"
                self.rest = re.sub(r"(?i)\b(?:must be|seconds|(?:is|are) supported|currently)\b", "", self.rest)
                return

    def _listed(self, at: int, *, words: bool) -> tuple[list[Any], int]:
        """The values of a list that begins here, and where it ends; none if it is a range, or unquoted words after a quoted one."""
        values, end, quoted = list[Any](), at, None
        while one := _ONE.match(self.rest, at):
            if quoted not in (None, one[1][0] in "\"'`“") or not (
                words or (values and one[1][0].islower()) or re.search(r"\d|^[\"'`]", one[1])
            ):
                break
            quoted = one[1][0] in "\"'`“"
            values.append(typed(one[1], self.type))
            end = one.end()
            if re.match(rf"\s*(?:[-–—]|to)\s*{_NUMBER}", self.rest[end:]) and not quoted:
                return [], at
            separator = _SEPARATOR.match(self.rest, end)
            if separator is None:
                break
            at = separator.end()
        is_range = any(re.fullmatch(rf"{_NUMBER}[-–]{_NUMBER}|\d+\+", str(each)) for each in values)
        return ([], at) if is_range else (values, end)

    def _formats(self) -> None:
        if _REFUSES.search(self.rest):
            self.rest = ""
            return
        while match := self.take(_FORMATS):
            self.formats.append(match[1].casefold().replace("jpg", "jpeg"))
        if self.take(_PUBLIC):
            self.formats.append("public")
        self.formats += (name for name, pattern in _KINDS.items() if pattern.search(self.sentence_text))


def read_rules(description: str, type_: str, default: str = "") -> tuple[Rules, tuple[str, ...]]:
    """The rules, and the sentences that state something else; `default` is the cell of a column of defaults."""
    reading = _Reading(type_)
    read = [each for each in sentences(description[:_LONGEST]) if not reading.sentence(normalized(each))]
    unread = (*read, description[_LONGEST:]) if len(description) > _LONGEST else tuple(read)
    if default not in _NOTHING:
        reading.found["default"] = typed(default.strip(), type_)
    if reading.found.get("enumeration"):
        reading.formats = []
    formats, conditions = tuple(dict.fromkeys(reading.formats)), tuple(reading.conditions)
    return Rules(**reading.found, formats=formats, conditions=conditions), unread


def ratio(text: str) -> float:
    """The width divided by the height: 0.4 of `2:5`."""
    wide, _, high = text.partition(":")
    return int(wide) / max(int(high), 1)


def _whole(count: str) -> int:
    return int(re.sub(r"\D", "", count))
