"""Traffic of apps: a proxy for it, recordings of other tools, what it is evidence for, and what it shows about a gateway."""

from .bodies import read_body
from .classify import Classified, classify
from .har import load_traffic, read_har, write_har
from .profile import POINTS, find, write_profile
from .proxy import Proxy, ProxyOptions
from .tape import Tape

__all__ = [
    "POINTS", "Classified", "Proxy", "ProxyOptions", "Tape", "classify", "find", "load_traffic", "read_body", "read_har", "write_har", "write_profile",
]  # fmt: skip
