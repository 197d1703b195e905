"""Where the data of the distribution is: specification, fixtures, cases and built-in adapters.

In an installed wheel they stand below this package; in a checkout they stand where people edit them.
Nothing else in the suite knows which of the two it runs from.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = {
    "spec": "spec",
    "fixtures": "fixtures",
    "cases": "conformance/cases",
    "adapters": "conformance/adapters",
}


@cache
def folder(name: str) -> Path:
    """Return the folder ``spec``, ``fixtures``, ``cases`` or ``adapters``.

    Raises:
        FileNotFoundError: the distribution is incomplete.
    """
    installed = _PACKAGE / "data" / name
    if installed.is_dir():
        return installed
    here = _PACKAGE.parents[1] / _CHECKOUT[name]
    if here.is_dir():
        return here
    raise FileNotFoundError(f"celery-wire is installed without its data folder {name!r}; install it again")
