"""Config file, environment variables, flags, in that order of strength; and all of them are in the docs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sqlagent.base.errors import UsageError
from sqlagent.ui import cli, settings
from sqlagent.ui.formats import FORMATS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    monkeypatch.delenv("SQLAGENT_OFFLINE", raising=False)


def test_a_flag_is_stronger_than_a_variable_and_that_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.parse(["ask", "x.db", "Who?"]).effort == "normal"
    settings.path().write_text('effort = "high"\nlimit = 7\noffline = true\ntimeout = 2\n')
    args = cli.parse(["ask", "x.db", "Who?"])
    assert (args.effort, args.limit, args.offline, args.timeout) == ("high", 7, True, 2.0)
    monkeypatch.setenv("SQLAGENT_EFFORT", "fast")
    monkeypatch.setenv("SQLAGENT_OFFLINE", "")
    args = cli.parse(["ask", "x.db", "Who?"])
    assert (args.effort, args.offline) == ("fast", False)
    args = cli.parse(["ask", "x.db", "Who?", "--effort", "normal", "--limit", "0"])
    assert (args.effort, args.limit) == ("normal", 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("efort = 'high'", "did you mean effort"),
        ("effort = 'most'", "one of fast, normal, high"),
        ("limit = -1", "a whole number"),
        ("pager = 'perhaps'", "true or false"),
        ("timeout = 0", "seconds above 0"),
        ("effort = ['high']", "effort is one of"),
        ("effort", "is no TOML"),
    ],
)
def test_what_the_file_says_wrongly_is_a_sentence_that_names_it(text: str, words: str) -> None:
    settings.path().write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        cli.parse(["ask", "x.db", "Who?"])
    assert "config.toml" in str(caught.value)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_LIMIT", "many")
    with pytest.raises(UsageError, match="SQLAGENT_LIMIT: limit cannot be 'many'"):
        cli.parse(["ask", "x.db", "Who?"])


def test_the_default_file_sets_nothing_and_without_its_marks_what_is_the_default() -> None:
    text = settings.default_file()
    assert tomllib.loads(text) == {}
    plain = "\n".join(line[2:] for line in text.splitlines() if " = " in line)
    settings.path().write_text(plain)
    found = settings.from_file()
    assert set(found) == set(settings.BY_NAME)
    for setting in settings.SETTINGS:
        assert setting.default is None or found[setting.name] == setting.default


def test_every_setting_has_a_default_that_it_accepts_and_the_formats_are_those_that_there_are() -> None:
    assert tuple(FORMATS) == settings.FORMATS
    for setting in settings.SETTINGS:
        if setting.default is not None:
            assert setting.read(str(setting.default), "here") == setting.default
