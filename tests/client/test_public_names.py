"""The public names of pixazo_client."""

from __future__ import annotations

import inspect
from importlib import resources

import pytest
from tests.command import python

import pixazo_client
from pixazo_client import AsyncPixazoClient, AsyncRequestHandle, PixazoClient, RequestHandle


def test_the_public_names_are_listed_and_sorted() -> None:
    """The package has exactly the names of its __all__."""
    # pytest adds names that are no identifiers to modules whose assertions it rewrites.
    names = [name for name in vars(pixazo_client) if name.isidentifier() and not name.startswith("_")]
    assert sorted(names) == pixazo_client.__all__


def test_the_package_says_that_it_is_typed() -> None:
    """PEP 561."""
    assert (resources.files(pixazo_client) / "py.typed").is_file()


@pytest.mark.parametrize(
    ("blocking", "asynchronous"), [(PixazoClient, AsyncPixazoClient), (RequestHandle, AsyncRequestHandle)]
)
def test_both_kinds_have_the_same_names_and_parameters(blocking: type, asynchronous: type) -> None:
    """Except that close is aclose."""

    def parameters(kind: type) -> dict[str, list[tuple[str, object, object]]]:
        return {
            "close" if name == "aclose" else name: [
                (one.name, one.kind, one.default) for one in inspect.signature(member).parameters.values()
            ]
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert parameters(blocking) == parameters(asynchronous)


@pytest.mark.slow
def test_httpx_is_not_imported_unless_used() -> None:
    """httpx is an optional package."""
    code = "import sys, pixazo_client; pixazo_client.PixazoClient(api_key='k').close(); print('httpx' in sys.modules)"
    assert python(code) == "False\n"
