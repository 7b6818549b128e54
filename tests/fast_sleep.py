"""Runs a script in which every pause lasts a hundredth of what it says: `python fast_sleep.py SCRIPT`."""

from __future__ import annotations

import runpy
import sys
import time
from unittest.mock import patch

import anyio

RATE = 100


def main() -> None:
    """Shorten the pauses of both kinds of client, then run the script."""
    sleep, anyio_sleep = time.sleep, anyio.sleep

    def shorter(seconds: float) -> None:
        sleep(seconds / RATE)

    async def shorter_anyio(delay: float) -> None:
        await anyio_sleep(delay / RATE)

    with patch.object(time, "sleep", shorter), patch.object(anyio, "sleep", shorter_anyio):
        runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
