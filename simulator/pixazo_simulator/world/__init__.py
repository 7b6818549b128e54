"""Everything that one API key can see, computed from commands and the current instant."""

from .account import *  # noqa: F403
from .admission import *  # noqa: F403
from .clock import *  # noqa: F403
from .commands import *  # noqa: F403
from .deliveries import *  # noqa: F403
from .generations import *  # noqa: F403
from .journal import *  # noqa: F403
from .part import *  # noqa: F403
from .registry import *  # noqa: F403
from .world import *  # noqa: F403
