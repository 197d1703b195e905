"""``python -m celery_conformance.asyncapi``: write spec/asyncapi.yaml.

With ``--check`` nothing is written: the command ends with 1 when the committed file is not what the schemas say.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from celery_conformance import resources
from celery_conformance.asyncapi.document import build, dump

FILE = "asyncapi.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.asyncapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is not current")
    options = parser.parse_args(arguments)
    target = resources.folder("spec") / FILE
    current = dump(build())
    if not options.check:
        target.write_text(current, encoding="utf-8")
        print(f"{FILE}: {len(current.splitlines())} lines")
        return 0
    if target.exists() and target.read_text(encoding="utf-8") == current:
        return 0
    print(f"spec/{FILE} is not what the schemas say: run `{parser.prog}` and commit it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
