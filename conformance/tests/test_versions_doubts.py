"""What comes out otherwise than on record is looked at once more, and nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from celery_conformance.versions import captures, doubts, lines
from celery_conformance.versions.doubts import Entry


def _copy(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(lines.folder() / name, tmp_path / name)
    return tmp_path


def _change(path: Path, entry: str, part: str) -> None:
    """Take a part of an entry away, as a deadline that passes too early does."""
    data = json.loads(path.read_text(encoding="utf-8"))
    data["entries"][entry][part] = []
    path.write_text(json.dumps(data), encoding="utf-8")


def test_what_is_answered_otherwise_is_in_doubt(tmp_path: Path) -> None:
    """The entry behind a row, and the one behind a pair, each once, however many rows ask of it."""
    work, paired = "captures/5.7.0/redis/work.json", "captures/5.6.3/amqp/pairs.json"
    root = _copy(tmp_path, work, paired)
    before = doubts.answers(root)
    assert len(before) > 50
    assert doubts.between(before, doubts.answers(root)) == set()
    _change(root / work, "exit", "stored")
    _change(root / paired, "5.7.0 chord", "stored")
    found = doubts.between(before, doubts.answers(root))
    assert found == {Entry("5.7.0", "redis", "work", "exit"), Entry("5.6.3", "amqp", "pairs", "5.7.0 chord")}


def test_what_was_never_answered_is_in_no_doubt(tmp_path: Path) -> None:
    """A new capture is as good as any."""
    root = _copy(tmp_path, "captures/5.7.0/redis/work.json")
    before = doubts.answers(root)
    _copy(tmp_path, "captures/5.6.3/redis/work.json")
    after = doubts.answers(root)
    assert len(after) > len(before)
    assert doubts.between(before, after) == set()
    captures.read.cache_clear()
