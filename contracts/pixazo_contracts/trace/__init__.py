"""What one run observed: its target, exchanges and callbacks, and questions about them."""

from pixazo_html import encode_json as encode_json
from pixazo_html import visible as visible

from .exchange import *
from .settings import *
from .target import *
from .trace import *
