"""What the vendor's page specifies: endpoints, parameters, policy, errors, responses, lifecycle; and the redaction of secrets."""

from .decoding import *  # noqa: F403
from .endpoints import *  # noqa: F403
from .errors import *  # noqa: F403
from .formats import *  # noqa: F403
from .images import *  # noqa: F403
from .lifecycle import *  # noqa: F403
from .operations import *  # noqa: F403
from .parameters import *  # noqa: F403
from .policy import *  # noqa: F403
from .redaction import *  # noqa: F403
from .responses import *  # noqa: F403
from .text import *  # noqa: F403
