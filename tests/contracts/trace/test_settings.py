"""Profile and expectation files in TOML, JSON and YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixazo_contracts.judge.evaluation import read_expectations
from pixazo_contracts.trace import ConfigurationError, read_profile

WRITTEN = {
    "p.toml": "paid = true\npace = 2.5\naccounts = { default = 'k1', other = ['k2', 'k3'] }\n[ceilings]\nrun = 3\n",
    "p.json": '{"$schema": "x", "paid": true, "pace": 2.5, "accounts": {"default": "k1", "other": ["k2", "k3"]}, "ceilings": {"run": 3}}',
    "p.yaml": "# of the nightly run\npaid: true\npace: 2.5\naccounts:\n  default: k1\n  other: [k2, k3]\nceilings: {run: 3}\n",
    "upper.YML": "{paid: True, pace: 2.5e0, accounts: {default: k1, other: [k2, k3]}, ceilings: {run: 3}}",
}


def test_a_profile_means_the_same_in_every_form(tmp_path: Path) -> None:
    """The end of its name says which it is."""
    for name, text in WRITTEN.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = [read_profile(tmp_path / name) for name in WRITTEN]
    assert found[0].keys() == {"default": ("k1",), "other": ("k2", "k3")}
    assert found == found[:1] * 4


def test_expectations_too(tmp_path: Path) -> None:
    """`off` and a date are texts in YAML, of which the date is read as one."""
    file = tmp_path / "expect.yaml"
    file.write_text(
        "expect:\n- clause: STATUS-07\n  outcome: FAIL\n  reason: off\n  expires: 2026-12-31\n", encoding="utf-8"
    )
    (found,) = read_expectations(file)
    assert (found.reason, found.expires.isoformat()) == ("off", "2026-12-31")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("paid: true\npaid: false", "a key is defined twice in one mapping (at line 1): write a YAML file"),
        ("paid: yes", "Expected `bool`, got `str` - at `$.paid`"),
        ("accounts:\n\tdefault: k", "found character '\\t' that cannot start any token (at line 2): write a YAML file"),
        ("accounts:\n  default: *secret-key", "an alias without its anchor, or several documents (at line 2): write a YAML file"),
        ("paid: true\n---\npaid: true", "an alias without its anchor, or several documents (at line 2): write a YAML file"),
        ("paid: !!python/name:os.system", "a tag for a type that JSON does not have (at line 1): write a YAML file"),
        ("- paid", "it is not a table of settings: write a YAML file with one"),
        ("a: " + "[" * 700, "it is nested too deeply: write a flat YAML file"),
        ("? [secret-key]\n: 1", "a key that is a list or mapping (at line 1): write a YAML file"),
        ("payed: true", "unknown setting 'payed': did you mean 'paid'?"),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_wrong_yaml_file_is_refused_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    """It names the line, and shows no value: that may be a key."""
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read_profile(file)
    assert str(raised.value) == f"profile {file}: {problem}"
