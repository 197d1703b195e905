"""An adapter: a folder with ``adapter.toml`` that says how to run an implementation and what it can do.

The folder works under any name and anywhere; nothing here knows an implementation by name. A folder with a
``[setup]`` is copied into the user's cache, keyed by its contents, and set up there once: the folder itself is
never written to, and a renamed copy is the same adapter.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery_conformance import resources
from celery_conformance.baseline import Baseline, read_baseline
from celery_conformance.errors import AdapterError, InstallError, UsageError
from celery_conformance.schemas import problems

ADAPTER_FILE = "adapter.toml"
_SETUP_SECONDS = 900
_STAMP = ".set-up"
_NOT_SET_UP = {ADAPTER_FILE, "baseline.yaml", "__pycache__", "node_modules", ".git"}


@dataclass(frozen=True, slots=True)
class Part:
    """One program of an adapter: the worker or the client."""

    command: tuple[str, ...]
    options: frozenset[str]
    tasks: frozenset[str] | None = None
    without: tuple[str, ...] = ()
    seconds_to_start: float = 60.0
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An implementation as the suite sees it. ``folder`` is where its programs run."""

    name: str
    title: str
    language: str
    folder: Path
    roles: tuple[str, ...]
    brokers: tuple[str, ...]
    stores: tuple[str, ...]
    environment: Mapping[str, str]
    worker: Part | None
    client: Part | None
    version_command: tuple[str, ...] | None
    baseline: Baseline
    setup: Mapping[str, Any] | None = field(default=None)

    def fill(self, command: tuple[str, ...]) -> list[str]:
        """A command with its placeholders filled in."""
        values = {"{python}": sys.executable, "{folder}": str(self.folder)}
        return [_replace(word, values) for word in command]

    def process_environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The environment of every process of the adapter.

        Celery reads ``CELERY_…`` variables of its own, so those of whoever runs the suite are removed.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CELERY_")}
        values = {"{python}": sys.executable, "{folder}": str(self.folder)}
        own = {name: _replace(value, values) for name, value in self.environment.items()}
        return {**inherited, **extra, **own}

    def version(self) -> str:
        """What the version command prints, or ``unknown``."""
        if self.version_command is None:
            return "unknown"
        command = self.fill(self.version_command)
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.process_environment({}),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AdapterError(
                f"expected the version command of {self.name!r} to print a version, came: {_reason(error)}",
                f"run it by hand in the adapter's folder: {' '.join(command)}",
            ) from error
        return (done.stdout.strip().splitlines() or ["unknown"])[0]


def _replace(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or error.stdout or "").strip().splitlines()
        return lines[-1] if lines else f"exit code {error.returncode}"
    return str(error)


def builtin_names() -> list[str]:
    """The adapters that travel with the distribution."""
    return sorted(path.parent.name for path in resources.folder("adapters").glob(f"*/{ADAPTER_FILE}"))


def find(name: str) -> Path:
    """The folder of an implementation: a built-in name, or a path.

    Raises:
        UsageError: there is no such built-in adapter and no such folder.
    """
    if os.sep not in name and name in builtin_names():
        return resources.folder("adapters") / name
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"expected the name of a built-in adapter or a folder with {ADAPTER_FILE}, came {name!r}",
            f"built-in adapters: {', '.join(builtin_names())}; how to write one: conformance/README.md",
        )
    return folder.resolve()


def read(folder: Path) -> Adapter:
    """Read an adapter's folder without running anything of it.

    Raises:
        AdapterError: adapter.toml is missing, is no TOML, or is not what the schema says.
    """
    path = folder / ADAPTER_FILE
    if not path.is_file():
        raise AdapterError(
            f"expected {ADAPTER_FILE} in {folder}, found none",
            "what it holds stands in conformance/README.md; the built-in adapters are examples",
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise AdapterError(f"{path}: expected TOML, came {error}", "mend adapter.toml") from error
    for place, message in problems("adapter", raw):
        raise AdapterError(f"{path}: at {place}: {message}", "the fields stand in spec/schemas/adapter.schema.json")
    _check_parts(path, raw)
    return _build(folder, raw)


def _check_parts(path: Path, raw: Mapping[str, Any]) -> None:
    wanted = {"worker": {"worker"}, "client": {"producer", "reader"}}
    for part, roles in wanted.items():
        asked = sorted(roles & set(raw["roles"]))
        if asked and part not in raw:
            raise AdapterError(
                f"{path}: the role {asked[0]!r} needs a table [{part}] with a command, found none",
                f"add [{part}], or take {asked[0]!r} out of roles",
            )


def _part(raw: Mapping[str, Any] | None) -> Part | None:
    if raw is None:
        return None
    tasks = frozenset(raw["tasks"]) if "tasks" in raw else None
    return Part(
        command=tuple(raw["command"]),
        options=frozenset(raw.get("options", ())),
        tasks=tasks,
        without=tuple(raw.get("without", ())),
        seconds_to_start=float(raw.get("seconds_to_start", 60)),
        pool=raw.get("pool", ""),
    )


def _build(folder: Path, raw: Mapping[str, Any]) -> Adapter:
    return Adapter(
        name=folder.name,
        title=raw["title"],
        language=raw.get("language", ""),
        folder=folder,
        roles=tuple(raw["roles"]),
        brokers=tuple(raw["brokers"]),
        stores=tuple(raw.get("stores", ())),
        environment=raw.get("environment", {}),
        worker=_part(raw.get("worker")),
        client=_part(raw.get("client")),
        version_command=tuple(raw["version"]) if "version" in raw else None,
        baseline=read_baseline(folder / "baseline.yaml"),
        setup=raw.get("setup"),
    )


def cache_folder() -> Path:
    """Where adapters are set up: ``$CELERY_WIRE_CACHE``, or the user's cache."""
    given = os.environ.get("CELERY_WIRE_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "celery-wire"


def fingerprint(folder: Path, command: Sequence[str]) -> str:
    """A hash of what a set-up depends on: the command and the folder's contents, but for what the runner reads."""
    digest = hashlib.sha256("\0".join(command).encode())
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not set(relative.parts) & _NOT_SET_UP:
            digest.update(str(relative).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def prepare(adapter: Adapter) -> Adapter:
    """Set an adapter up where it asks for it; return it with the folder its programs run in.

    Raises:
        InstallError: a program it needs is missing, or its set-up failed.
    """
    if adapter.setup is None:
        return adapter
    missing = [name for name in adapter.setup.get("needs", ()) if shutil.which(name) is None]
    if missing:
        raise InstallError(
            f"the adapter {adapter.name!r} needs {', '.join(missing)} on PATH, found none",
            f"install {', '.join(missing)} and run the command again",
        )
    target = cache_folder() / "adapters" / fingerprint(adapter.folder, adapter.setup["command"])
    ready = Adapter(**{name: getattr(adapter, name) for name in Adapter.__slots__} | {"folder": target})
    with alone(target):
        if not (target / _STAMP).exists():
            _set_up(adapter.folder, ready)
    return ready


@contextlib.contextmanager
def alone(target: Path) -> Iterator[None]:
    """One at a time: another process that wants to set this folder up waits until it is done, and finds it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _set_up(source: Path, adapter: Adapter) -> None:
    assert adapter.setup is not None
    shutil.rmtree(adapter.folder, ignore_errors=True)
    shutil.copytree(source, adapter.folder, ignore=shutil.ignore_patterns(*_NOT_SET_UP))
    command = adapter.fill(tuple(adapter.setup["command"]))
    try:
        subprocess.run(
            command,
            cwd=adapter.folder,
            env=adapter.process_environment({}),
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=_SETUP_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InstallError(
            f"the set-up of {adapter.name!r} failed: {_reason(error)}",
            f"its command is: {' '.join(command)}",
        ) from error
    (adapter.folder / _STAMP).write_text("done\n")
