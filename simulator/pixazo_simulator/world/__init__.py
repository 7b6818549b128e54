"""Everything that one API key can see, computed from commands and the current instant."""

from .account import *
from .admission import *
from .clock import *
from .commands import *
from .deliveries import *
from .generations import *
from .journal import *
from .part import *
from .registry import *
from .world import *
