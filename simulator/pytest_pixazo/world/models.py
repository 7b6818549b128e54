"""The operations of the model files that the ini file names."""

from __future__ import annotations

import pytest

from pixazo_simulator.spec import Operation

_MODELS: pytest.StashKey[tuple[Operation, ...]] = pytest.StashKey()


def models_of(config: pytest.Config) -> tuple[Operation, ...]:
    """The operations of the ini setting `pixazo_models`; files are relative to the root folder. Raises ValueError with the remedy."""
    if _MODELS not in config.stash:
        from pixazo_simulator.server import read_models
        from pixazo_simulator.spec import FORMS

        names: list[str] = config.getini("pixazo_models")
        try:
            config.stash[_MODELS] = read_models(
                str(config.rootpath / each) if each.endswith(tuple(FORMS)) else each for each in names
            )
        except ValueError as error:
            raise ValueError(f"ini setting pixazo_models: {error}") from None
    return config.stash[_MODELS]
