"""What `serve` does when it is told to read its files again (SIGHUP)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pixazo_simulator.cli.options import settings_of

if TYPE_CHECKING:
    from pixazo_simulator.server import Simulator

log = logging.getLogger("pixazo_simulator")


def read_again(simulator: Simulator, options: Mapping[str, Any]) -> None:
    """Read the files of --script and --profile again, and log what came of it in one line; where one is wrong, nothing changes."""
    from pixazo_simulator.server import SimulatorError
    from pixazo_simulator.spec import PROFILES
    from pixazo_simulator.world import StateUnavailableError

    files = [name for name in (options.get("script"), options.get("profile")) if name and name not in PROFILES]
    if not files:
        log.warning("SIGHUP: no file to read again, since neither --script nor --profile names one")
        return
    try:
        settings = settings_of(options)
        changed = simulator.change_settings(policy=settings.policy, script=settings.script)
    except (ValueError, SimulatorError, StateUnavailableError) as error:
        log.error("SIGHUP: %s; nothing was changed", error)  # noqa: TRY400 - one line
        return
    log.info("SIGHUP: read %s again; worlds changed: %d, new ones begin with it", " and ".join(files), changed)
