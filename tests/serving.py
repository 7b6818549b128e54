"""`pixazo-sim serve` as a process that can be killed, paused, and started again on the same port with the same options."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.command import COMMAND
from tests.servers import Program, free_port

__all__ = ["ServeProcess"]


class ServeProcess(Program):
    """`with ServeProcess(folder, "--clock", "x20") as serving: ... serving.url ... serving.kill() ... serving.start()`.

    What `tests.command.Serving` cannot: start a second time, with children of its own, and show what it uses.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        port = port or free_port()
        self._ready = folder / "ready"
        command = (COMMAND, "serve", "--port", str(port), "--ready-file", str(self._ready), *options)
        super().__init__(command, folder, port)
        self.url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it, and wait for the file that it writes when it accepts connections, in all its processes."""
        self._ready.unlink(missing_ok=True)
        super().start()

    def answers(self) -> bool:
        """Whether it has written its ready line."""
        return self._ready.exists()

    @property
    def key(self) -> str:
        """The key of the ready line."""
        return self._ready.read_text(encoding="utf-8").split()[-1]

    def usage(self) -> Counter[str]:
        """The bytes of memory, the file descriptors and the threads that its processes use now."""
        used: Counter[str] = Counter()
        for place in self._processes():
            status = (place / "status").read_text()
            used["bytes"] += 1024 * int(_field(status, "VmRSS"))
            used["threads"] += int(_field(status, "Threads"))
            used["descriptors"] += sum(1 for _ in (place / "fd").iterdir())
        return used

    def _processes(self) -> list[Path]:
        """What /proc has about it and its children: all of its process group."""
        group = str(self.process.pid)
        found: list[Path] = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                if (place / "stat").read_text().rpartition(")")[2].split()[2] == group:
                    found.append(place)
        return found


def _field(status: str, name: str) -> str:
    """The number of a line of /proc/PID/status."""
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found, status
    return found[1]
