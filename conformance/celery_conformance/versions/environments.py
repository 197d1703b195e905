"""An environment for each release of Celery, in the user's cache: made once, used by every later run.

A stamp with the packages asked for is written last; an environment without it, or with another one, is made anew. One
that lacks nothing but packages that are new to the list gets these.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.versions.lines import Line

_STAMP = "celery-wire.ready"
_SHIM = Path(__file__).parent / "shim" / "sitecustomize.py"
_HINT = "install it (pyenv install VERSION), or leave the line out"


class MissingPythonError(Exception):
    """No Python on this machine runs the line."""


class InstallError(Exception):
    """The packages of a line could not be installed."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a release is installed, and the versions of what matters on the wire."""

    line: Line
    python: Path
    versions: dict[str, str]


def cache() -> Path:
    """The folder of all environments."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "celery-wire" / "lines"


def find_python(version: str) -> Path | None:
    """A Python of a version such as 3.6: from pyenv, or from PATH."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in [*sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True), _on_path(version)]:
        if candidate is not None and _is(candidate, version):
            return candidate
    return None


def _on_path(version: str) -> Path | None:
    found = shutil.which(f"python{version}")
    return Path(found) if found else None


def _is(python: Path, version: str) -> bool:
    asked = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def python_for(line: Line) -> tuple[Path, bool]:
    """The Python for a line, and whether it needs the shim.

    Raises:
        MissingPythonError: there is none.
    """
    own = find_python(line.python)
    if own is not None:
        return own, False
    other = find_python(line.otherwise) if line.otherwise else None
    if other is not None:
        return other, True
    wanted = " or ".join(filter(None, (line.python, line.otherwise)))
    raise MissingPythonError(f"Celery {line.line} is left out: it needs Python {wanted}, which is not here; {_HINT}")


def ready(line: Line) -> Environment | None:
    """The environment of a line when it is complete; nothing is installed."""
    stamp = cache() / line.release / _STAMP
    if not stamp.exists():
        return None
    found = json.loads(stamp.read_text(encoding="utf-8"))
    if found["requirements"] != line.requirements:
        return None
    return Environment(line, stamp.parent / "bin" / "python", found["versions"])


def provide(line: Line) -> Environment:
    """The environment of a line; it is made when it is not there.

    Raises:
        MissingPythonError: no Python here runs the line.
        InstallError: pip could not install its packages.
    """
    found = ready(line)
    if found is not None:
        return found
    missing = _missing(line)
    return _complete(line, missing) if missing else _make(line)


def _missing(line: Line) -> list[str]:
    """What is asked for beyond what an environment has; nothing when it has anything else, or is not there."""
    stamp = cache() / line.release / _STAMP
    had = json.loads(stamp.read_text(encoding="utf-8"))["requirements"] if stamp.exists() else []
    more = [requirement for requirement in line.requirements if requirement not in had]
    return more if had and set(had) <= set(line.requirements) else []


def _complete(line: Line, missing: list[str]) -> Environment:
    target = cache() / line.release
    own = target / "bin" / "python"
    stamp = target / _STAMP
    stamp.unlink()
    _run([*_pip(own), *missing], f"Celery {line.release}: {' '.join(missing)}")
    return _stamped(line, own)


def _pip(python: Path) -> list[str]:
    return [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--prefer-binary"]


def _stamped(line: Line, python: Path) -> Environment:
    versions = _versions(python)
    stamp = {"requirements": line.requirements, "versions": versions}
    (cache() / line.release / _STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    return Environment(line, python, versions)


def _make(line: Line) -> Environment:
    python, needs_shim = python_for(line)
    target = cache() / line.release
    shutil.rmtree(target, ignore_errors=True)
    _run([str(python), "-m", "venv", str(target)], f"Celery {line.release}: no virtual environment")
    own = target / "bin" / "python"
    pip = _pip(own)
    if line.python == "3.6":  # an old pip knows no wheels of today
        _run([*pip, "pip==21.3.1"], f"Celery {line.release}: pip")
    wheels = [requirement for requirement in line.requirements if requirement.startswith("setuptools")]
    _run([*pip, "wheel", *wheels], f"Celery {line.release}: setuptools")
    _run([*pip, *line.requirements], f"Celery {line.release}: packages")
    if needs_shim:
        shutil.copy(_SHIM, next(target.glob("lib/python*/site-packages")) / "sitecustomize.py")
    return _stamped(line, own)


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{what} could not be installed: {(done.stderr or done.stdout).strip()[-600:]}")


_ASK_VERSIONS = """
import json, sys
import pkg_resources as found
names = ["celery", "kombu", "amqp", "billiard", "redis"]
print(json.dumps(dict([(name, found.get_distribution(name).version) for name in names],
                      python="%d.%d.%d" % sys.version_info[:3])))
"""


def _versions(python: Path) -> dict[str, str]:
    asked = [str(python), "-W", "ignore", "-c", _ASK_VERSIONS]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"the installed packages do not name their versions: {done.stderr.strip()[-600:]}")
    versions: dict[str, str] = json.loads(done.stdout)
    return {("redis-py" if name == "redis" else name): text for name, text in versions.items()}


def provide_all(lines: list[Line]) -> Iterator[Environment | str]:
    """The environment of each line, or the reason why it is left out."""
    for line in lines:
        try:
            yield provide(line)
        except (MissingPythonError, InstallError) as error:
            yield str(error)
