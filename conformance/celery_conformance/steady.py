"""Runs the suite many times with other seeds while the cores are busy, and holds the verdicts against each other.

A verdict that depends on order, timing or load is a defect of the suite. This shows that there is none, or which.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from celery_conformance.judged import NotJudgedError, judge

_MOMENT = 100_000


def _burn() -> None:
    """Keep one core busy until ended."""
    while True:
        sum(range(_MOMENT))


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Other work on this many cores for as long as the block lasts."""
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(count)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def one_run(words: Sequence[str], seed: int, folder: Path) -> dict[str, str]:
    """The verdict of every case in one run.

    Raises:
        SystemExit: it left no report; with what it printed.
    """
    implementation, *options = words
    try:
        judged = judge(implementation, folder / str(seed), "--seed", str(seed), *options)
    except NotJudgedError as error:
        raise SystemExit(f"run with seed {seed}: {error}") from error
    seconds = judged.report["seconds"]
    print(f"seed {seed}: {len(judged.results)} cases in {seconds:.1f} s, exit {judged.exit_code}", flush=True)
    return judged.verdicts


def differences(runs: dict[int, dict[str, str]]) -> dict[str, dict[str, list[int]]]:
    """The cases whose verdicts differ: case → verdict → seeds."""
    seen: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for seed, verdicts in runs.items():
        for name in {name for run in runs.values() for name in run}:
            seen[name][verdicts.get(name, "missing")].append(seed)
    return {name: dict(found) for name, found in sorted(seen.items()) if len(found) > 1}


def main(given: Sequence[str] | None = None) -> int:
    """Run it; return 1 when a verdict is not steady."""
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.steady", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--broker", default="redis")
    parser.add_argument("--burners", type=int, default=os.cpu_count() or 2, help="cores kept busy with something else")
    parser.add_argument("implementation", nargs="?", default="celery")
    parser.add_argument("-k", action="append", default=[], help="only these cases, as celery-wire run takes them")
    arguments = parser.parse_args(given)
    only = [word for pattern in arguments.k for word in ("-k", pattern)]
    words = [arguments.implementation, "--broker", arguments.broker, *only]
    with tempfile.TemporaryDirectory() as folder, busy_cores(arguments.burners):
        runs = {seed: one_run(words, seed, Path(folder)) for seed in range(1, arguments.runs + 1)}
    unsteady = differences(runs)
    for name, found in unsteady.items():
        print(f"not steady: {name}: {found}")
    print(f"{len(runs)} runs, {len(next(iter(runs.values())))} cases, {len(unsteady)} not steady")
    return 1 if unsteady else 0


if __name__ == "__main__":
    sys.exit(main())
