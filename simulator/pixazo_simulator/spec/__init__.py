"""What the vendor's page specifies: endpoints, parameters, policy, errors, responses, lifecycle; and the redaction of secrets."""

from .decoding import *
from .endpoints import *
from .errors import *
from .formats import *
from .images import *
from .lifecycle import *
from .operations import *
from .parameters import *
from .policy import *
from .redaction import *
from .responses import *
from .text import *
