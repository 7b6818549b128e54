"""Finds secrets in what crosses the network, however they are spelled there, and replaces them.

A text is decoded layer by layer (JSON escapes, percent-encoding, HTML references, in any mixture), and in each layer a secret is
looked for in any letter case, in hexadecimal and in Base64. A match is replaced in the original text.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5
from itertools import chain
from typing import Any, Final

from pixazo_contracts.trace import KEY_HEADER, MODEL_BASE, STATES, STATUS_BASE, Target

#: What replaces a key, and what replaces a secret part of the receiver's URL.
KEY: Final = "<api-key>"
RECEIVER: Final = "<receiver>"

#: The shortest secret that is unlikely to be a word, in characters: of letters or digits only, and otherwise.
SHORTEST_PLAIN: Final = 12
SHORTEST: Final = 6

#: Texts that verdicts depend on: a key that is part of them cannot be redacted.
PROTOCOL: Final = f"""
    {" ".join(STATES)} {MODEL_BASE} {STATUS_BASE} {KEY_HEADER} Authorization Bearer X-Webhook-URL generate imageToVideo
    prompt first_frame_image duration resolution 768P 1080P prompt_optimizer fast_pretreatment callback_url aigc_watermark
    request_id status polling_url model_id error message output media_url media_type created_at updated_at completed_at null
    true false challenge hook image run use Content-Type Content-Length Cache-Control Retry-After Location Date Allow Age Expires
    WWW-Authenticate application/json charset utf-8 application/octet-stream video/mp4 no-cache no-store max-age GMT http https
    Accepted queued Bad Request Unauthorized Insufficient Balance Forbidden Too Many Requests Internal Server Error Not Found
    Your wallet does not have enough balance Model not found or is disabled
"""

#: Up to this many characters, a key is not looked for in hexadecimal, which may be a number.
MOST_IN_A_NUMBER: Final = 3

#: How many layers are decoded: an escape within an escape has two.
MOST_LAYERS: Final = 5

#: How many results are kept, for texts of at most this many characters.
MOST_REMEMBERED: Final = 4096
LONGEST_REMEMBERED: Final = 256

#: What replaces the value of a name that sounds like a secret: in a query or fragment (of a webhook's or medium's URL, too), in JSON; and user and
#: password of a URL. The lengths are bounded, so that a search takes time in proportion to the text.
HIDDEN: Final = "<hidden>"
_NAME: Final = r"(?!idempotency.key\b)(?:[\w.~-]{0,40}(?:key|auth|token|secret|session|signature|password|credential)[\w.~-]{0,40}|sig|pwd)"
SECRET_NAME: Final = re.compile(rf"(?i){_NAME}")
_BY_NAME: Final = re.compile(
    rf"""(?i)((?:[?&#]|&amp;|\\u0026|%3f|%26|%23){_NAME}(?:=|%3d))[^&#\s"'<>\\]+"""
    rf"""|("{_NAME}"\s*:\s*")(?:[^"\\]|\\.)+|(:(?:\\?/){{2}})[^/?#\s"'<>\\@]+@"""
)

#: Up to this many forms are looked for one by one; of more, those whose first bytes a text contains.
FEW: Final = 100
HEAD: Final = 3

_NAMED: Final = {
    name.rstrip(";").encode(): ord(char) for name, char in html5.items() if len(char) == 1 and char.isascii()
}
_ESCAPE: Final = re.compile(
    rb"\\u(?P<u>[0-9a-fA-F]{4})|\\x(?P<x>[0-9a-fA-F]{2})|\\(?P<char>[\"'/\\])|%(?P<percent>[0-9a-fA-F]{2})"
    rb"|&#[xX]0*(?P<hex>[0-9a-fA-F]{1,2});?|&#0*(?P<decimal>[0-9]{1,3});?|&(?P<name>[A-Za-z]{2,31});?"
)
_PLAIN_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_WORD: Final = re.compile(rb"[A-Za-z0-9_]")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]")


def _is_long(secret: str) -> bool:
    plain = secret.isalpha() or secret.isdigit()
    return len(secret) >= (SHORTEST_PLAIN if plain else SHORTEST)


def _stands_in_protocol(secret: str) -> bool:
    form = _Form(secret.lower().encode(), "", word=not _is_long(secret))
    return bool(form.places(PROTOCOL.lower().encode()))


def is_distinctive(secret: str) -> bool:
    """Whether finding this text means that the secret was echoed; `secret` may be part of any sentence."""
    return _is_long(secret) and not _stands_in_protocol(secret)


def can_be_struck(secret: str) -> bool:
    """Whether a secret can be replaced, at least as a whole word, without changing what clauses judge."""
    is_number = secret.isdigit() and len(secret) < SHORTEST_PLAIN
    return bool(secret) and not is_number and not _stands_in_protocol(secret)


def weak_keys(target: Target) -> Iterator[str]:
    """One line for each account with a key that cannot be redacted safely; the key is not named."""
    for role, keys in target.keys.items():
        if not all(map(can_be_struck, keys)):
            how = "is not redacted, since it is a number or a word of the protocol: reports will contain it"
        elif not all(map(is_distinctive, keys)):
            how = "is like a word: it is redacted only as a whole word, and an echo of it is not judged"
        else:
            continue
        whose = "the API key" if role == "default" else f"the key of the account {role!r}"
        yield f"{whose} {how}; use a longer one"


def _undone(found: re.Match[bytes]) -> int | None:
    """The ASCII character that an escape stands for; None if it stands for another one."""
    kind = str(found.lastgroup)
    text = found[kind]
    if kind == "char":
        return text[0]
    code = _NAMED.get(text) if kind == "name" else int(text, 10 if kind == "decimal" else 16)
    return code if code is not None and code < 128 else None


def _layers(data: bytes, most: int) -> Iterator[tuple[bytes, Sequence[int]]]:
    """A text, then with one more layer of escapes decoded each time; and where each of its bytes began in the original, and its end."""
    places: Sequence[int] = range(len(data) + 1)
    yield data, places
    for _ in range(most - 1):
        last, pieces, moved = 0, list[bytes](), array("q")
        for found in _ESCAPE.finditer(data):
            code = _undone(found)
            if code is not None:
                pieces += [data[last : found.start()], bytes([code])]
                moved.extend(places[last : found.start() + 1])
                last = found.end()
        if not pieces:
            return
        moved.extend(places[last:])
        data, places = b"".join([*pieces, data[last:]]), moved
        yield data, places


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of a secret, in lower case unless it is Base64; a `word` counts only where no letter or digit continues it.

    In Base64, up to `before` and `after` characters around it also contain bits of the secret. An `echo` shows that the secret was meant.
    """

    text: bytes
    replacement: str
    word: bool = False
    echo: bool = False
    in_base64: bool = False
    before: int = 0
    after: int = 0

    def places(self, data: bytes) -> list[tuple[int, int]]:
        """Where it occurs in a text of the same letter case: beginnings and ends."""
        found, at = list[tuple[int, int]](), data.find(self.text)
        continuing = _BASE64 if self.in_base64 else _WORD
        while at >= 0:
            end = at + len(self.text)
            before, after = continuing.match(data[max(0, at - 1) : at]), continuing.match(data[end : end + 1])
            begins, ends = continuing.match(self.text[:1]), continuing.match(self.text[-1:])
            if not self.word or not ((before and begins) or (after and ends)):
                found.append((at - (self.before if before else 0), end + (self.after if after else 0)))
            at = data.find(self.text, at + 1)
        return found


class _Forms:
    """Forms to look for in one text; the work on it hardly grows with their number."""

    def __init__(self) -> None:
        self.all = list[_Form]()
        self._short = list[_Form]()
        self._by_head: dict[tuple[bool, bytes], list[_Form]] = {}

    def add(self, form: _Form) -> None:
        self.all.append(form)
        if len(form.text) < HEAD:
            self._short.append(form)
        self._by_head.setdefault((form.in_base64, form.text[:HEAD]), []).append(form)

    def near(self, data: bytes, *, in_base64: bool) -> Iterable[_Form]:
        if len(self.all) <= FEW:
            return (form for form in self.all if form.in_base64 is in_base64)
        heads = {data[at : at + HEAD] for at in range(len(data) - HEAD + 1)}
        found = (self._by_head.get((in_base64, head), ()) for head in heads)
        return chain((form for form in self._short if form.in_base64 is in_base64), *found)


def _forms(secret: str, replacement: str) -> Iterator[_Form]:
    """All forms in which a secret is looked for; those of a short one only if they are at least as long as a word."""
    data, is_echo = secret.encode(), is_distinctive(secret)
    said: dict[str, Any] = {"replacement": replacement, "word": not is_echo, "echo": is_echo and replacement == KEY}
    texts = {data.lower(), data.lower().replace(b" ", b"+")}
    if len(data) > MOST_IN_A_NUMBER:
        texts |= {data.hex().encode(), *(data.hex(joint).encode() for joint in ":- ")}
    yield from (_Form(text, **said) for text in texts)
    if not is_echo:
        yield _Form(base64.b64encode(data).rstrip(b"="), **said, in_base64=True)
        return
    for shift in range(3):
        # The characters of the Base64 text that the bytes before and after the secret do not change.
        text, first, end = base64.b64encode(bytes(shift) + data + bytes(2)), -(-8 * shift // 6), 8 * (shift + len(data))
        yield _Form(text[first : end // 6], **said, in_base64=True, before=shift > 0, after=end % 6 > 0)


class Redactor:
    """Replaces keys by `<api-key>`, secret parts of the receiver's URL by `<receiver>`, and texts of `contexts` as they say."""

    def __init__(
        self, keys: Iterable[str], receiver: Iterable[str] = (), contexts: Iterable[tuple[str, str]] = ()
    ) -> None:
        secrets = {part: RECEIVER for part in receiver if is_distinctive(part)}
        secrets |= {key: KEY for key in keys if can_be_struck(key)}
        self._forms, self._echoes = _Forms(), _Forms()
        self._remembered = lru_cache(maxsize=MOST_REMEMBERED)(self._replaced)
        self._look_for(_Form(text.lower().encode(), shown) for text, shown in contexts)
        self._look_for(form for secret, shown in secrets.items() for form in _forms(secret, shown))

    def _look_for(self, forms: Iterable[_Form]) -> None:
        for form in forms:
            self._forms.add(form)
            if form.echo:
                self._echoes.add(form)

    def learn(self, secrets: Iterable[tuple[str, str]]) -> None:
        """Replace these secrets, too, from now on, by what is beside each."""
        self._look_for(form for secret, shown in secrets if can_be_struck(secret) for form in _forms(secret, shown))
        self._remembered.cache_clear()

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        # Most messages have the same headers.
        return self._remembered(text) if len(text) <= LONGEST_REMEMBERED else self._replaced(text)

    def _replaced(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        parts, last = list[bytes](), 0
        for start, end, shown in sorted(_found(data, self._forms), key=lambda span: (span[0], -span[1])):
            if start >= last:
                # A backslash left before a replacement would escape it.
                parts += [data[last:start].rstrip(b"\\"), shown.encode()]
            last = max(last, end)
        return b"".join([*parts, data[last:]]).decode("utf-8", "surrogatepass")

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((self.text(name), self.text(value)) for name, value in headers)

    def holds_key(self, data: bytes, layers: int = MOST_LAYERS) -> bool:
        """Whether a key was echoed in a text; this many layers are searched."""
        return next(_found(data, self._echoes, layers), None) is not None

    def places(self, headers: Iterable[tuple[str, str]], body: bytes, *, is_media: bool = False) -> tuple[str, ...]:
        """The places that contain a key: `header NAME`, `body`; the body of a medium is not unescaped."""
        lines = [(name, f"{name}\n{value}".encode("utf-8", "surrogatepass")) for name, value in headers]
        found = list[str]()
        if self.holds_key(b"\n".join(line for _, line in lines)):
            found = [f"header {self.text(name)}" for name, line in lines if self.holds_key(line)]
        return (*found, *(["body"] if self.holds_key(body, 1 if is_media else MOST_LAYERS) else []))


class Hiding(Redactor):
    """Replaces also what is a secret by its name alone, of whatever value: it need not be known before it is met."""

    @classmethod
    def each(cls, secrets: Iterable[tuple[str, str]]) -> Hiding:
        """One that replaces each of these secrets by what is beside it."""
        hiding = cls(())
        hiding.learn(secrets)
        return hiding

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        bare = self.without_keys(text)
        return _BY_NAME.sub(lambda found: f"{found[1] or found[2] or found[3]}{HIDDEN}{'@' if found[3] else ''}", bare)

    def without_keys(self, text: str) -> str:
        """The text with every secret replaced that is known."""
        return super().text(text)


def _found(data: bytes, forms: _Forms, layers: int = MOST_LAYERS) -> Iterator[tuple[int, int, str]]:
    for layer, places in _layers(data, layers) if forms.all else ():
        for text, in_base64 in ((layer.lower(), False), (layer.translate(_PLAIN_BASE64), True)):
            for form in forms.near(text, in_base64=in_base64):
                for start, end in form.places(text):
                    yield places[start], places[end], form.replacement
