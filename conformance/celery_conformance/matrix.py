"""Judges every built-in adapter on every broker and store that it names, all cases included, and shows the verdicts.

A broken MUST of Celery or of the reference is a defect; other implementations are shown as they are.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from celery_conformance import adapter as adapters

#: Adapters that are to break no MUST.
FAULTLESS = frozenset({"celery", "celery-wire"})


def run(name: str, broker: str, store: str, folder: Path) -> tuple[int, str]:
    """The exit code of a run, and its line of the table."""
    words = [name, "--broker", broker, "--store", store, "--thorough", "--report", str(folder)]
    command = [sys.executable, "-m", "celery_conformance.cli", "run", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document = folder / "report.json"
    if not document.exists():
        said = (done.stderr or done.stdout).strip().splitlines()
        return done.returncode, f"not judged: {said[0] if said else f'exit {done.returncode}'}"
    read = json.loads(document.read_text(encoding="utf-8"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in read["counts"].items() if count)
    return done.returncode, f"{read['seconds']:6.1f} s  {counts}"


def main(words: Sequence[str] | None = None) -> int:
    """Run it; return 1 when an adapter that is to be faultless is not."""
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.matrix", description=__doc__)
    parser.add_argument("adapters", nargs="*", default=adapters.builtin_names(), help="default: all built-in ones")
    faults = 0
    with tempfile.TemporaryDirectory(prefix="celery-wire-") as folder:
        for name in parser.parse_args(words).adapters:
            adapter = adapters.read(adapters.find(name))
            for broker, store in itertools.product(adapter.brokers, adapter.stores):
                code, line = run(name, broker, store, Path(folder) / f"{name}-{broker}-{store}")
                print(f"{name:15} {broker:5} {store:5}  exit {code}  {line}", flush=True)
                faults += code != 0 and name in FAULTLESS
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
