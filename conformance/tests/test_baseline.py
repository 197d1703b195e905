"""A baseline excuses exactly the cases it names, for as long as it says, and refuses what it cannot mean."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from celery_conformance.baseline import Baseline, Entry, read_baseline
from celery_conformance.errors import AdapterError

RUN = {"broker": "redis", "store": "redis"}
LINK = "https://example.org/issues/1"


def _read(tmp_path: Path, text: str) -> Baseline:
    path = tmp_path / "baseline.yaml"
    path.write_text(text, encoding="utf-8")
    return read_baseline(path)


@pytest.mark.parametrize(
    ("id_", "name", "covered"),
    [
        ("a-case", "a-case", True),
        ("a-case", "a-case[fixture=x]", True),
        ("a-case", "a-case-more", False),
        ("a-case[fixture=x]", "a-case[fixture=x]", True),
        ("a-case[fixture=x]", "a-case[fixture=y]", False),
        ("a-case[fixture=x]", "a-case", False),
        ("a-*", "a-case[fixture=x]", True),
        ("*[fixture=task-v2/fault-*]", "a-case[fixture=task-v2/fault-eta]", True),
        ("*[fixture=task-v2/fault-*]", "a-case[fixture=task-v2/plain]", False),
        ("a-case[fixture=?]", "a-case[fixture=x]", False),
        ("a.case", "a-case", False),
        ("*", "anything[x=1]", True),
    ],
)
def test_an_entry_covers_what_it_names(id_: str, name: str, covered: bool) -> None:
    """An id covers the case with all its axes, a full name one of them, and only a star stands for any text."""
    assert (Baseline((Entry(id_, "reason", LINK),)).find(name, RUN) is not None) is covered


def test_a_condition_narrows_an_entry() -> None:
    """An entry with a condition excuses a case only on the broker and the store it names."""
    baseline = Baseline((Entry("a", "r", LINK, {"broker": "amqp"}), Entry("a", "all the rest", LINK)))
    found = baseline.find("a", RUN)
    assert found is not None
    assert found.reason == "all the rest"
    assert Entry("a", "r", LINK, {"broker": "amqp"}).applies({"broker": "amqp", "store": "rpc"})


def test_an_entry_holds_on_the_day_it_expires() -> None:
    """An entry expires the day after its date; without a date it never does."""
    day = datetime.date(2026, 7, 1)
    entry = Entry("a", "r", LINK, {}, day)
    assert not entry.expired(day)
    assert entry.expired(day + datetime.timedelta(days=1))
    assert not Entry("a", "r", LINK).expired(day)


def test_every_field_is_read(tmp_path: Path) -> None:
    """What stands in the file is what the entries say."""
    text = "- {id: a, reason: ' because ', link: L, when: {broker: redis}, expires: 2027-01-31}\n"
    (entry,) = _read(tmp_path, text).entries
    assert entry == Entry("a", "because", "L", {"broker": "redis"}, datetime.date(2027, 1, 31))


@pytest.mark.parametrize("text", ["", "# nothing known\n", "[]\n"])
def test_an_empty_file_is_an_empty_baseline(tmp_path: Path, text: str) -> None:
    """No file, an empty file and an empty list excuse nothing."""
    assert _read(tmp_path, text) == Baseline()
    assert read_baseline(tmp_path / "missing.yaml") == Baseline()


_GOOD = "id: a, reason: r, link: l"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: a\n  reason", "baseline.yaml:2: expected YAML, came: "),
        ("- 'unended", "baseline.yaml:1: expected YAML, came: "),
        ("a: {b: [}", "baseline.yaml:1: expected YAML, came: "),
        ("\x00", "baseline.yaml: expected YAML, came: "),
        ("id: a", "baseline.yaml: expected a list of entries, came dict"),
        ("- a-case", "entry 1: expected the fields expires, id, link, reason, when, came 'a-case'"),
        (
            f"- {{{_GOOD}}}\n- {{{_GOOD}, why: x}}",
            "entry 2: expected the fields expires, id, link, reason, when, came why",
        ),
        ("- {reason: r, link: l}", "entry 1: expected a text in 'id', came None"),
        ("- {id: a, reason: ' ', link: l}", "entry 1: expected a text in 'reason', came ' '"),
        ("- {id: a, reason: r, link: 5}", "entry 1: expected a text in 'link', came 5"),
        (f"- {{{_GOOD}, expires: soon}}", "entry 1: expected a date in 'expires', came 'soon'"),
        (f"- {{{_GOOD}, expires: 2027-01-31 10:00:00}}", "expected a date in 'expires', came '2027-01-31 10:00:00'"),
        (f"- {{{_GOOD}, when: redis}}", "entry 1: expected broker, store with a text in 'when', came 'redis'"),
        (f"- {{{_GOOD}, when: {{brocker: redis}}}}", "expected broker, store with a text in 'when', came {'brocker': "),
        (f"- {{{_GOOD}, when: {{broker: 6}}}}", "expected broker, store with a text in 'when', came {'broker': 6}"),
    ],
)
def test_what_it_cannot_mean_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake is told in one line: file, entry, what was expected, what came."""
    with pytest.raises(AdapterError) as told:
        _read(tmp_path, text)
    assert said in told.value.cause
    assert "\n" not in told.value.cause
    assert told.value.hint
    assert told.value.exit_code == 3


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is no UTF-8 is told like any other that is no YAML."""
    (tmp_path / "baseline.yaml").write_bytes(b"- \xff\xfe")
    with pytest.raises(AdapterError, match="expected YAML"):
        read_baseline(tmp_path / "baseline.yaml")
