"""What the page about upstream documentation says of Celery is what Celery does; a test is named after its entry."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.backends.rpc import RPCBackend
from celery.canvas import chord
from celery.events.event import get_exchange
from celery.events.state import HEARTBEAT_EXPIRE_WINDOW, heartbeat_expires
from celery.exceptions import ChordError
from celery.security.certificate import Certificate, CertStore
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer
from celery_conformance import fixtures
from celery_conformance.brokers.redis_server import start_redis
from kombu import Connection, Queue, compression, serialization
from kombu.transport.native_delayed_delivery import calculate_routing_key

from .upstream_worker import Watched, until, watched

FIXTURES = {one.name: one for one in fixtures.load()}

#: The v2 headers that the protocol page lists, required and optional.
DOCUMENTED = {
    "lang", "task", "id", "root_id", "parent_id", "group", "meth", "shadow", "eta", "expires", "retries", "timelimit",
    "argsrepr", "kwargsrepr", "origin", "replaced_task_nesting", "compression",
}  # fmt: skip


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("upstream")
    server = start_redis(folder)
    try:
        with watched(f"redis://127.0.0.1:{server.port}/0", folder / "worker.log") as made:
            yield made
    finally:
        server.stop()


@pytest.fixture
def app() -> Celery:
    return Celery("memory", broker="memory://", backend="cache+memory://", set_as_current=False)


def published(app: Celery, **options: Any) -> Any:
    """The envelope that a call leaves on the broker in memory."""
    with app.connection_for_write() as connection:
        app.send_task("any", connection=connection, **options)
        channel = connection.default_channel
        return channel._get("celery")


def test_v2_time_limits(app: Celery) -> None:
    made = app.amqp.as_task_v2("id", "any", time_limit=30, soft_time_limit=20)
    assert made.headers["timelimit"] == [30, 20]


def test_v1_time_limits(app: Celery) -> None:
    made = app.amqp.as_task_v1("id", "any", time_limit=10, soft_time_limit=3)
    assert list(made.body["timelimit"]) == [10, 3]


def test_v2_undocumented_headers(app: Celery) -> None:
    made = app.amqp.as_task_v2("id", "any")
    assert set(made.headers) - DOCUMENTED == {"group_index", "ignore_result", "stamped_headers", "stamps"}
    assert "meth" not in made.headers


def test_v2_undocumented_properties(app: Celery) -> None:
    properties = published(app, expires=60)["properties"]
    assert properties["priority"] == 0
    assert properties["delivery_mode"] == 2
    assert 58_000 <= int(properties["expiration"]) <= 60_000


def test_v2_unknown_options(app: Celery) -> None:
    assert published(app, tiem_limit=3)["properties"]["tiem_limit"] == 3


def test_v2_compression_header(app: Celery) -> None:
    assert published(app, compression="bzip2")["headers"]["compression"] == "application/x-bz2"
    assert published(app, compression="zlib")["headers"]["compression"] == "application/x-gzip"


def test_v2_origin(app: Celery) -> None:
    made = app.amqp.as_task_v2("id", "any")
    assert made.headers["origin"].startswith(f"gen{os.getpid()}@")
    sent_by_a_worker = FIXTURES["task-v2/child"].decoded["headers"]
    assert sent_by_a_worker["parent_id"]
    assert sent_by_a_worker["origin"].startswith("gen")


def test_v2_representations(app: Celery) -> None:
    text = app.amqp.as_task_v2("id", "any", args=["x" * 5000]).headers["argsrepr"]
    assert len(text) < 1100
    assert "..." in text
    assert "..." in app.amqp.as_task_v2("id", "any", args=[[[[[[1]]]]]]).headers["argsrepr"]


def test_v2_strings_as_times(app: Celery) -> None:
    assert app.amqp.as_task_v2("id", "any", eta="garbage").headers["eta"] == "garbage"


def test_v2_ignore_result_by_name(app: Celery) -> None:
    assert published(app)["headers"]["ignore_result"] is None


def test_v1_fields(app: Celery) -> None:
    body = app.amqp.as_task_v1("id", "any", group_id="g", group_index=1).body
    assert body["group"] == body["taskset"] == "g"
    assert body["group_index"] == 1


def test_v1_utc_flag(worker: Watched) -> None:
    """Three hours ahead in UTC is six hours ago in the worker's zone: a worker that took it as local would run it."""
    eta = (datetime.now(UTC) + timedelta(hours=3)).replace(tzinfo=None, microsecond=0)
    body = {"task": "upstream.echo", "id": "v1-utc", "args": [1], "kwargs": {}, "utc": False, "eta": eta.isoformat()}
    with worker.app.producer_pool.acquire() as producer:
        producer.publish(body, routing_key="upstream", exchange="", serializer="json")
    inspect = worker.app.control.inspect(timeout=2)

    def held() -> Any:
        replies = inspect.scheduled() or {}
        return next((entry for node in replies.values() for entry in node), None)

    entry = until(held, "the message among the scheduled ones")
    assert datetime.fromisoformat(entry["eta"]) == eta.replace(tzinfo=UTC)


def test_reply_to_is_a_queue(app: Celery) -> None:
    backend = RPCBackend(app=app)
    request = type("Request", (), {"reply_to": "amqp://host//queue", "correlation_id": "c"})()
    assert backend.destination_for("id", request) == ("amqp://host//queue", "c")


def test_v2_every_body_is_decoded(worker: Watched) -> None:
    """The task is never given to the pool: a held message with an undecodable body does not become scheduled."""
    headers = {"task": "upstream.echo", "id": "undecodable", "eta": "2999-01-01T00:00:00+00:00"}
    with worker.app.producer_pool.acquire() as producer:
        producer.publish(
            b"{", routing_key="upstream", exchange="", headers=headers, content_type="application/json",
            content_encoding="utf-8",
        )  # fmt: skip
    assert worker.app.send_task("upstream.echo", [2], queue="upstream").get(timeout=20) == 2
    scheduled = worker.app.control.inspect(timeout=2).scheduled() or {}
    assert "undecodable" not in json.dumps(scheduled)


def test_event_serializer() -> None:
    app = Celery("memory", broker="memory://", set_as_current=False)
    app.conf.event_serializer = "pickle"
    with app.connection_for_write() as connection:
        queue = get_exchange(connection)
        channel = connection.default_channel
        bound = Queue("taken", queue, routing_key="#")(channel)
        bound.declare()
        with app.events.Dispatcher(connection) as dispatcher:
            dispatcher.send("task-custom")
        assert channel._get("taken")["content-type"] == "application/x-python-serialize"


def test_event_hostname(worker: Watched) -> None:
    assert worker.event("worker-online")["hostname"].startswith("celery@")


def test_event_utcoffset(worker: Watched) -> None:
    """The worker lives nine hours ahead of UTC."""
    assert worker.event("worker-online")["utcoffset"] == -9
    india = "from celery.utils.time import utcoffset; print(utcoffset())"
    ran = subprocess.run(
        [sys.executable, "-c", india], env={**os.environ, "TZ": "Asia/Kolkata"}, capture_output=True, check=True
    )
    assert ran.stdout.strip() == b"-5.5"


def test_event_succeeded_field(worker: Watched) -> None:
    sent = worker.app.send_task("upstream.echo", [3], queue="upstream")
    event = worker.event("task-succeeded", lambda one: one["uuid"] == sent.id)
    assert event["result"] == "3"
    assert "retval" not in event


def test_event_batches(worker: Watched) -> None:
    worker.app.send_task("upstream.echo", [4], queue="upstream").get(timeout=20)
    worker.event("task-succeeded")
    batched = {key for key, body in worker.messages if isinstance(body, list)}
    assert batched == {"task.multi"}


def test_event_received_fields(worker: Watched) -> None:
    sent = worker.app.send_task("upstream.echo", [5], queue="upstream", expires=600)
    event = worker.event("task-received", lambda one: one["uuid"] == sent.id)
    assert datetime.fromisoformat(event["expires"]) > datetime.now(UTC)


def test_heartbeat_interval(worker: Watched) -> None:
    beats = until(lambda: found if len(found := worker.events("worker-heartbeat")) >= 2 else None, "two heartbeats")
    assert {beat["freq"] for beat in beats} == {2.0}
    assert 1.5 < beats[1]["timestamp"] - beats[0]["timestamp"] < 6
    assert HEARTBEAT_EXPIRE_WINDOW == 200
    assert heartbeat_expires(100.0, freq=2.0) == 104.0


def test_online_counters(worker: Watched) -> None:
    assert {"active", "processed", "loadavg"} <= set(worker.event("worker-online"))


def test_disable_events(worker: Watched) -> None:
    (reply,) = worker.app.control.disable_events(reply=True, timeout=5, limit=1)
    (answer,) = reply.values()
    assert "already disabled" in answer["ok"]
    sent = worker.app.send_task("upstream.echo", [6], queue="upstream")
    assert worker.event("task-succeeded", lambda one: one["uuid"] == sent.id)


def test_destination_as_text(app: Celery) -> None:
    with pytest.raises(ValueError, match="destination"):
        app.control.broadcast("shutdown", destination="worker1@example.com")


def test_retry_parent(worker: Watched) -> None:
    sent = worker.app.send_task("upstream.retry", queue="upstream")
    assert sent.get(timeout=20) == sent.id


def test_chord_error_order(worker: Watched) -> None:
    """The second member fails at once, the first half a second later: the first is named."""
    fail, echo = worker.app.signature("upstream.fail"), worker.app.signature("upstream.echo")
    header = [fail.clone((0.7, "slow")), fail.clone((0, "quick"))]
    body = chord(header, app=worker.app)(echo.set(queue="upstream"))
    until(lambda: body.ready() or None, "the chord's end")
    assert isinstance(body.result, ChordError)
    assert "slow" in str(body.result)


def test_chord_ignored_results(worker: Watched) -> None:
    quiet, echo = worker.app.signature("upstream.quiet"), worker.app.signature("upstream.echo")
    body = chord([quiet.clone((1,)), quiet.clone((2,))], app=worker.app)(echo.clone())
    assert body.get(timeout=20) == [1, 2]


def test_chunks(app: Celery) -> None:
    @app.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    with app.connection_for_write() as connection:
        add.chunks([(1, 1), (2, 2), (3, 3)], 2).apply_async(connection=connection)
        channel = connection.default_channel
        names = [channel._get("celery")["headers"]["task"] for _ in range(2)]
    assert names == ["celery.starmap"] * 2


def test_visibility_timeout(worker: Watched) -> None:
    def seconds(**conf: Any) -> int:
        app = Celery("redis", broker=worker.url, set_as_current=False)
        app.conf.update(conf)
        with app.connection_for_read() as connection:
            return int(connection.default_channel.visibility_timeout)

    elsewhere = {"result_backend_transport_options": {"visibility_timeout": 7}, "visibility_timeout": 7}
    assert seconds(**elsewhere) == 3600
    assert seconds(broker_transport_options={"visibility_timeout": 7}) == 7


def test_redis_priorities(worker: Watched) -> None:
    """No option is set: the lists are four all the same, and the most urgent is read first."""
    with Connection(worker.url) as connection, connection.SimpleQueue("ranked") as queue:
        for number in (9, 0):
            queue.put({"priority": number}, priority=number)
        assert queue.queue.channel.client.exists("ranked\x06\x169") == 1
        assert [queue.get(timeout=5).payload["priority"] for _ in range(2)] == [0, 9]


def test_gzip_is_zlib() -> None:
    for name in ("gzip", "zlib"):
        body, content_type = compression.compress(b"text", name)
        assert content_type == "application/x-gzip"
        assert body[:2] == b"\x78\x9c"
        assert zlib.decompress(body) == b"text"


def test_lzma_is_xz() -> None:
    body, content_type = compression.compress(b"text", "lzma")
    assert content_type == "application/x-lzma"
    assert body.startswith(b"\xfd7zXZ\x00")


def test_accept_list() -> None:
    """Two content types are read whatever the list says."""
    accept = {"application/json"}
    for content_type in ("application/data", "application/text"):
        assert serialization.loads(b"raw", content_type, "binary", accept=accept) == b"raw"
    with pytest.raises(serialization.ContentDisallowed):
        serialization.loads(b"raw", "application/x-other", "binary", accept=accept)


def test_tagged_values() -> None:
    _, _, text = serialization.dumps({"day": datetime(2026, 1, 2, tzinfo=UTC)}, "json")
    assert json.loads(text) == {"day": {"__type__": "datetime", "__value__": "2026-01-02T00:00:00+00:00"}}


def test_stamps_in_results(worker: Watched) -> None:
    """The document of a task that succeeded says what its stamp says."""
    signature = worker.app.signature("upstream.echo", (7,), queue="upstream")
    signature.stamp(status="evil", result="forged")
    sent = signature.apply_async()
    key = f"celery-task-meta-{sent.id}"
    stored = json.loads(until(lambda: worker.app.backend.client.get(key), key))
    assert (stored["status"], stored["result"]) == ("evil", "forged")


def test_sub_second_delays() -> None:
    assert calculate_routing_key(1, "q").endswith(".q")
    with pytest.raises(ValueError, match="countdown"):
        calculate_routing_key(0.5, "q")


def test_signature_covers_the_body(app: Celery) -> None:
    """What is signed is the body; the name of the task is nowhere in it, so another name fits the signature as well."""
    x509 = pytest.importorskip("cryptography.x509")
    made = app.amqp.as_task_v2("id", "transfer", args=[1])
    serializer = signer(x509)
    signed = serializer.serialize(made.body)
    assert b"transfer" not in base64.b64decode(signed)
    assert serializer.deserialize(signed)[0] == [1]


def signer(x509: Any) -> Any:
    """Celery's serializer of signed messages, with a key and a certificate made for the moment."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as keys
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(keys.Encoding.PEM)
    private = key.private_bytes(keys.Encoding.PEM, keys.PrivateFormat.TraditionalOpenSSL, keys.NoEncryption())
    certificate, store = Certificate(pem), CertStore()
    store.add_cert(certificate)
    return SecureSerializer(key=PrivateKey(private), cert=certificate, cert_store=store)
