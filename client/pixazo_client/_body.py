"""Bodies as they arrive, decoded in bounded steps; a download writes its own to a file.

No compression is requested, but some servers compress all the same. The HTTP library would decode a whole network read at
once, and 64 KiB of gzip can expand to 64 MiB.
"""

from __future__ import annotations

import errno
import re
import secrets
import stat
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import PathLike, fspath, sep
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from ._errors import DownloadError

PIECE = 256 * 1024
"""Bytes that one step of decoding returns at most."""

_PATH = re.compile(r"\A[^:/?#]*://[^/?#]*|[?#].*", re.DOTALL)
"""What of a URL is not its path (RFC 3986, appendix B)."""
_REMEDIES = {errno.ENOENT: "create the folder or ", errno.ENOSPC: "make room or ", errno.EDQUOT: "make room or "}
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
_DECODED = {"gzip", "x-gzip", "deflate"}
# What the IANA registers; any other word, such as "utf-8" or a storage's "aws-chunked", says nothing about the bytes.
_CODINGS = _DECODED | {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}


class BodyError(Exception):
    """A body cannot be decoded; the message continues a sentence that begins with what the body is of."""


class Decoder:
    """Decodes the Content-Encoding of one body, unless the HTTP library has. Raises BodyError for one that is not supported."""

    def __init__(self, headers: Mapping[str, str], *, decoded: bool = False) -> None:
        name = "" if decoded else headers.get("Content-Encoding", "")
        words = [word.strip() for word in name.lower().split(",")]
        codings = [word for word in words if word in _CODINGS]
        self._name = ", ".join(codings)[:100]
        if len(codings) > 1 or not _DECODED.issuperset(codings):
            raise BodyError(f"has the Content-Encoding {self._name!r}, which was not asked for")
        self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP) if codings else None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """The decoded data, in pieces of bounded size. Raises BodyError for data that is not in this encoding."""
        if self._inflate is None:
            yield data
            return
        try:
            while data:
                if self._inflate.eof:  # of one member, which more may follow (RFC 1952, 2.2), or padding
                    if not (data := data.lstrip(b"\0")):
                        return
                    self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP)
                yield self._inflate.decompress(data, PIECE)
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
        except zlib.error as error:
            raise BodyError(f"is not the {self._name} data that its Content-Encoding promises") from error

    def finish(self) -> None:
        """Raise BodyError unless the data was complete."""
        if self._inflate is not None and not self._inflate.eof:
            raise BodyError(f"ends in the middle of its {self._name} data")


@dataclass(eq=False, repr=False)  # the URL may hold a signature, which reporters of errors would show
class Download:
    """One attempt to download one file. Every method raises DownloadError if the file cannot be had or written."""

    url: str
    dest: str | PathLike[str]
    name: str | None
    """The name of the file in a folder, without its suffix; None for the name in the URL."""
    on_progress: Callable[[int, int | None], object] | None
    max_bytes: int | None
    done: int = 0
    """Bytes of the file so far."""
    expected: int | None = None
    """Bytes of the whole file, if they are known."""
    _decoder: Decoder = field(init=False)
    _target: Path = field(init=False)
    _part: Path | None = None
    _file: BinaryIO | None = None

    def place(self) -> None:
        """Choose the file to write before anything is fetched: dest, or in the folder dest a file of its own name, or of that in the URL."""
        self._target = dest = Path(self.dest)
        with self._writing(dest):
            if dest.is_dir():
                self._target = dest / self._file_name()
            elif fspath(self.dest).endswith(("/", sep)):
                raise self._error(f"cannot be written to {dest}, which is not a folder: create it")
        with self._writing(self._target), suppress(FileNotFoundError):
            mode = self._target.lstat().st_mode
            # To rename a file over a device or a FIFO would destroy what other programs use.
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise self._error(f"cannot be written to {self._target}: it is not a regular file: give another dest")

    def begin(self, headers: Mapping[str, str], *, decoded: bool) -> None:
        """Read the headers of the response; `decoded` says whether the library has decoded its body already."""
        length = headers.get("Content-Length", "")
        # The length of an encoded body is not that of the file; the HTTP library checks it on the wire. A chunked body has none.
        plain = "Content-Encoding" not in headers and "Transfer-Encoding" not in headers
        self.expected = int(length) if plain and re.fullmatch("[0-9]{1,18}", length) else None
        self._limit(self.expected or 0)
        with self._decoding():
            self._decoder = Decoder(headers, decoded=decoded)

    def create(self) -> None:
        """Create an empty file beside the target. Mode "x" follows no link and opens no file of another download."""
        part = self._target.with_name(self._target.name + ".part")
        with self._writing(part):
            try:
                self._file = part.open("xb")
            except FileExistsError:  # of another download, perhaps of a process that was killed
                part = self._target.with_name(f"{self._target.name}.{secrets.token_hex(4)}.part")
                self._file = part.open("xb")
        self._part = part

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What to write of the data that arrived."""
        with self._decoding():
            for piece in self._decoder.decode(data):
                self.done += len(piece)
                self._limit(self.done)
                yield piece

    def write(self, piece: bytes) -> None:
        with self._writing():
            if self._file is not None:
                self._file.write(piece)

    def finish(self) -> Path:
        """Check that the file is complete, and rename it to the target, replacing a file or a link of that name."""
        self._close()
        with self._decoding():
            self._decoder.finish()
        if self.expected is not None and self.done != self.expected:
            raise self._error(f"ended after {self.done} of {self.expected} bytes: download it again")
        if self._part is not None:
            with self._writing(self._target):
                self._part.replace(self._target)
            self._part = None
        return self._target

    def discard(self) -> None:
        """Remove the file unless it was finished."""
        with suppress(DownloadError):
            self._close()
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        with self._writing():
            if self._file is not None:
                self._file.close()

    @contextmanager
    def _writing(self, path: Path | None = None) -> Generator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            shown = path or self._part
            remedy = _REMEDIES.get(error.errno or 0, "")
            raise self._error(f"cannot be written to {shown}: {reason}: {remedy}give another dest") from error

    @contextmanager
    def _decoding(self) -> Generator[None]:
        try:
            yield
        except BodyError as error:
            raise self._error(f"{error}: its host is at fault") from error

    def _file_name(self) -> str:
        path = unquote(_PATH.sub("", self.url))
        named = Path(path).name
        name = named if self.name is None else self.name + Path(named).suffix
        if not name or name.startswith(".") or "\\" in name or not name.isprintable():
            raise self._error(f"has no file name for the folder {Path(self.dest)}: give a file as dest")
        return name

    def _limit(self, size: int) -> None:
        if self.max_bytes is not None and size > self.max_bytes:
            raise self._error(f"has more than max_bytes={self.max_bytes}: raise the limit to accept it")

    def _error(self, problem: str) -> DownloadError:
        return DownloadError(f"{shown_url(self.url)} {problem}", url=self.url)


def shown_url(url: str) -> str:
    """The URL without its query and fragment, which may hold a signature, and without user and password."""
    return re.sub(r"\A((?:[^:/?#]*:)?//)?[^/?#]*@", r"\1", re.split("[?#]", url, maxsplit=1)[0])
