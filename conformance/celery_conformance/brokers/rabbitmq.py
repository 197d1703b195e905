"""A private RabbitMQ node: its own name, home, data folder, ports and Erlang port mapper.

Debian's wrapper drops to another user and leaves epmd behind. So the server script in RabbitMQ's own library
folder is called, and epmd is started here, as a child that ends with the node.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.brokers import process
from celery_conformance.brokers.ports import HOST, answers, free_ports, wait_until
from celery_conformance.errors import BrokerError

_LIBRARIES = (
    "/usr/lib/rabbitmq/lib",
    "/opt/rabbitmq",
    "/usr/local/lib/rabbitmq",
    "/opt/homebrew/opt/rabbitmq",
)
_HINT = "install RabbitMQ (apt install rabbitmq-server), or give the URL of a running one with --broker amqp://…"


@dataclass(frozen=True, slots=True)
class RabbitServer:
    """A running RabbitMQ node."""

    port: int
    version: str
    process: subprocess.Popen[bytes]
    mapper: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]
    control: Path
    environment: dict[str, str]

    def add_virtual_hosts(self, names: Sequence[str]) -> None:
        """Make virtual hosts that the guest user may use, all in one call of rabbitmqctl.

        Raises:
            BrokerError: rabbitmqctl failed.
        """
        steps = [
            f'rabbit_vhost:add(<<"{name}">>, <<"celery-wire">>), '
            f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, '
            '<<".*">>, <<".*">>, <<".*">>, <<"celery-wire">>)'
            for name in names
        ]
        call = [str(self.control), "eval", ", ".join(steps) + "."]
        done = subprocess.run(call, capture_output=True, text=True, check=False, env=self.environment)
        if done.returncode:
            raise BrokerError(f"rabbitmqctl could not make virtual hosts: {done.stderr.strip()[-400:]}", _HINT)

    def stop(self) -> None:
        process.end(self.guard)
        process.end(self.process, grace=1.0)
        process.end(self.mapper)


def find_server() -> Path:
    """The folder with RabbitMQ's own scripts.

    Raises:
        BrokerError: RabbitMQ is not installed.
    """
    candidates = [Path(root) for root in _LIBRARIES]
    for root in candidates:
        for script in sorted(root.glob("**/sbin/rabbitmq-server"), reverse=True):
            return script.parent
    on_path = shutil.which("rabbitmq-server")
    if on_path is not None:
        return Path(on_path).resolve().parent
    raise BrokerError("expected RabbitMQ on this machine, found no rabbitmq-server", _HINT)


def find_mapper() -> str:
    """The Erlang port mapper.

    Raises:
        BrokerError: there is none.
    """
    on_path = shutil.which("epmd")
    if on_path is not None:
        return on_path
    for found in Path("/usr/lib/erlang").glob("erts-*/bin/epmd"):
        return str(found)
    raise BrokerError("expected Erlang's port mapper (epmd) beside RabbitMQ, found none", _HINT)


def _environment(folder: Path, port: int, distribution: int, mapper: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        **kept,
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"celery-wire-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-environment"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "no-advanced"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none -start_epmd false",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": HOST,
    }


def _prepare(folder: Path) -> None:
    (folder / "rabbitmq.conf").write_text(
        "loopback_users = none\nvm_memory_high_watermark.relative = 0.4\n"
        "disk_free_limit.absolute = 10MB\nlog.file.level = warning\nlog.console = false\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")


def start_rabbitmq(folder: Path, given_up: Callable[[], bool] = lambda: False) -> RabbitServer:
    """Start a node and wait until it takes connections (about ten seconds), or until it is given up.

    Raises:
        BrokerError: RabbitMQ is not installed, or the node did not come up within 90 seconds, or was given up.
    """
    scripts, mapper = find_server(), find_mapper()
    port, distribution, mapper_port = free_ports(3)
    environment = _environment(folder, port, distribution, mapper_port)
    _prepare(folder)
    log = folder / "rabbitmq.log"
    mapper_call = [mapper, "-port", str(mapper_port), "-address", HOST]
    mapper_child = process.start(mapper_call, log=log, folder=folder, environment=environment)
    child = process.start([str(scripts / "rabbitmq-server")], log=log, folder=folder, environment=environment)
    guard = process.guard(child.pid)  # the script starts Erlang as a child, which would go on without it
    if not wait_until(lambda: answers(port), lambda: child.poll() is None and not given_up(), 90):
        process.end(guard)
        process.end(child)
        process.end(mapper_child)
        raise BrokerError(f"the private RabbitMQ node did not come up: {process.last_lines(log)}", _HINT)
    return RabbitServer(port, _version(scripts), child, mapper_child, guard, scripts / "rabbitmqctl", environment)


def _version(scripts: Path) -> str:
    plugins = sorted((scripts.parent / "plugins").glob("rabbit-*"))
    return plugins[-1].name.removeprefix("rabbit-").removesuffix(".ez") if plugins else "unknown"
