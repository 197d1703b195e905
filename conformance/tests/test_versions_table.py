"""The truth table is what the committed captures say: no cell without a capture, and no capture without its line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources
from celery_conformance.specification import records
from celery_conformance.versions import (
    captures,
    changes,
    difference,
    lines,
    questions,
    results,
    table,
    templates,
    windows,
)
from celery_conformance.versions.captures import Capture
from celery_conformance.versions.lines import Line
from celery_conformance.versions.questions import Row

FOLDER = lines.folder()
TABLE: dict[str, Any] = json.loads((FOLDER / results.TABLE).read_text(encoding="utf-8"))
CELLS = [
    (row, broker, line, cell)
    for row in TABLE["rows"]
    for broker, cells in row["cells"].items()
    for line, cell in cells.items()
]
WANTED_LINES = ["4.0", "4.1", "4.2", "4.3", "4.4", "5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7"]
ROW = Row("id", "the id", "task-v2", "messages", "plain", "/messages/0/message/headers/id", brokers=("redis",))


def test_the_committed_files_are_what_the_captures_say() -> None:
    """Table, page and windows, written from the captures today, are the committed ones letter by letter."""
    assert results.stale() == []


def test_every_line_is_in_the_table_and_no_cell_is_missing() -> None:
    """All thirteen lines and every later one answer every row on each of its brokers."""
    assert list(TABLE["lines"])[: len(WANTED_LINES)] == WANTED_LINES
    missing = [
        f"{row['id']} {broker} {line}"
        for row in TABLE["rows"]
        for broker, cells in row["cells"].items()
        for line in TABLE["lines"]
        if line not in cells
    ]
    assert missing == []


def test_every_cell_leads_to_an_entry_of_a_capture_of_that_release() -> None:
    """The place that a cell names exists, and the capture says that it was taken from that very release."""
    for row, broker, line, (_, release) in CELLS:
        file, _, place = row["capture"].format(release=release, broker=broker).partition("#/entries/")
        capture = captures.read(FOLDER / file)
        assert place in capture.entries, f"{row['id']} {line}"
        assert capture.versions["celery"] == capture.release == release == TABLE["lines"][line]


def test_at_least_sixty_rows_differ() -> None:
    """A row counts once, and only when two lines gave different answers on the same broker."""
    differing = {
        row["id"] for row in TABLE["rows"] if any(len({v for v, _ in c.values()}) > 1 for c in row["cells"].values())
    }
    assert len(differing) >= 60
    assert differing == {row["id"] for row in TABLE["rows"] if row["differs"]}


def test_rows_are_in_order() -> None:
    """No id twice, no unknown form or broker, and every requirement that a row bears on exists."""
    assert list(questions.lint(questions.load())) == []
    assert questions.unmatched() == []
    known = {one.id for one in records.parse((resources.folder("spec") / "requirements.json").read_text())}
    named = {name for row in questions.load() for name in row.requirements}
    assert named - known == set()


def test_changes_are_about_rows_and_answers_of_the_table() -> None:
    """A release that is said to have brought a change lies between the observed ones that differ."""
    rows = {row["id"]: row for row in TABLE["rows"]}
    for change in json.loads((FOLDER / changes.NAME).read_text(encoding="utf-8")):
        answers = [value for value, _ in rows[change["row"]]["cells"][change["broker"]].values()]
        assert change["old"] != change["new"]
        assert {change["old"], change["new"]} <= set(answers), change
        assert lines.order(change["before"]) < lines.order(change["release"])


def test_requirements_have_the_windows_that_were_observed() -> None:
    """What the table says of a requirement stands in requirements.json, whatever its document says."""
    known = {one.id: one for one in records.parse((resources.folder("spec") / "requirements.json").read_text())}
    seen = json.loads((FOLDER / windows.NAME).read_text(encoding="utf-8"))
    assert {name: window["since"] for name, window in seen.items() if window["since"]} == {
        name: known[name].since for name, window in seen.items() if window["since"]
    }
    assert {name for name, window in seen.items() if window["until"] != known[name].until} == set()


def test_captures_name_no_folder_of_a_machine() -> None:
    """A capture is the same wherever it was taken."""
    pattern = re.compile(r"/(root|home|tmp|opt|usr|var)/[\w.]")
    found = [
        str(path) for path in (FOLDER / "captures").rglob("*.json") if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def plain(task_id: str) -> dict[str, Any]:
    """An entry with one message of a list."""
    named = {"content-type": "application/json", "content-encoding": "utf-8", "headers": {"id": task_id}}
    return {"messages": [{"key": "celery", "item": json.dumps({"body": "W10=", "properties": {}, **named})}]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the capture of one release."""
    captures.write(Capture("5.7.0", "redis", "messages", {"celery": "5.7.0"}, {"plain": plain("a")}), tmp_path)
    return tmp_path


NEWEST = Line("5.7", "5.7.0", "3.11", ())


def test_without_its_capture_a_cell_is_gone(root: Path) -> None:
    """Nothing but a capture makes a cell."""
    assert table.cell(ROW, "5.7.0", "redis", root) == table.Cell(
        "a", "5.7.0", "captures/5.7.0/redis/messages.json#/entries/plain"
    )
    shutil.rmtree(root / "captures")
    captures.read.cache_clear()
    assert table.cell(ROW, "5.7.0", "redis", root) is None


def test_another_capture_makes_another_cell(root: Path) -> None:
    """The answer is read from the bytes, so a capture with another id answers with that id."""
    captures.write(Capture("5.7.0", "redis", "messages", {"celery": "5.7.0"}, {"plain": plain("b")}), root)
    captures.read.cache_clear()
    found = table.cell(ROW, "5.7.0", "redis", root)
    assert found is not None
    assert found.value == "b"


def answered(values: dict[str, str], **row: Any) -> table.Answered:
    """A row with these answers of lines."""
    own = Row("r", "", "", "messages", "plain", "", brokers=("redis",), bears_on={"X-Y-001": ["yes"]}, **row)
    return table.Answered(own, {"redis": {line: table.Cell(value, f"{line}.0", "") for line, value in values.items()}})


@pytest.mark.parametrize(
    ("values", "since", "until"),
    [
        (["yes", "yes", "yes"], "celery 5.0", None),
        (["no", "yes", "yes"], "celery 5.1", None),
        (["yes", "no", "yes"], "celery 5.2", None),
        (["no", "yes", "no"], "celery 5.1", "celery 5.1"),
        (["yes", "yes", "no"], "celery 5.0", "celery 5.1"),
        (["no", "no", "no"], None, None),
    ],
)
def test_a_window_is_the_last_span_of_lines_in_which_the_requirement_holds(
    values: list[str], since: str | None, until: str | None, tmp_path: Path
) -> None:
    """A gap ends a span; what the newest line does not do any more has an end."""
    observed = [Line(name, f"{name}.0", "3.11", ()) for name in ("5.0", "5.1", "5.2")]
    cells = dict(zip(("5.0", "5.1", "5.2"), values, strict=True))
    window = windows.derive([answered(cells)], observed, tmp_path)["X-Y-001"]
    assert (window.since, window.until) == (since, until)


def test_a_new_line_joins_the_list_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written, read and written again, the list is the same; the new line and its release stand in order."""
    shutil.copy(FOLDER / "lines.json", tmp_path)
    monkeypatch.setattr(lines, "folder", lambda: tmp_path)
    before = lines.load()
    lines.add(before[-1])
    assert (tmp_path / "lines.json").read_text() == (FOLDER / "lines.json").read_text()
    lines.add(Line("5.10", "5.10.0", "3.13", difference.open_pins()))
    assert [line.line for line in lines.load()] == [*(line.line for line in before), "5.10"]
    assert lines.releases()[-1] == "5.10.0"
    assert not any(pin.startswith(("kombu", "amqp", "redis=")) for pin in lines.find("5.10").pins)
    assert lines.find("5.10.3").release == "5.10.3"


def test_a_new_line_is_compared_with_the_line_before_it_and_an_old_one_with_itself() -> None:
    """What was observed of a line before is what its new cells are held against."""
    cells = {"redis": {"5.6": ["a", "5.6.3"], "5.7": ["b", "5.7.0"]}}
    row = {"id": "r", "title": "the id", "surface": "task-v2", "cells": cells}
    after = {"lines": {"5.6": "", "5.7": ""}, "rows": [row]}
    fresh = {"lines": {"5.6": ""}, "rows": [{**row, "cells": {"redis": {"5.6": ["a", "5.6.3"]}}}]}
    assert difference.of_line(fresh, after, "5.7") == ["5.6 → 5.7 redis task-v2 r (the id): a → b"]
    again = {**after, "rows": [{**row, "cells": {"redis": {**cells["redis"], "5.7": ["c", "5.7.1"]}}}]}
    assert difference.of_line(after, again, "5.7") == ["5.7 redis task-v2 r (the id): b → c"]
    assert difference.of_line(after, after, "5.7") == ["Nothing differs from 5.7 as it was observed before."]


def test_a_difference_names_row_broker_and_both_answers() -> None:
    """What a new line changes is told in words that need no table beside them."""
    cells = {"redis": {"5.6": ["a", "5.6.3"], "5.7": ["b", "5.7.0"]}}
    row = {"id": "r", "title": "the id", "surface": "task-v2", "cells": cells}
    assert difference.between({"lines": {"5.6": "", "5.7": ""}, "rows": [row]}, "5.6", "5.7") == [
        "5.6 → 5.7 redis task-v2 r (the id): a → b"
    ]
    assert difference.between({"lines": {}, "rows": [row]}, "5.6", "5.6") == ["Nothing differs between 5.6 and 5.6."]


def test_where_lines_differ_a_sentence_is_touched_or_it_is_said_why_not() -> None:
    """No difference between lines is left without a thought; and a reason stands only where there is no sentence."""
    rows = {row.id: row for row in questions.load()}
    differing = {row["id"] for row in TABLE["rows"] if row["differs"]}
    assert [name for name in sorted(differing) if not rows[name].requirements and not rows[name].beside] == []
    assert [row.id for row in rows.values() if row.beside and (row.requirements or row.id not in differing)] == []


def template(**about: Any) -> dict[str, Any]:
    """A template whose rows ask of the fixtures of result documents."""
    return {"id": "r", "title": "{fixture}", "of": "readers/*", "show": "read", "brokers": ["redis"], "about": about}


def test_what_is_said_about_fixtures_goes_to_their_rows_and_to_no_other() -> None:
    """Every pattern that fits adds its requirements to those that the fixture has; other rows have none of them."""
    wide = {"bears_on": {"X-Y-001": ["yes"]}, "like_newest": ["X-Y-003"]}
    narrow = {"bears_on": {"X-Y-002": ["no"]}, "package": "kombu"}
    rows = {one["id"]: one for one in templates.expand(template(**{"result/succ*": wide, "result/success": narrow}))}
    own = rows["r:result/success"]
    assert own["bears_on"] == {"X-Y-001": ["yes"], "X-Y-002": ["no"]}
    assert own["package"] == "kombu"
    assert own["like_newest"][-1] == "X-Y-003"
    assert "RES-RDR-004" in own["like_newest"]
    assert not any(
        "bears_on" in row or "X-Y-003" in row["like_newest"] for name, row in rows.items() if name != own["id"]
    )
    assert not any("about" in row for row in rows.values())


def test_a_pattern_that_fits_no_fixture_is_told() -> None:
    """A fixture that was renamed is not forgotten in silence."""
    asked = template(**{"result/success": {}, "result/sucess": {}, "task-v2/*": {}})
    assert list(templates.lint(asked)) == ["r: result/sucess fits no fixture", "r: task-v2/* fits no fixture"]
