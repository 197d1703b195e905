"""The files that are written from the captures: the table as data and as a page, and the windows."""

from __future__ import annotations

from pathlib import Path

from celery_conformance.versions import changes, lines, page, pairs, questions, table, windows

TABLE = "table.json"


def texts(root: Path | None = None) -> dict[str, str]:
    """File name to text, as the captures say it today."""
    observed = lines.load()
    answered = table.fill(questions.load(), observed, root)
    found, paired = changes.derive(answered, observed, root), list(pairs.load(observed, root))
    return {
        TABLE: table.as_data(answered, observed),
        changes.NAME: changes.as_data(found),
        pairs.FILE: pairs.as_data(paired),
        page.NAME: page.render(answered, observed, found, paired),
        windows.NAME: windows.as_data(windows.derive(answered, observed, root)),
    }


def write(root: Path | None = None) -> str:
    """Write the files; says what was written."""
    folder = root or lines.folder()
    written = texts(root)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return f"written: {', '.join(written)} in {folder.name}/"


def stale(root: Path | None = None) -> list[str]:
    """Which files are not what the captures say, in words."""
    folder = root or lines.folder()
    hint = "run `python -m celery_conformance.versions table` and commit it"
    return [
        f"spec/versions/{name} is not what the captures say; {hint}"
        for name, text in texts(root).items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]
