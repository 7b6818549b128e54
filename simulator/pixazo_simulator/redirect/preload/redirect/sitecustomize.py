"""Runs at the start of each Python process that `pixazo-sim exec` starts: redirects its connections, as redirect.cjs does in Node."""  # noqa: INP001 - a folder on PYTHONPATH

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - importing pathlib would slow down every start


def _run(spec: ModuleSpec | None) -> None:
    if spec and spec.loader:
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)


def _run_hidden_sitecustomize() -> None:
    elsewhere = [each for each in sys.path if os.path.abspath(each) != _HERE]  # noqa: PTH100 - no pathlib
    _run(PathFinder.find_spec("sitecustomize", elsewhere))


def _begin() -> None:
    """Redirect this process with a copy of the package under another name: the program may have another version installed."""
    package = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120 - no pathlib
    _run(spec_from_file_location("_pixazo_redirect", f"{package}/__init__.py", submodule_search_locations=[package]))
    import_module("_pixazo_redirect.context").begin()


_run_hidden_sitecustomize()
if sys.version_info >= (3, 11):  # noqa: UP036 - any Python may be started; an older one uses the proxy of the environment, or fails
    try:
        _begin()
    except BaseException as error:  # noqa: BLE001 - `site` would print it and continue, and the program would reach the vendor
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(
            f"pixazo-sim: this Python cannot be redirected to the simulator ({reason}): keep the PIXAZO_REDIRECT_ variables\n"
        )
        sys.stderr.flush()
        os._exit(1)
