"""Redacts secrets in text: the keys that are known, and the values of names that look like secrets."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pkgutil import get_data
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, quote, quote_plus, unquote
from weakref import ref

from .endpoints import QUERY_KEY, Header
from .text import CUT, regex

__all__ = ["HIDDEN", "MOST_REMEMBERED", "REDACTED", "Redactor", "SecretFilter", "count_by", "is_secret", "renamed"]

REDACTED = "[redacted]"
"""Replaces a key: that of a world, or one that was sent as a key."""
HIDDEN = "[hidden]"
"""Replaces a value that is redacted because of its name, such as that of `?token=`."""
SHORT = 8
"""Characters; a shorter key is redacted only where it is a word of its own, so `sim-key` leaves `pixazo-sim-keys` as it is."""
LONG = 200
"""Characters; of a longer key this many are looked for, and what is joined to them is redacted, too."""
MOST_REMEMBERED = 10_000
"""Keys of deleted worlds that are still redacted."""
KEY_HEADERS = frozenset(
    {
        "ocp-apim-subscription-key", "authorization", "proxy-authorization", "x-api-key", "api-key", "subscription-key", "cookie",
    }
)  # fmt: skip
"""Headers whose value is never shown, since it may always be a key."""

_T = TypeVar("_T")

_WORD_OF_NAME = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
    {
        "key", "keys", "token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "pwd", "auth",
        "authorization", "cookie", "cookies", "signature", "signatures", "sig", "credential", "credentials",
    }
)  # fmt: skip
_SECRET_ENDS = ("apikey", "accesskey", "secretkey", "privatekey", "subscriptionkey", "token", "secret", "password")
_NO_SECRETS = frozenset({"idempotency-key", "idempotency_key", "query_key", "missing_key", "unknown_key"})
"""Names that sound like secrets but are not; three of them are ours, of the policy."""
_LONGEST_NAME = 200
_SCHEMES = ("Bearer", "bearer", "BEARER", "Basic", "basic", "BASIC")

# How a URL, JSON and Python write a character. Decoding is for finding keys only.
_ESCAPE = regex(r"""%([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\(["'/\\bfnrt])""")
_CUT_ESCAPE = regex(r"(?:%[0-9A-Fa-f]?|\\(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?)\Z")
_UNESCAPED = regex(r"[\w.~-]+", re.ASCII)
"""What JSON, Python and a URL write in the same way."""
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_MOST_LAYERS = 3
"""How often a key may be percent-encoded, one encoding on top of another."""
_LONGEST_TAIL = 2048
"""Characters; the beginning of a key is shorter, however it is escaped."""
_DEEPEST = 100

# A quote or angle bracket may belong to a value; it ends one where what stands behind it ends a text in JSON, Python or HTML.
_END = r"""\\{0,8}(?:"(?=[,:\]}>])|'(?=>)|["'<>](?=[,:;.)\]}"'<>\\]{0,8}(?:\s|\\[nrt]|\Z)))"""
_NAME_OF_PAIR = regex(r"(?<![\w.~%+\[\]-])([\w.~%+\[\]-]{1,200})=")
_VALUE = regex(rf"""(?:[^&;\s"'<>\\]+|(?!{_END})["'<>\\]|;(?!\s|\Z|[\w.~%+\[\]-]{{1,200}}=|{_END}))+""")
_FIELD = regex(r"^content-disposition:([^\r\n]*)\r?\n(?:[^\r\n]+\r?\n){0,20}\r?\n", re.IGNORECASE | re.MULTILINE)
_NAME_OF_FIELD = regex(r"""\bname=["']?([^"';]*)""", re.IGNORECASE)
_END_OF_FIELD = regex(r"\r?\n--|\Z")
_NAME = regex(r"""(["'])((?:[^"'\\\s]|\\.){1,200})\1\s*:\s*""")
_SCALAR = regex(r"""(")(?:[^"\\]|\\.)*"?|(')(?:[^'\\]|\\.)*'?|-?[0-9][0-9.eE+-]*|[\[{](?s:.)*""")
"""The value after a name in JSON and Python; of a list or mapping the end cannot be found, so all the rest is redacted."""
_USERINFO = regex(rf"""(:[/\\]{{2,8}})((?:[^/?#\s"'<>\\]|(?!{_END})["'<>\\])*)@""")
_IMAGE = regex(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]*")
"""An image in Base64: a short key may stand in it by chance, and without that it would be no image."""
_SCHEME = regex(r"\b(Bearer|Basic)(\s+)([A-Za-z0-9._~+/-]{8,}={0,2})", re.IGNORECASE)

_OWN_KEYS = "sim-"
"""How the default key and the generated ones begin, but none of our words."""
_LEAST_DIGITS = 4
"""Digits of a key that is a number: a shorter one occurs in every other sentence."""


_HEAD = 4
"""Characters by which the encoded forms of keys are looked up: most keys begin alike, so there are few such prefixes."""
_FEW = 32
"""Up to this many prefixes are looked for one by one: `str.find` is far faster than Python code at every place of a text."""
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_JOINED = regex(r"[^\s\"'<>&]*")


class Redactor:
    """Knows keys, and redacts them in text together with the values of names that look like secrets. Any thread may use it.

    A key that was added several times is known until it has been forgotten as often, and for a while after that. `parent` knows
    further keys; `mark` replaces those of its own. The number of keys slows down neither adding one nor the work on a text.
    """

    __slots__ = ("__weakref__", "_counts", "_forgotten", "_found", "_mark", "_parent")

    def __init__(self, keys: Iterable[str] = (), *, parent: Redactor | None = None, mark: str = REDACTED) -> None:
        self._parent = parent
        self._mark = mark
        self._counts: dict[str, int] = {}
        self._forgotten: deque[str] = deque()
        self._found = _EncodedKeys()
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """Redact this key in every text from now on."""
        if _is_distinctive(key):
            count_by(self._counts, key, 1)
            if self._counts[key] == 1:
                self._found.count(key, 1)

    def forget(self, key: str) -> None:
        """Forget a key that was added, once as many others were forgotten after it as are remembered."""
        if key in self._counts:
            self._forgotten.append(key)
            if len(self._forgotten) > MOST_REMEMBERED:
                gone = self._forgotten.popleft()
                count_by(self._counts, gone, -1)
                if gone not in self._counts:
                    self._found.count(gone, -1)

    def knows(self, key: str) -> bool:
        """Whether exactly this key is redacted."""
        return key in self._counts or (self._parent is not None and self._parent.knows(key))

    def with_keys(self, *keys: str, mark: str = REDACTED) -> Redactor:
        """One that also knows these keys."""
        new = [key for key in keys if not self.knows(key) and _is_distinctive(key)]
        return Redactor(new, parent=self, mark=mark) if new else self

    def with_request_secrets(self, headers: Iterable[Header], target: str) -> Redactor:
        """One that also knows the keys and other secrets of a request."""
        keys, others = sent_secrets(headers, target)
        return self.with_keys(*keys).with_keys(*others, mark=HIDDEN)

    def holds_key(self, text: str) -> bool:
        """Whether a text contains a known key."""
        return any(self.spans(text))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where known keys are in a text, in no particular order; they may overlap."""
        yield from self._found.spans(text)
        if self._parent:
            yield from self._parent.spans(text)

    def text(self, text: str) -> str:
        """The text without known keys, in their common spellings, and without the values of names that look like secrets."""
        if CUT in text:
            *cut, rest = text.split(CUT)
            return CUT.join([*map(self.start, cut), self.text(rest)])
        if _IMAGE.fullmatch(text) and all(end - start < SHORT for start, end in self.spans(text)):
            return text
        plain = text = self._cleared(text)
        if "%" in text or "\\" in text:  # its decoded form, if a key or another secret is visible only there
            for _ in range(_MOST_LAYERS):
                before, plain = plain, _decoded(plain)
                if plain == before:
                    break
                if (cleared := self._cleared(plain)) != plain:
                    text = plain = cleared
        return text

    def _cleared(self, text: str) -> str:
        return _without_named(self.without_keys(text))

    def start(self, text: str) -> str:
        """The same for a text that was cut short: a key that was cut in two is redacted, too."""
        text = self.text(text.rstrip("\ufffd"))
        tail = text[-_LONGEST_TAIL:]
        plain = _decoded(_CUT_ESCAPE.sub("", tail))
        if plain != tail and (begun := self.begun(plain)):
            return text[:-_LONGEST_TAIL] + plain[:-begun]
        return text[: len(text) - self.begun(text)]

    def json(self, value: Any, depth: int = 0) -> Any:
        """A JSON value without either in its strings, names and numbers, and without what is nested more than 100 deep."""
        if isinstance(value, str):
            return self.text(value)
        if depth > _DEEPEST and isinstance(value, (list, dict)):
            return HIDDEN
        if isinstance(value, list):
            return [self.json(each, depth + 1) for each in cast("list[object]", value)]
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value).items()
            return renamed({name: self._member(name, each, depth + 1) for name, each in members}, self.text)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            text = self.without_keys(str(value))
            return value if text == str(value) else text
        return value

    def headers(self, headers: Iterable[Header]) -> dict[str, str]:
        """Headers by lower-case name, the last of each name."""
        pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
        return renamed({name: self.header(name, value) for name, value in pairs}, self.text)

    def header(self, name: str, value: str) -> str:
        """The value of a header with this lower-case name."""
        return REDACTED if name in KEY_HEADERS else str(self._member(name, value, 0))

    def _member(self, name: str, value: Any, depth: int) -> Any:
        if not is_secret(name) or value is None or isinstance(value, bool) or value == "":
            return self.json(value, depth)
        # Of a secret's value only whether it was a key is shown.
        return REDACTED if isinstance(value, str) and REDACTED in self.text(value) else HIDDEN

    def without_keys(self, text: str) -> str:
        """The text without known keys in their common spellings."""
        if self._parent:
            text = self._parent.without_keys(text)
        parts, done = list[str](), 0
        for start, end in sorted(self._found.spans(text)):
            if start >= done:
                parts += text[done:start], self._mark
            done = max(done, end)
        return "".join([*parts, text[done:]]) if done else text

    def begun(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a key."""
        return max(self._found.begun(text), self._parent.begun(text) if self._parent else 0)


class _EncodedKeys:
    """Encoded forms of keys, each counted as often as it was added.

    They are looked up by their first 4 characters, so the work on a text does not grow with their number.
    """

    __slots__ = ("_beginnings", "_counts", "_longest", "_shortest", "_sizes")

    def __init__(self) -> None:
        self._counts: dict[tuple[str, bool], int] = {}
        """Encoded form and whether it must be a whole word."""
        self._sizes: dict[str, dict[int, int]] = {}
        """The first 4 characters of encoded forms, and their lengths."""
        self._beginnings: dict[str, int] = {}
        """What a text that was cut within a form may end in: its first 1 to 4 characters, or its first 8."""
        self._shortest, self._longest = _HEAD, 0

    def count(self, key: str, by: int) -> None:
        for form, alone, inner in _encoded_forms(key):
            head, size = form[:_HEAD], len(form)
            count_by(self._counts, (form, alone), by)
            sizes = self._sizes.setdefault(head, {})
            count_by(sizes, size, by)
            if not sizes:
                del self._sizes[head]
            ends = () if inner else range(1, _HEAD + 1)  # a piece of a longer text does not begin one
            for end in ends if alone else (*ends, SHORT):
                count_by(self._beginnings, form[:end], by)
            self._shortest, self._longest = min(self._shortest, size), max(self._longest, size)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they are, in no particular order; they may overlap."""
        for place, head in self._places(text):
            for end in [place + size for size in tuple(self._sizes.get(head, ())) if place + size <= len(text)]:
                piece = text[place:end]
                if (piece, False) in self._counts:
                    joined = _JOINED.match(text, end) if len(piece) == LONG else None
                    yield place, joined.end() if joined else end
                elif (piece, True) in self._counts and _stands_alone(text, place, end):
                    yield place, end

    def _places(self, text: str) -> list[tuple[int, str]]:
        known = self._sizes
        if len(known) <= _FEW:
            return [(place, head) for head in tuple(known) if head in text for place in _places(head, text)]
        sizes = range(self._shortest, _HEAD + 1)  # only a form of less than 4 characters is found by less
        return [
            (at, text[at : at + size]) for size in sizes for at in range(len(text)) if text[at : at + size] in known
        ]

    def begun(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of one; what only begins in the same way counts, too."""
        for size in range(min(len(text), self._longest), 0, -1):
            end = text[-size:]
            sizes = self._sizes.get(end[:_HEAD], ())
            if size >= SHORT:
                if end[:SHORT] in self._beginnings and size < max(tuple(sizes), default=0):
                    return size
            elif sizes or end[:_HEAD] in self._beginnings:
                return size
        return 0


def _places(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def count_by(counts: dict[_T, int], name: _T, by: int) -> None:
    """Count a name so many times more; one whose count is 0 is left out."""
    if count := counts.get(name, 0) + by:
        counts[name] = count
    else:
        del counts[name]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no word continues before or after it, and no number with a point or colon, such as a time or an address."""
    if (start and text[start - 1] in _LETTERS) or text[end : end + 1] in _LETTERS:
        return False
    if text[start].isdigit() and start > 1 and text[start - 1] in ".:" and text[start - 2].isdigit():
        return False
    return not (text[end - 1].isdigit() and text[end : end + 1] in (".", ":") and text[end + 1 : end + 2].isdigit())


@cache
def own_words() -> str:
    """The words of our messages, types and policy, each between line breaks (tools/own_words.py); none of them is a secret."""
    return (get_data("pixazo_simulator.spec", "data/own_words.txt") or b"").decode()


def _is_distinctive(key: str) -> bool:
    """Whether a key differs from the words and numbers that are in any text; a long one is found within words, too."""
    if not key.strip() or (key.isdigit() and len(key) < _LEAST_DIGITS):
        return False
    if key.startswith(_OWN_KEYS):
        return True
    return f"\n{key}\n" not in own_words() if len(key) < SHORT else key not in own_words()


def renamed(members: Mapping[str, _T], rename: Callable[[str], str]) -> dict[str, _T]:
    """The members under other names; equal names are numbered, so no member is lost."""
    found: dict[str, _T] = {}
    for name, value in members.items():
        new = rename(name)
        while new in found:
            new = f"{new} {len(found) + 1}"
        found[new] = value
    return found


@lru_cache
def _encoded_forms(key: str) -> tuple[tuple[str, bool, bool], ...]:
    """How a key is written: as it is, in JSON, Python, a URL, and within Base64; whether it must be a whole word, and whether it is a piece."""
    escaped = {form for each in set(_read(key)) for form in _escaped(each)}
    plain = {(each[:LONG], min(len(key), len(each)) < SHORT, False) for each in escaped}
    return (*sorted(plain), *sorted((each[:LONG], False, True) for each in set(_in_base64(key)) - escaped))


def _read(key: str) -> Iterator[str]:
    """A key as it is, in lower case as in a host name, and decoded as Latin-1 instead of UTF-8, or the other way round."""
    yield key
    if _is_distinctive(key.lower()):
        yield key.lower()
    for written, read in (("utf-8", "latin-1"), ("latin-1", "utf-8")):
        with suppress(UnicodeError):
            yield key.encode(written).decode(read)


def _escaped(key: str) -> Iterator[str]:
    if _UNESCAPED.fullmatch(key):
        yield key
        return
    yield from (key, json.dumps(key)[1:-1], repr(key)[1:-1])
    yield from (quote(key, errors="replace"), quote(key, safe="", errors="replace"), quote_plus(key, errors="replace"))


def _in_base64(key: str) -> Iterator[str]:
    """What Base64 makes of a key after 0, 1 and 2 other bytes, without the characters that depend on neighbouring bytes."""
    data = key.encode(errors="replace")
    for before in range(3 if len(key) >= SHORT else 0):  # a shorter one may be a part of any word in it
        encoded = base64.b64encode(b"\0" * before + data).decode()
        inner = encoded[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _decoded(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    if digits := escape[1] or escape[2] or escape[3]:
        is_half = len(digits) > 2 and digits[0] in "dD" and digits[1] in "89abcdefABCDEF"
        return escape[0] if is_half else chr(int(digits, 16))  # half of a surrogate pair cannot be sent
    return _CONTROLS.get(escape[4], escape[4])


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a header, parameter or member of this name contains a secret: `X-Api-Key`, `access_token`, `webhookSecret`."""
    known = name[:_LONGEST_NAME]
    if known.lower() in _NO_SECRETS:
        return False
    words = [word.lower() for word in _WORD_OF_NAME.findall(known)]
    return any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words)


def _without_named(text: str) -> str:
    """The text without the values of names that look like secrets, as queries, forms, JSON and Python write them, or of a URL's user."""
    if "=" in text:
        text = _without_fields(text) if "form-data" in text else text
        text = _without_pairs(text)
    if ":" in text:
        text = _without_members(text)
        if "@" in text:
            text = _USERINFO.sub(lambda found: found[0] if REDACTED in found[2] else f"{found[1]}{HIDDEN}@", text)
    return _SCHEME.sub(_scheme, text) if any(each in text for each in _SCHEMES) else text


def _without_fields(text: str) -> str:
    parts, done = list[str](), 0
    for head in _FIELD.finditer(text):
        name = _NAME_OF_FIELD.search(head[1])
        if head.start() >= done and name and is_secret(name[1]):
            parts += text[done : head.end()], HIDDEN
            done = cast("re.Match[str]", _END_OF_FIELD.search(text, head.end())).start()
    return "".join([*parts, text[done:]])


def _without_pairs(text: str) -> str:
    parts, done = list[str](), 0
    for name in _NAME_OF_PAIR.finditer(text):
        if name.start() < done or not is_secret(re.split("[?&;=#/]", unquote(name[1]))[-1]):
            continue
        value = _VALUE.match(text, name.end())
        if value and value[0].strip("=") and REDACTED not in value[0] and HIDDEN not in value[0]:
            parts += text[done : name.end()], HIDDEN
            done = value.end()
    return "".join([*parts, text[done:]])


def _without_members(text: str) -> str:
    if "':" not in text and '":' not in text and " :" not in text:
        return text
    parts, done = list[str](), 0
    for name in _NAME.finditer(text):
        if name.start() < done or not is_secret(_decoded(name[2])):
            continue
        value = _SCALAR.match(text, name.end())
        if value and value[0] and REDACTED not in value[0] and HIDDEN not in value[0]:
            mark = value[1] or value[2] or name[1]
            parts += text[done : name.end()], f"{mark}{HIDDEN}{mark}"
            done = value.end()
    return "".join([*parts, text[done:]])


def _scheme(found: re.Match[str]) -> str:
    word, space, given = found.groups()
    is_secret_value = _credentials(f"basic {given}") if word.lower() == "basic" else any(map(str.isdigit, given))
    return f"{word}{space}{HIDDEN}" if is_secret_value else found[0]


def sent_secrets(headers: Iterable[Header], target: str) -> tuple[list[str], list[str]]:
    """The keys of a request, whether they open a world or not, and its other secrets of 8 characters or more."""
    keys, others = list[str](), list[str]()
    for name, value in headers:
        lowered = name.decode("latin-1").lower()
        if lowered in KEY_HEADERS or is_secret(lowered):
            whole = value.decode("latin-1").strip()
            given = [whole, whole.rpartition(" ")[2].strip(), *_credentials(whole)]
            (keys if lowered in KEY_HEADERS else others).extend(given)
    query = target.partition("?")[2]
    for pair in (*query.split("&"), *re.split("[&;]", query)) if "=" in query else ():  # a `;` may belong to a value
        written = pair.partition("=")[2]
        for name, plain in parse_qsl(pair, keep_blank_values=True):
            if is_secret(name):
                (keys if name.lower() == QUERY_KEY else others).extend([written, plain])
    return list(dict.fromkeys(keys)), [each for each in dict.fromkeys(others) if len(each) >= SHORT]


def _credentials(authorization: str) -> list[str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return []
    return [user, password] if colon else []


class SecretFilter(logging.Filter):
    """Redacts in each line of a log what any of its redactors knows, so callers of the log need not do it."""

    def __init__(self) -> None:
        super().__init__()
        # Any thread may log while another starts a server: appending to, removing from and copying a list are one step each.
        self._redactors: list[ref[Redactor]] = []

    def add(self, redactor: Redactor) -> None:
        """Ask this one, too, as long as it is used elsewhere."""
        self._redactors.append(ref(redactor, self._redactors.remove))

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without its secrets."""
        message = text = record.getMessage()
        for each in tuple(self._redactors):
            if redactor := each():
                text = redactor.text(text)
        if text != message:
            record.msg, record.args = text, ()
        return True
