"""Which values of the simulator's policy traffic shows, as a profile for `pixazo-sim serve --profile FILE`."""

from .observed import POINTS, find, write_profile

__all__ = ["POINTS", "find", "write_profile"]
