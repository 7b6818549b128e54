"""One download under way: what has come, and whether that is right."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ._errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from os import PathLike

__all__ = ["Transfer", "shown_url"]


class Transfer:
    """Counts the bytes of one attempt; every method raises DownloadError when something is wrong."""

    __slots__ = ("_dest", "_done", "_expected", "_max_bytes", "_on_progress", "_url")

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

    def target(self) -> Path:
        """The file to write: dest, or in the folder dest a file named like the URL's last segment. Looks at the disk."""
        if not self._dest.is_dir():
            return self._dest
        name = Path(unquote(urlsplit(self._url).path)).name
        if not name or name == ".." or "\\" in name or not name.isprintable():
            raise self._error(f"has no file name for the folder {self._dest}: give a file as dest")
        return self._dest / name

    def begin(self, headers: Mapping[str, str]) -> None:
        """The answer's headers came."""
        length = headers.get("Content-Length", "")
        # The length of an encoded body is not that of the file; the HTTP library checks it on the wire.
        plain = "Content-Encoding" not in headers
        self._expected = int(length) if plain and re.fullmatch("[0-9]{1,18}", length) else None
        self._limit(self._expected or 0)

    def received(self, size: int) -> None:
        """So many more bytes came, about to be written."""
        self._done += size
        self._limit(self._done)
        if self._on_progress is not None:
            self._on_progress(self._done, self._expected)

    def finish(self) -> None:
        """The body ended."""
        if self._expected is not None and self._done != self._expected:
            raise self._error(f"ended after {self._done} of {self._expected} bytes: download it again")

    @contextmanager
    def writing(self, path: Path) -> Generator[None]:
        """A block that writes, or renames to, path."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self._error(f"cannot be written to {path}: {reason}: give another dest or make room") from error

    def _limit(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            raise self._error(f"has more than max_bytes={self._max_bytes}: raise the limit to accept it")

    def _error(self, problem: str) -> DownloadError:
        return DownloadError(f"{shown_url(self._url)} {problem}", url=self._url)


def shown_url(url: str) -> str:
    """The URL without its query, which may be a signature."""
    return url.partition("?")[0]
