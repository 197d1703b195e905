"""Environments of the lines: what is asked for, and what is said when a line cannot be run here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from celery_conformance.versions import environments
from celery_conformance.versions.environments import MissingPythonError
from celery_conformance.versions.lines import Line

LINE = Line("4.3", "4.3.1", "3.7", ("kombu==4.6.11",), "3.11")


def pythons(monkeypatch: pytest.MonkeyPatch, *known: str) -> None:
    """As if these Pythons alone were installed."""
    monkeypatch.setattr(environments, "find_python", lambda version: Path(version) if version in known else None)


def test_a_line_runs_on_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is there, nothing needs to be given back to the standard library."""
    pythons(monkeypatch, "3.7", "3.11")
    assert environments.python_for(LINE) == (Path("3.7"), False)


def test_a_line_runs_on_the_other_python_with_the_shim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newer Python lacks what the line imports."""
    pythons(monkeypatch, "3.11")
    assert environments.python_for(LINE) == (Path("3.11"), True)


def test_a_line_without_a_python_is_left_out_and_says_which_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are still provided."""
    pythons(monkeypatch)
    with pytest.raises(MissingPythonError, match=r"Celery 4\.3 is left out: it needs Python 3\.7 or 3\.11"):
        environments.python_for(LINE)
    assert [type(one) for one in environments.provide_all([LINE])] == [str]


def test_an_environment_made_for_other_packages_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stamp says what it was made with; a changed pin makes it anew."""
    monkeypatch.setattr(environments, "cache", lambda: tmp_path)
    assert environments.ready(LINE) is None
    (tmp_path / "4.3.1").mkdir()
    stamp = {"requirements": LINE.requirements, "versions": {"celery": "4.3.1"}}
    (tmp_path / "4.3.1" / "celery-wire.ready").write_text(json.dumps(stamp))
    found = environments.ready(LINE)
    assert found is not None
    assert found.versions == {"celery": "4.3.1"}
    assert environments.ready(Line("4.3", "4.3.1", "3.7", ("kombu==4.6.10",))) is None


def test_an_environment_that_lacks_new_packages_alone_gets_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is installed again; an environment that has another release of a package is made anew."""
    ran: list[list[str]] = []
    made: list[Line] = []
    monkeypatch.setattr(environments, "cache", lambda: tmp_path)
    monkeypatch.setattr(environments, "_run", lambda command, _: ran.append(command))
    monkeypatch.setattr(environments, "_versions", lambda _: {"celery": "4.3.1"})
    monkeypatch.setattr(environments, "_make", made.append)
    (tmp_path / "4.3.1").mkdir()
    stamp = tmp_path / "4.3.1" / "celery-wire.ready"
    stamp.write_text(json.dumps({"requirements": LINE.requirements, "versions": {}}))
    more = Line("4.3", "4.3.1", "3.7", (*LINE.pins, "SQLAlchemy==1.3.24"), "3.11")
    environments.provide(more)
    assert [command[-1] for command in ran] == ["SQLAlchemy==1.3.24"]
    assert environments.ready(more) is not None
    assert made == []
    environments.provide(Line("4.3", "4.3.1", "3.7", ("kombu==4.6.10", "SQLAlchemy==1.3.24")))
    assert len(made) == 1
