"""One download under way: what has come, and whether that is right."""

from __future__ import annotations

import re
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from ._body import BodyError, Coding
from ._errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from os import PathLike


class Transfer:
    """One attempt: decodes and counts its bytes, and knows its file. Every method raises DownloadError when something is wrong."""

    __slots__ = ("_coding", "_dest", "_done", "_expected", "_max_bytes", "_on_progress", "_part", "_target", "_url")

    def __init__(
        self,
        url: str,
        dest: str | PathLike[str],
        on_progress: Callable[[int, int | None], object] | None,
        max_bytes: int | None,
    ) -> None:
        self._url = url
        self._dest = Path(dest)
        self._on_progress = on_progress
        self._max_bytes = max_bytes
        self._done = 0
        self._expected: int | None = None
        self._coding: Coding | None = None
        self._part: Path | None = None
        self._target = self._dest

    def place(self) -> None:
        """Choose the file to write, before anything is fetched: dest, or in the folder dest one named like the URL's last segment."""
        with self.writing(self._dest):
            if self._dest.is_dir():
                self._target = self._dest / self._name()
        with self.writing(self._target), suppress(FileNotFoundError):
            mode = self._target.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):  # such as a device
                raise self._error(f"cannot be written to {self._target}: it is no regular file: give another dest")

    def begin(self, headers: Mapping[str, str], *, decoded: bool) -> None:
        """The answer's headers came; decoded tells whether what follows has no Content-Encoding any more."""
        length = headers.get("Content-Length", "")
        # The length of an encoded body is not that of the file; the HTTP library checks it on the wire.
        plain = "Content-Encoding" not in headers
        self._expected = int(length) if plain and re.fullmatch("[0-9]{1,18}", length) else None
        self._limit(self._expected or 0)
        if not decoded:
            with self._decoding():
                self._coding = Coding.of(headers)

    def create(self) -> BinaryIO:
        """A new file beside the target, empty and ours alone: no link is followed, no other's file is written to."""
        part = self._target.with_name(self._target.name + ".part")
        with self.writing(part):
            try:
                file = part.open("xb")
            except FileExistsError:  # of another download, perhaps one that was killed
                part = self._target.with_name(f"{self._target.name}.{secrets.token_hex(4)}.part")
                file = part.open("xb")
        self._part = part
        return file

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What is to be written of the data that came."""
        with self._decoding():
            for piece in (data,) if self._coding is None else self._coding.decode(data):
                self._received(len(piece))
                yield piece

    def finish(self) -> None:
        """The body ended."""
        if self._coding is not None:
            with self._decoding():
                self._coding.finish()
        if self._expected is not None and self._done != self._expected:
            raise self._error(f"ended after {self._done} of {self._expected} bytes: download it again")

    def commit(self) -> Path:
        """Give the whole file its name, in place of what is there; a link there is replaced, not its target."""
        if self._part is not None:
            with self.writing(self._target):
                self._part.replace(self._target)
            self._part = None
        return self._target

    def discard(self) -> None:
        """Remove what was created and not committed."""
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    @contextmanager
    def writing(self, path: Path | None = None) -> Generator[None]:
        """A block that writes, or renames to, path; by default what `create` made."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            shown = path or self._part
            raise self._error(f"cannot be written to {shown}: {reason}: give another dest or make room") from error

    @contextmanager
    def _decoding(self) -> Generator[None]:
        try:
            yield
        except BodyError as error:
            raise self._error(f"{error}: its host is at fault") from error

    def _name(self) -> str:
        name = Path(unquote(urlsplit(self._url).path)).name
        if not name or name.startswith(".") or "\\" in name or not name.isprintable():
            raise self._error(f"has no file name for the folder {self._dest}: give a file as dest")
        return name

    def _received(self, size: int) -> None:
        self._done += size
        self._limit(self._done)
        if self._on_progress is not None:
            self._on_progress(self._done, self._expected)

    def _limit(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            raise self._error(f"has more than max_bytes={self._max_bytes}: raise the limit to accept it")

    def _error(self, problem: str) -> DownloadError:
        return DownloadError(f"{shown_url(self._url)} {problem}", url=self._url)


def shown_url(url: str) -> str:
    """The URL without its query, which may be a signature."""
    return url.partition("?")[0]
