"""Built-in adapters: what stands in the environment of one reaches every process of it, and each is short."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest
from celery_conformance import resources

from .judging import HERE, copy_adapter, judge


def test_a_variable_reaches_client_worker_and_child(tmp_path: Path) -> None:
    """A copy of the Celery adapter elsewhere, with one variable more: client, worker and the pool's child have it."""
    notes = tmp_path / "notes"
    folder = copy_adapter("celery", tmp_path / "copy", {"PYTHONPATH": str(HERE / "reach"), "REACH": str(notes)})
    judged = judge(folder, tmp_path / "report", "-k", "v2-id-equals-correlation-id", "-k", "json-uuid-by-hex")
    assert judged.exit_code == 0, judged.printed
    seen = {(kind, program) for kind, _, program in (line.split(" ", 2) for line in notes.read_text().splitlines())}
    assert {("start", "client.py"), ("start", "worker.py"), ("fork", "worker.py")} <= seen


def test_without_the_variable_nothing_is_noted(tmp_path: Path) -> None:
    """The notes come from the variable: an adapter without it leaves none."""
    notes = tmp_path / "notes"
    folder = copy_adapter("celery", tmp_path / "copy", {"PYTHONPATH": str(HERE / "reach")})
    judged = judge(folder, tmp_path / "report", "-k", "v2-id-equals-correlation-id")
    assert judged.exit_code == 0, judged.printed
    assert not notes.exists()


def lines_of_code(path: Path) -> int:
    """Lines with code: neither blank nor a comment nor part of a docstring."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return sum(1 for line in map(str.strip, text.splitlines()) if line and not line.startswith("//"))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    said = {number for t in tokens if t.type not in silent for number in range(t.start[0], t.end[0] + 1)}
    nodes = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    ]
    documented = [node.body[0] for node in nodes if ast.get_docstring(node) is not None]
    return len(said - {number for it in documented for number in range(it.lineno, (it.end_lineno or 0) + 1)})


@pytest.mark.parametrize(
    ("program", "most"),
    [
        ("celery/worker.py", 60),
        ("celery/client.py", 80),
        ("celery-wire/client.py", 80),
        ("celery-node/client.js", 80),
    ],
)
def test_an_adapter_is_short(program: str, most: int) -> None:
    """Whoever writes one reads these first."""
    assert lines_of_code(resources.folder("adapters") / program) <= most


def test_what_counts_as_code(tmp_path: Path) -> None:
    """Blank lines, comments and docstrings do not; each line of a statement does."""
    program = tmp_path / "program.py"
    silent = '"""Title.\n\nMore.\n"""\n\n# a comment\n'
    spoken = 'x = [\n    1,  # one\n]\n\n\ndef f():\n    """Says."""\n    return """a\nb"""\n'
    program.write_text(silent + spoken)
    assert lines_of_code(program) == 6
