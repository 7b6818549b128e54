"""Operations of model files in tests: the ini setting, rules, the journal, usage checks and coverage."""

from __future__ import annotations

from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"
TEST = """
def test_it(pixazo, pixazo_client):
    pixazo.when("sounds/generate").reply(429, times=1)
    path, body = "/sounds/v1/generate", {"input": {"prompt": "A bell"}, "temp": 1}
    handle = pixazo_client.submit(path, body)
    assert handle.wait().model_id == "sounds"
    pixazo.assert_called("sounds/generate", times=2)
    assert [each.operation for each in pixazo.journal.submits] == ["sounds/generate"] * 2
    assert pixazo.explain("POST", path, body=body).exchange.operation == "sounds/generate"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a model file of its own."""
    pytester.path.joinpath("sounds.toml").write_text((MODELS / "sounds.toml").read_text())
    pytester.makepyfile(test_app=TEST)
    pytester.makeini("[pytest]\npixazo_models = sounds.toml\npixazo_cov_omit = imageToVideo:* voices/speak:*")
    return pytester


def test_a_project_tests_its_calls_of_another_model(project: pytest.Pytester) -> None:
    """Rules, journal, conduct and coverage name the operation; what is omitted does not count."""
    result = project.runpytest("-p", "no:cacheprovider", "--pixazo-cov", "--pixazo-conduct=report")
    result.assert_outcomes(passed=1)
    output = result.stdout.str()
    assert "temp is not a parameter of this operation" in output
    result.stdout.fnmatch_lines(["*sounds/generate*2 of 7*missing: 400 401 402 403 500"])
    assert "photos/make:202" in output
    assert "voices/speak:202" not in output


def test_a_file_that_is_not_there_is_named(project: pytest.Pytester) -> None:
    """With the setting that names it."""
    project.makeini("[pytest]\npixazo_models = other.toml")
    result = project.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*ini setting pixazo_models: model *other.toml cannot be read: No such file or directory*"]
    )
