"""Runs in each Python process that `pixazo-sim exec` starts, before the program: leads its connections as door.cjs does in Node."""  # noqa: INP001 - found by its folder

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - every start is slower by what is imported here


def _run(spec: ModuleSpec | None) -> None:
    if spec and spec.loader:
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)


def _run_the_one_this_hides() -> None:
    elsewhere = [each for each in sys.path if os.path.abspath(each) != _HERE]  # noqa: PTH100 - as above
    _run(PathFinder.find_spec("sitecustomize", elsewhere))


def _begin() -> None:
    """Under another name: the program may have this package installed, in another version."""
    package = os.path.dirname(_HERE)  # noqa: PTH120 - as above
    _run(spec_from_file_location("_pixazo_redirect", f"{package}/__init__.py", submodule_search_locations=[package]))
    import_module("_pixazo_redirect.child").begin()


def _begin_or_end() -> None:
    """Whatever `site` is told in an exception, it prints and goes on: the program would run and reach the vendor."""
    try:
        _begin()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the program must not run
        told = f"{type(error).__name__}: {error}"
        sys.stderr.write(
            f"pixazo-sim: this Python cannot be led to the simulator ({told}): keep the PIXAZO_DOOR_ variables\n"
        )
        sys.stderr.flush()
        os._exit(1)


_run_the_one_this_hides()
if sys.version_info >= (3, 11):  # noqa: UP036 - any Python may be started; an older one heeds what the environment says, or fails
    _begin_or_end()
