"""What ``celery-wire run`` can be asked for, and whether it makes sense for an adapter."""

from __future__ import annotations

import argparse
import random
import shlex
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.adapter import Adapter
from celery_conformance.engine.testbed import Target, parse_target
from celery_conformance.errors import UsageError
from celery_conformance.report.write import check_folder
from celery_conformance.specification.model import PROFILES

ROLES = ("producer", "worker", "reader")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asked for."""

    implementation: str
    broker: Target
    store: Target
    roles: tuple[str, ...]
    all_roles: bool
    patterns: tuple[str, ...]
    seed: int
    jobs: int
    use_baseline: bool
    strict: bool
    allow_stale: bool
    report: Path | None
    keep: bool
    words: str
    pool: str = ""
    thorough: bool = False
    patience: float = 1.0
    profiles: tuple[str, ...] = PROFILES

    @property
    def whole(self) -> bool:
        """Whether everything is judged, so that a baseline entry that matches nothing is stale."""
        return not self.patterns and self.all_roles and self.profiles == PROFILES

    @property
    def axes(self) -> dict[str, str]:
        """The run's values of the axes that belong to a run."""
        return {"broker": self.broker.kind, "store": self.store.kind, "pool": self.pool}


def whole_number(text: str) -> int:
    """A number of the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, came {text!r}") from None


def positive_number(text: str) -> float:
    """A number above 0 of the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, came {text!r}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``run``."""
    parser.add_argument(
        "implementation", help="a built-in adapter (celery-wire list adapters), or a folder with adapter.toml"
    )
    parser.add_argument(
        "--broker", default="redis", metavar="redis|amqp|URL", help="broker to judge on (default: an embedded Redis)"
    )
    parser.add_argument(
        "--store", metavar="redis|rpc|URL", help="result store (default: redis; on amqp rpc, where the adapter has it)"
    )
    parser.add_argument(
        "--role", action="append", choices=ROLES, help="judge this role only; may be given more than once"
    )
    parser.add_argument(
        "--profile", action="append", choices=PROFILES, help="judge requirements of this profile only; may be repeated"
    )
    parser.add_argument(
        "-k",
        dest="patterns",
        action="append",
        default=[],
        metavar="TEXT",
        help="only cases with this text in id, topic or requirement; * is any text; may be repeated",
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        help="order of the cases and the ids they use (default: a random one, shown at the end)",
    )
    parser.add_argument("--jobs", type=whole_number, default=24, help="cases at the same time (default: 24)")
    parser.add_argument(
        "--thorough", action="store_true", help="also the cases that repeat a matter with many messages"
    )
    parser.add_argument("--no-baseline", action="store_true", help="count known failures as failures")
    parser.add_argument("--strict", action="store_true", help="a broken SHOULD fails the run as well")
    parser.add_argument(
        "--allow-stale", action="store_true", help="a baseline entry that passes or expired does not fail the run"
    )
    parser.add_argument(
        "--patience",
        type=positive_number,
        default=1.0,
        metavar="FACTOR",
        help="multiply every deadline (slow machines)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write report.json, junit.xml, report.md and report.html there"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the run's folder with the logs of all processes, and say where it is"
    )


def default_store(broker: str, adapter: Adapter) -> str:
    """The store of a run whose user named none."""
    if broker == "amqp" and "rpc" in adapter.stores:
        return "rpc"
    return "redis"


def read_settings(arguments: argparse.Namespace, adapter: Adapter) -> Settings:
    """Check the options against each other and against the adapter.

    Raises:
        UsageError: an option makes no sense, or the adapter cannot do what it asks.
    """
    broker = parse_target(arguments.broker, "--broker", ("redis", "amqp"))
    if broker.kind not in adapter.brokers:
        raise UsageError(
            f"expected a broker of {adapter.name!r} ({', '.join(adapter.brokers)}) in --broker, came {broker.kind!r}",
            "adapter.toml names the brokers an implementation speaks to",
        )
    store = parse_target(arguments.store or default_store(broker.kind, adapter), "--store", ("redis", "rpc"))
    if arguments.store and adapter.stores and store.kind not in adapter.stores:
        raise UsageError(
            f"expected a store of {adapter.name!r} ({', '.join(adapter.stores)}) in --store, came {store.kind!r}",
            "adapter.toml names the stores an implementation has",
        )
    if arguments.jobs < 1:
        raise UsageError(f"expected a number from 1 up in --jobs, came {arguments.jobs}", "for example --jobs 8")
    roles = tuple(role for role in ROLES if role in adapter.roles and role in (arguments.role or ROLES))
    if not roles:
        raise UsageError(
            f"expected in --role one of {', '.join(adapter.roles)} ({adapter.name}), came {', '.join(arguments.role)}",
            "adapter.toml names the roles an implementation can be judged as",
        )
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1, 10**6)
    if arguments.report is not None:
        check_folder(arguments.report)
    words = f"--broker {shown(broker)}" + (f" --store {shown(store)}" if arguments.store else "") + f" --seed {seed}"
    return Settings(
        implementation=arguments.implementation,
        broker=broker,
        store=store,
        roles=roles,
        all_roles=arguments.role is None,
        patterns=tuple(arguments.patterns),
        seed=seed,
        jobs=arguments.jobs,
        use_baseline=not arguments.no_baseline,
        strict=arguments.strict,
        allow_stale=arguments.allow_stale,
        report=arguments.report,
        keep=arguments.keep,
        words=words,
        pool=adapter.worker.pool if adapter.worker is not None else "",
        thorough=arguments.thorough,
        patience=arguments.patience,
        profiles=tuple(profile for profile in PROFILES if profile in (arguments.profile or PROFILES)),
    )


def shown(target: Target) -> str:
    """A target as it is written on the command line, but for a password, which no report shows."""
    if target.url is None:
        return target.kind
    url = target.url
    hidden = url._replace(netloc=url.netloc.replace(f":{url.password}@", ":***@")) if url.password else url
    return shlex.quote(hidden.geturl())
