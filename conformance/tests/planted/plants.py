"""What can be planted into Celery 5.7: faults that the suite must find, and harmless changes that it must let pass.

Each is a function that patches one place of Celery or kombu; its docstring is what it does. ``FAULTS`` also names the
case that must fail. Nothing here knows how the suite finds them.
"""

import datetime
import functools
import json
import os
import sys

FAULTS, HARMLESS = {}, {}


def fault(*cases, broker=None):
    """Register a fault, with the cases that must fail of it."""

    def register(function):
        FAULTS[function.__name__.replace("_", "-")] = {
            "plant": function,
            "cases": cases,
            "broker": broker,
            "doc": function.__doc__,
        }
        return function

    return register


def harmless(function):
    HARMLESS[function.__name__.replace("_", "-")] = {"plant": function, "doc": function.__doc__}
    return function


def apply(name):
    """Plant the change of that name in this process."""
    {**FAULTS, **HARMLESS}[name]["plant"]()


# -- tools ---------------------------------------------------------------------------------------------------


def wrap(owner, name):
    """Replace ``owner.name`` by a function of the original and its arguments."""

    def decorate(replacement):
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*args, **kwargs):
            return replacement(original, *args, **kwargs)

        setattr(owner, name, call)
        return replacement

    return decorate


def on_task_message(change):
    """Change each version 2 message a producer makes: (headers, properties, body) → the same."""
    from celery.app import amqp

    @wrap(amqp.AMQP, "as_task_v2")
    def as_task_v2(original, *args, **kwargs):
        message = original(*args, **kwargs)
        headers, properties, body = change(dict(message.headers), dict(message.properties), message.body)
        return amqp.task_message(headers, properties, body, message.sent_event)


def on_envelope(change):
    """Change each envelope before it goes to Redis."""
    from kombu.transport import redis

    @wrap(redis.Channel, "_put")
    def _put(original, self, queue, message, **kwargs):
        return original(self, queue, change(message), **kwargs)


def on_document(change):
    """Change each result document before it is stored or sent."""
    from celery.backends import base

    @wrap(base.Backend, "_get_result_meta")
    def _get_result_meta(original, self, *args, **kwargs):
        return change(original(self, *args, **kwargs))


# -- faults of a producer --------------------------------------------------------------------------------------


@fault("v2-id-equals-correlation-id")
def correlation_id_differs():
    """The correlation id is another text than the task id."""
    on_task_message(
        lambda headers, properties, body: (headers, {**properties, "correlation_id": "x" + headers["id"]}, body)
    )


@fault("v2-time-limits-hard-first")
def time_limits_swapped():
    """The time limits stand as soft and hard."""
    on_task_message(
        lambda headers, properties, body: ({**headers, "timelimit": headers["timelimit"][::-1]}, properties, body)
    )


@fault("v2-eta")
def eta_as_unix_time():
    """The ETA is a number of seconds."""

    def change(headers, properties, body):
        if headers["eta"]:
            headers["eta"] = datetime.datetime.fromisoformat(headers["eta"]).timestamp()
        return headers, properties, body

    on_task_message(change)


@fault("v2-no-empty-times")
def eta_as_empty_text():
    """A task without ETA carries an empty text."""
    on_task_message(lambda headers, properties, body: ({**headers, "eta": headers["eta"] or ""}, properties, body))


@fault("v2-countdown-becomes-eta")
def countdown_in_local_wall_time():
    """The countdown becomes wall time nine hours east, without an offset."""

    def change(headers, properties, body):
        if headers["eta"]:
            east = datetime.datetime.fromisoformat(headers["eta"]) + datetime.timedelta(hours=9)
            headers["eta"] = east.replace(tzinfo=None).isoformat()
        return headers, properties, body

    on_task_message(change)


@fault("v2-expires")
def expires_as_seconds():
    """The expiry is a number of seconds from now."""
    on_task_message(
        lambda headers, properties, body: ({**headers, "expires": headers["expires"] and 60}, properties, body)
    )


@fault("v2-retries")
def retries_as_text():
    """The number of retries is a text."""
    on_task_message(
        lambda headers, properties, body: ({**headers, "retries": str(headers["retries"])}, properties, body)
    )


@fault("v2-body")
def body_of_two():
    """The body has no embed."""
    on_task_message(lambda headers, properties, body: (headers, properties, body[:2]))


@fault("v2-body-keywords")
def keywords_as_pairs():
    """Keyword arguments travel as a list of pairs."""
    on_task_message(
        lambda headers, properties, body: (
            headers,
            properties,
            (body[0], [list(pair) for pair in body[1].items()], body[2]),
        )
    )


@fault("v2-body-keywords")
def keywords_among_positionals():
    """Keyword arguments are appended to the positional ones."""
    on_task_message(
        lambda headers, properties, body: (
            headers,
            properties,
            ([*body[0], body[1]] if body[1] else body[0], {}, body[2]),
        )
    )


@fault("redis-delivery-tags-differ", broker="redis")
def constant_delivery_tag():
    """Every envelope has the same delivery tag."""
    on_envelope(lambda envelope: {**envelope, "properties": {**envelope["properties"], "delivery_tag": "tag"}})


@fault("redis-envelope-shape", broker="redis")
def no_delivery_info():
    """The envelope has no delivery_info."""

    def change(envelope):
        properties = {name: value for name, value in envelope["properties"].items() if name != "delivery_info"}
        return {**envelope, "properties": properties}

    on_envelope(change)


@fault("redis-envelope-shape", broker="redis")
def body_encoding_untrue():
    """The envelope says base64 of a body that is plain text."""
    import base64

    on_envelope(lambda envelope: {**envelope, "body": base64.b64decode(envelope["body"]).decode()})


@fault("redis-pushes-left", broker="redis")
def published_at_the_head():
    """Messages are pushed at the end they are taken from: newest first."""
    import redis

    @wrap(redis.Redis, "lpush")
    def lpush(original, self, name, *values):
        return self.rpush(name, *values)


@fault("redis-priority-lists", broker="redis")
def priority_key_with_a_colon():
    """The list of a priority is named with a colon."""
    from kombu.transport import redis

    redis.Channel.sep = ":"


@fault("redis-envelope-shape", broker="redis")
def underscores_in_the_envelope():
    """The envelope spells content_type and content_encoding with underscores."""
    on_envelope(lambda envelope: {name.replace("content-", "content_"): value for name, value in envelope.items()})


@fault("v2-content-type-and-encoding")
def content_type_with_parameters():
    """The content type carries a character set."""
    from kombu import serialization

    registry = serialization.registry

    @wrap(serialization.SerializerRegistry, "dumps")
    def dumps(original, self, *args, **kwargs):
        content_type, encoding, body = original(self, *args, **kwargs)
        if os.path.basename(sys.argv[0]) == "client.py" and content_type == "application/json":
            content_type = "application/json; charset=utf-8"
        return content_type, encoding, body

    serialization.dumps = registry.dumps
    from kombu import messaging

    messaging.dumps = registry.dumps


# -- faults of a worker ----------------------------------------------------------------------------------------


@fault("store-redis-announces", broker="redis")
def results_not_announced():
    """A result is stored and not published."""
    from celery.backends import redis

    @wrap(redis.RedisBackend, "_set")
    def _set(original, self, key, value, expires):
        self.client.set(key, value, ex=expires or None)


@fault("store-redis-stores-first", broker="redis")
def announced_before_stored():
    """A result is published first and stored 300 ms later."""
    import time

    from celery.backends import redis

    @wrap(redis.RedisBackend, "_set")
    def _set(original, self, key, value, expires):
        self.client.publish(key, value)
        time.sleep(0.3)
        self.client.set(key, value, ex=expires or None)


@fault("store-redis-key", broker="redis")
def results_under_another_key():
    """The key of a result has another prefix."""
    from celery.backends import base

    base.BaseKeyValueStoreBackend.task_keyprefix = "celery-result-"


@fault("result-failure-carries-exception")
def failures_with_a_null_result():
    """A failure is stored with a null result and the exception as traceback."""

    def change(document):
        if document["status"] == "FAILURE":
            document["traceback"], document["result"] = json.dumps(document["result"]), None
        return document

    on_document(change)


@fault("worker-stores-success")
def states_in_lower_case():
    """States are written in lower case."""
    on_document(lambda document: {**document, "status": document["status"].lower()})


@fault("result-failure-carries-exception")
def exception_type_missing():
    """The exception form has no exc_type."""

    def change(document):
        if isinstance(document["result"], dict):
            document["result"] = {name: value for name, value in document["result"].items() if name != "exc_type"}
        return document

    on_document(change)


@fault("worker-acks-late")
def late_acknowledged_early():
    """A late task is acknowledged before it runs."""
    from celery.worker import request

    @wrap(request.Request, "execute_using_pool")
    def execute_using_pool(original, self, pool, **kwargs):
        self.acknowledge()
        return original(self, pool, **kwargs)

    @wrap(request, "create_request_cls")
    def create_request_cls(original, *args, **kwargs):
        made = original(*args, **kwargs)
        inner = made.execute_using_pool

        def early(self, pool, **options):
            self.acknowledge()
            return inner(self, pool, **options)

        made.execute_using_pool = early
        return made

    from celery.worker import strategy

    strategy.create_request_cls = request.create_request_cls


@fault("worker-leaves-nothing-unacknowledged")
def never_acknowledged():
    """No message is ever acknowledged."""
    from kombu import message

    message.Message.ack_log_error = lambda self, *args, **kwargs: None
    message.Message.ack = lambda self, *args, **kwargs: None


@fault("redis-unacked-copy", broker="redis")
def no_unacknowledged_copy():
    """A message is taken without a copy of it being kept."""
    from kombu.transport import redis

    redis.Channel.ack_emulation = False


@fault("worker-waits-for-eta")
def eta_ignored():
    """A task with an ETA runs at once."""
    from celery.worker import request

    @wrap(request.Request, "__init__")
    def __init__(original, self, message, *args, headers=None, **kwargs):
        headers = {**headers, "eta": None} if headers else headers
        original(self, message, *args, headers=headers, **kwargs)


@fault("worker-skips-expired")
def expiry_ignored():
    """An expired task runs."""
    from celery.worker import request

    request.Request.maybe_expire = lambda self: False


@fault("worker-unknown-task-fails")
def unknown_tasks_leave_no_result():
    """An unknown task is dropped without a result."""
    from celery.worker.consumer import consumer

    @wrap(consumer.Consumer, "on_unknown_task")
    def on_unknown_task(original, self, body, message, exc):
        message.reject_log_error(consumer.logger, self.connection_errors)


@fault("worker-ignores-result")
def ignore_result_ignored():
    """A result is stored although the message says to ignore it."""
    from celery.app import task, trace
    from celery.backends import base

    trace.get_actual_ignore_result = task.get_actual_ignore_result = lambda task, request: False
    base._is_request_ignore_result = lambda request: False


@fault("worker-retry-keeps-id")
def retries_under_another_id():
    """A retried task gets a new id."""
    import uuid

    from celery.app import task

    @wrap(task.Task, "signature_from_request")
    def signature_from_request(original, self, *args, **kwargs):
        signature = original(self, *args, **kwargs)
        signature.options["task_id"] = str(uuid.uuid4())
        return signature


@fault("worker-retry-counts")
def retries_not_counted():
    """A retried task still says that it was never retried."""
    from celery.app import task

    @wrap(task.Task, "signature_from_request")
    def signature_from_request(original, self, *args, **kwargs):
        signature = original(self, *args, **kwargs)
        signature.options["retries"] = 0
        return signature


@fault("result-document")
def another_task_id_in_the_document():
    """The document names another task than its key or its correlation id."""
    from celery.backends import base, rpc

    @wrap(base.BaseKeyValueStoreBackend, "encode")
    def encode(original, self, data):
        if isinstance(data, dict) and "task_id" in data:
            data = {**data, "task_id": "another"}
        return original(self, data)

    @wrap(rpc.RPCBackend, "_to_result")
    def _to_result(original, self, *args):
        return {**original(self, *args), "task_id": "another"}


# -- faults of a reader ----------------------------------------------------------------------------------------


@fault("reader-failure-is-an-error")
def failures_read_as_values():
    """A failed task reads as if it had succeeded."""
    from celery.backends import base

    @wrap(base.Backend, "meta_from_decoded")
    def meta_from_decoded(original, self, meta):
        if meta["status"] == "FAILURE":
            return {**meta, "status": "SUCCESS"}
        return original(self, meta)


@fault("reader-failure-is-an-error")
def revoked_never_ready():
    """A revoked task is waited for as if it could still run."""
    from celery import states

    states.READY_STATES = frozenset({"SUCCESS", "FAILURE"})


# -- harmless changes ------------------------------------------------------------------------------------------


@harmless
def another_origin():
    """Messages come from another kind of sender, written in another language."""
    on_task_message(
        lambda headers, properties, body: ({**headers, "origin": "svc-7 (eu)", "lang": "go"}, properties, body)
    )


@harmless
def an_extra_header():
    """Messages carry headers nobody knows."""
    on_task_message(
        lambda headers, properties, body: ({**headers, "trace": {"span": "a1", "sampled": True}}, properties, body)
    )


@harmless
def an_extra_result_key():
    """Result documents carry a key nobody knows."""
    on_document(lambda document: {**document, "host": "box", "timings": [0.1, 0.2]})


@harmless
def another_key_order():
    """All objects are written with their keys in reverse order."""
    from kombu.utils import json as kombu_json

    def turned(value):
        if isinstance(value, dict):
            return {name: turned(entry) for name, entry in reversed(value.items())}
        if isinstance(value, (list, tuple)):
            return [turned(entry) for entry in value]
        return value

    _rewrite_json(lambda text: json.dumps(turned(json.loads(text))))
    del kombu_json


@harmless
def other_white_space():
    """JSON is written without blanks and without escapes of letters."""
    _rewrite_json(lambda text: json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False))


def _rewrite_json(rewrite):
    from kombu import serialization
    from kombu.transport import redis
    from kombu.utils import json as kombu_json

    original = kombu_json.dumps

    def dumps(*args, **kwargs):
        return rewrite(original(*args, **kwargs))

    kombu_json.dumps = redis.dumps = dumps
    serialization.register("json", dumps, kombu_json.loads, "application/json", "utf-8")


@harmless
def times_with_z():
    """Times end in Z in place of +00:00."""

    def zulu(value):
        return value.replace("+00:00", "Z") if isinstance(value, str) else value

    on_task_message(
        lambda headers, properties, body: (
            {**headers, "eta": zulu(headers["eta"]), "expires": zulu(headers["expires"])},
            properties,
            body,
        )
    )
    on_document(lambda document: {**document, "date_done": zulu(document["date_done"])})


@harmless
def ids_that_are_no_uuids():
    """Task ids and delivery tags are short words."""
    import itertools

    import celery.app.base
    from kombu.transport.virtual import base

    count = itertools.count(1)

    def word(*_args, **_kwargs):
        return f"job/{os.getpid()}-{next(count)}"

    celery.app.base.uuid = word
    base.Channel._next_delivery_tag = word
    base.uuid = word


@harmless
def set_with_ex():
    """A result is stored by SET with EX in place of SETEX."""
    from celery.backends import redis

    @wrap(redis.RedisBackend, "_set")
    def _set(original, self, key, value, expires):
        with self.client.pipeline() as pipe:
            pipe.set(key, value, ex=expires or None)
            pipe.publish(key, value)
            pipe.execute()


@harmless
def stored_without_a_transaction():
    """A result is stored, then announced, by two plain commands."""
    from celery.backends import redis

    @wrap(redis.RedisBackend, "_set")
    def _set(original, self, key, value, expires):
        self.client.set(key, value)
        if expires:
            self.client.expire(key, expires)
        self.client.publish(key, value)


@harmless
def stored_by_a_script():
    """A result is stored and announced by a Lua script."""
    from celery.backends import redis

    script = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return redis.call('PUBLISH', KEYS[1], ARGV[1])"

    @wrap(redis.RedisBackend, "_set")
    def _set(original, self, key, value, expires):
        self.client.eval(script, 1, key, value, expires or 86400)


@harmless
def another_time_zone():
    """Producer and worker live in Tokyo and write its offset."""
    import celery.app.base

    @wrap(celery.app.base.Celery, "__init__")
    def __init__(original, self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.conf.timezone = "Asia/Tokyo"


@harmless
def redis_protocol_2():
    """The Redis client speaks RESP2."""
    import redis.connection

    @wrap(redis.connection.ConnectionPool, "__init__")
    def __init__(original, self, *args, **kwargs):
        original(self, *args, **{**kwargs, "protocol": 2})


@harmless
def no_representations():
    """Messages say nothing for display: no argsrepr, no kwargsrepr, no shadow."""

    def change(headers, properties, body):
        shown = {name: value for name, value in headers.items() if name not in ("argsrepr", "kwargsrepr", "shadow")}
        return shown, properties, body

    on_task_message(change)
