"""Judges every built-in adapter on every broker and store that it names, all cases included, and shows the verdicts.

A broken MUST of Celery or of the reference is a defect; other implementations are shown as they are.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from celery_conformance import adapter as adapters
from celery_conformance.judged import NotJudgedError, judge

#: Adapters that are to break no MUST.
FAULTLESS = frozenset({"celery", "celery-wire"})


def run(implementation: str, folder: Path, words: Sequence[str]) -> tuple[int, str]:
    """The exit code of a run, and its line of the table."""
    try:
        judged = judge(implementation, folder, "--thorough", *words)
    except NotJudgedError as error:
        said = error.printed.strip().splitlines()
        return error.exit_code, f"not judged: {said[0] if said else f'exit {error.exit_code}'}"
    counts = ", ".join(f"{count} {verdict}" for verdict, count in judged.report["counts"].items() if count)
    return judged.exit_code, f"{judged.report['seconds']:6.1f} s  {counts}"


def main(words: Sequence[str] | None = None) -> int:
    """Run it; return 1 when an adapter that is to be faultless is not."""
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.matrix", description=__doc__)
    parser.add_argument("adapters", nargs="*", default=adapters.builtin_names(), help="default: all built-in ones")
    parser.add_argument("-k", action="append", default=[], help="only these cases, as celery-wire run takes them")
    arguments = parser.parse_args(words)
    only = [word for pattern in arguments.k for word in ("-k", pattern)]
    faults = 0
    with tempfile.TemporaryDirectory(prefix="celery-wire-") as folder:
        for implementation in arguments.adapters:
            adapter = adapters.read(adapters.find(implementation))
            for broker, store in itertools.product(adapter.brokers, adapter.stores):
                place = Path(folder) / f"{adapter.name}-{broker}-{store}"
                code, line = run(implementation, place, ["--broker", broker, "--store", store, *only])
                print(f"{adapter.name:15} {broker:5} {store:5}  exit {code}  {line}", flush=True)
                faults += code != 0 and adapter.name in FAULTLESS
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
