"""A body as it arrives: its Content-Encoding undone in bounded steps, and of a reply never more than a few MiB."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


MOST_REPLY = 4 * 1024 * 1024
"""Bytes of a decoded reply at most; the longest that the page prints has less than one KiB."""

PIECE = 256 * 1024
"""Bytes that one step of decoding gives at most: compressed data can grow a thousandfold."""

_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


class BodyError(Exception):
    """A body that is not taken; the message says what it has or does."""


class Coding:
    """Undoes the Content-Encoding of one body, or raises BodyError. We ask for none, but some hosts compress all the same."""

    __slots__ = ("_inflate", "_name")

    def __init__(self, name: str) -> None:
        self._name = name.strip().lower()
        if self._name in {"identity", ""}:
            self._inflate = None
        elif self._name in {"gzip", "x-gzip", "deflate"}:
            self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP)
        else:
            raise BodyError(f"has the Content-Encoding {self._name[:100]!r}, which was not asked for")

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Coding | None:
        """What a body with these headers needs; None if nothing."""
        name = headers.get("Content-Encoding")
        return None if name is None else cls(name)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """The data decoded, in pieces of bounded size."""
        if self._inflate is None:
            yield data
            return
        try:
            while data:
                yield self._inflate.decompress(data, PIECE)
                data = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise BodyError(f"is not the {self._name} data that its Content-Encoding promises") from error

    def finish(self) -> None:
        """The data ended."""
        if self._inflate is not None and not self._inflate.eof:
            raise BodyError(f"ends in the middle of its {self._name} data")


class Body:
    """The body of one reply.

    Attributes:
        problem: what is wrong with it, None if nothing is; then `content` is all that was taken before.
    """

    __slots__ = ("_coding", "_pieces", "_size", "problem")

    def __init__(self, headers: Mapping[str, str], *, decoded: bool) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.problem: str | None = None
        self._coding: Coding | None = None
        try:
            self._coding = None if decoded else Coding.of(headers)
        except BodyError as error:
            self.problem = str(error)

    @property
    def content(self) -> bytes:
        """What was taken, at most MOST_REPLY bytes."""
        return b"".join(self._pieces)[:MOST_REPLY]

    def take(self, data: bytes) -> bool:
        """Take what came; is more wanted?"""
        if self.problem is not None:
            return False
        try:
            for piece in (data,) if self._coding is None else self._coding.decode(data):
                self._pieces.append(piece)
                self._size += len(piece)
                if self._size > MOST_REPLY:
                    self.problem = f"has more than {MOST_REPLY} bytes"
                    break
        except BodyError as error:
            self.problem = str(error)
        return self.problem is None

    def end(self) -> None:
        """All came."""
        try:
            if self._coding is not None:
                self._coding.finish()
        except BodyError as error:
            self.problem = str(error)
