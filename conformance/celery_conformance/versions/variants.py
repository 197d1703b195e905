"""An environment in which one package of a line is exchanged for another release: what a change is narrowed down with.

It is a copy of the line's environment by hard links, into which the package is installed without those it asks for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from celery_conformance.versions import environments
from celery_conformance.versions.environments import Environment, InstallError

_STAMP = "celery-wire.variant"


#: What releases of Celery import and the packages of another release do not bring, by the beginning of their names.
_MISSING = {"4.4.": ("future",), "5.6.": ("exceptiongroup<1.3",), "": ("pytz",)}


@dataclass(frozen=True, slots=True)
class Variant:
    """The environment of a line with another release of Celery or of kombu."""

    base: str
    package: str
    release: str

    @property
    def label(self) -> str:
        """The name under which its captures are kept.

        A release of Celery in an environment of its own line is called after itself alone.
        """
        own = self.base.rpartition(".")[0] == self.release.rpartition(".")[0]
        if self.package == "celery":
            return self.release if own else f"{self.release}-with-packages-of-{self.base}"
        return f"{self.base}-with-{self.package}-{self.release}"


def provide(variant: Variant, base: Environment) -> Environment:
    """The environment of a variant; it is made when it is not there.

    Raises:
        InstallError: the package could not be installed.
    """
    target = environments.cache() / "variants" / variant.label
    stamp = target / _STAMP
    if not stamp.exists():
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-al", str(base.python.parent.parent), str(target)], check=True)
        _install(target, variant)
        stamp.write_text(json.dumps({variant.package: variant.release}), encoding="utf-8")
    versions = {**base.versions, variant.package: variant.release}
    return Environment(replace(base.line, release=variant.label), target / "bin" / "python", versions)


def _install(target: Path, variant: Variant) -> None:
    wanted = f"{variant.package}=={variant.release}"
    missing = _MISSING if variant.package == "celery" else {}
    extra = [name for start, names in missing.items() if variant.release.startswith(start) for name in names]
    pip = [str(target / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, wanted, *extra], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        raise InstallError(f"{wanted} could not be installed: {(done.stderr or done.stdout).strip()[-400:]}")
