"""The container image without containers: what its Dockerfile says, and processes that run as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.command import COMMAND, environment, run_process, started

__all__ = ["ROOT", "Image"]

ROOT = Path(__file__).parents[2]
_READ_ONLY = """
import os, sys

def refuse(event, arguments):
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and arguments[0] != os.devnull
    if (writes and not isinstance(arguments[0], int)) or event in ("os.mkdir", "os.rename", "os.remove", "os.chmod"):
        raise OSError(30, "Read-only file system", arguments[0])

sys.addaudithook(refuse)
"""
"""What each Python process begins with: nothing can be written, as in a container with --read-only."""


class Image:
    """The instructions of the last stage, and its processes, each in a folder with the entry point, the only one where nothing may be written."""

    def __init__(self, folder: Path) -> None:
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
        self.instructions: list[tuple[str, str]] = re.findall(r"^([A-Z]+) (.*)", text, re.MULTILINE)
        self._folder = folder
        (folder / "sitecustomize.py").write_text(_READ_ONLY, encoding="utf-8")
        (folder / "entrypoint").symlink_to(ROOT / "tools" / "entrypoint.sh")

    def of(self, name: str) -> str:
        """The arguments of the last such instruction, on one line."""
        return [text for each, text in self.instructions if each == name][-1]

    def variables(self, **variables: str) -> dict[str, str]:
        """The environment of a process: that of the image, with these."""
        of_image = dict(each.split("=", 1) for each in shlex.split(self.of("ENV")))
        path = os.pathsep.join([str(self._folder), str(Path(COMMAND).parent), os.environ["PATH"]])
        return environment(**{**of_image, "PATH": path, "PYTHONPATH": str(self._folder), **variables})

    def run(self, arguments: Sequence[str] = (), **variables: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """`docker run --read-only -e VARIABLE=VALUE IMAGE ARGUMENTS`."""
        entry: list[str] = json.loads(self.of("ENTRYPOINT"))
        # The program is looked up here, in the PATH of the image.
        command = (str(self._folder / entry[0]), *entry[1:], *arguments)
        return started(*command, cwd=self._folder, env=self.variables(**variables))

    def is_healthy(self, **variables: str) -> bool:
        """What the health check says of a container with these variables."""
        command = self.of("HEALTHCHECK").partition("CMD ")[2]
        return run_process("sh", "-c", command, cwd=self._folder, env=self.variables(**variables)).returncode == 0
