"""Mutants of the reference: each one wrong behaviour by name, each killed by the cases that claim it.

A mutant replaces one function of celery-wire (or of the kombu beneath it) by a wrong one. Its docstring says what is
wrong. The cases that must kill it name it in ``kills``; a test holds that each case's claim is true.
"""

import dataclasses
import functools
import json

MUTANTS = {}


def mutant(function):
    """Register a mutant under the function's name, with dashes."""
    MUTANTS[function.__name__.replace("_", "-")] = function
    return function


def apply(name):
    """Put the mutant of that name into this process."""
    MUTANTS[name]()


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


def on_publication(change):
    """Change each task message: (headers, properties, body) → the same."""
    from celery_wire import canvas, client, context, produce, workflow

    original = produce.task_publication

    @functools.wraps(original)
    def task_publication(*args, **kwargs):
        publication = original(*args, **kwargs)
        message = publication.message
        headers, properties, body = change(dict(message.headers), dict(message.properties), json.loads(message.body))
        changed = dataclasses.replace(message, headers=headers, properties=properties, body=json.dumps(body))
        return dataclasses.replace(publication, message=changed)

    for module in (produce, canvas, client, context, workflow):
        if hasattr(module, "task_publication"):
            module.task_publication = task_publication


def on_envelope(change):
    """Change each envelope before it goes to Redis."""
    from kombu.transport import redis

    @wrap(redis.Channel, "_put")
    def _put(original, self, queue, message, **kwargs):
        return original(self, queue, change(message), **kwargs)


def on_actions(name, change):
    """Change the actions that a function of the life cycle returns."""
    from celery_wire import lifecycle

    @wrap(lifecycle, name)
    def actions(original, *args, **kwargs):
        return change(original(*args, **kwargs))


def on_document(change):
    """Change each result document before it is serialized."""
    from celery_wire import results

    @wrap(results, "_store")
    def _store(original, source, task_id, document):
        return original(source, task_id, change(dict(document)))


def properties_without(envelope, name):
    return {key: value for key, value in envelope["properties"].items() if key != name}


# -- producers -------------------------------------------------------------------------------------------------


@mutant
def no_correlation_id():
    """The message has no correlation id."""

    def change(headers, properties, body):
        properties.pop("correlation_id")
        return headers, properties, body

    on_publication(change)


@mutant
def same_id_for_all():
    """Every task has the same id."""
    on_publication(
        lambda headers, properties, body: ({**headers, "id": "task"}, {**properties, "correlation_id": "task"}, body)
    )


@mutant
def few_headers():
    """Only task and id are written."""
    on_publication(
        lambda headers, properties, body: ({name: headers[name] for name in ("task", "id")}, properties, body)
    )


@mutant
def retries_as_text():
    """The number of retries is a text."""
    on_publication(
        lambda headers, properties, body: ({**headers, "retries": str(headers["retries"])}, properties, body)
    )


@mutant
def content_type_with_parameters():
    """The content type carries a character set."""
    from celery_wire.brokers import publisher

    @wrap(publisher, "_arguments")
    def _arguments(original, message):
        return {**original(message), "content_type": "application/json; charset=utf-8"}


@mutant
def no_reply_to():
    """The message names no queue for its result."""
    on_publication(lambda headers, properties, body: (headers, {**properties, "reply_to": ""}, body))


@mutant
def countdown_as_seconds():
    """The ETA is a number of seconds."""
    on_publication(lambda headers, properties, body: ({**headers, "eta": headers["eta"] and 600}, properties, body))


@mutant
def expires_as_seconds():
    """The expiry is a number of seconds."""
    on_publication(
        lambda headers, properties, body: ({**headers, "expires": headers["expires"] and 600}, properties, body)
    )


@mutant
def empty_eta():
    """A task without ETA carries an empty text."""
    on_publication(lambda headers, properties, body: ({**headers, "eta": headers["eta"] or ""}, properties, body))


@mutant
def time_limits_swapped():
    """The time limits stand as soft and hard."""
    on_publication(
        lambda headers, properties, body: ({**headers, "timelimit": headers["timelimit"][::-1]}, properties, body)
    )


@mutant
def body_of_two():
    """The body has no embed."""
    on_publication(lambda headers, properties, body: (headers, properties, body[:2]))


@mutant
def keywords_among_positionals():
    """Keyword arguments are appended to the positional ones."""
    on_publication(
        lambda headers, properties, body: (
            headers,
            properties,
            [[*body[0], *([body[1]] if body[1] else [])], {}, body[2]],
        )
    )


@mutant
def publishes_twice():
    """Every message is published twice."""
    from celery_wire.brokers import publisher

    @wrap(publisher.Publisher, "publish")
    def publish(original, self, publication):
        original(self, publication)
        original(self, publication)


@mutant
def pushes_right():
    """Messages are pushed at the end they are taken from."""
    import redis

    redis.Redis.lpush = redis.Redis.rpush


@mutant
def priority_key_with_a_colon():
    """The list of a priority is named with a colon."""
    from kombu.transport import redis

    redis.Channel.sep = ":"


@mutant
def body_not_encoded():
    """The envelope says base64 of a body that is plain text."""
    import base64

    on_envelope(lambda envelope: {**envelope, "body": base64.b64decode(envelope["body"]).decode()})


@mutant
def no_delivery_info():
    """The envelope has no delivery_info."""
    on_envelope(lambda envelope: {**envelope, "properties": properties_without(envelope, "delivery_info")})


@mutant
def no_routing_key():
    """The delivery_info names a routing key that leads nowhere."""

    def change(envelope):
        info = {"exchange": "", "routing_key": "elsewhere"}
        return {**envelope, "properties": {**envelope["properties"], "delivery_info": info}}

    on_envelope(change)


@mutant
def constant_delivery_tag():
    """Every envelope has the same delivery tag."""
    on_envelope(lambda envelope: {**envelope, "properties": {**envelope["properties"], "delivery_tag": "tag"}})


# -- workers ---------------------------------------------------------------------------------------------------


@mutant
def needs_every_header():
    """A message without root_id is refused."""
    from celery_wire import lifecycle
    from celery_wire.actions import Reject

    @wrap(lifecycle, "receive")
    def receive(original, delivery, *args):
        headers = delivery.message.headers
        if isinstance(headers, dict) and "task" in headers and "root_id" not in headers:
            return [Reject()]
        return original(delivery, *args)


@mutant
def id_from_correlation_id():
    """The correlation id is taken as the task's id."""
    from celery_wire import lifecycle

    @wrap(lifecycle, "receive")
    def receive(original, delivery, *args):
        message = delivery.message
        if isinstance(message.headers, dict) and "id" in message.headers:
            headers = {**message.headers, "id": message.properties.get("correlation_id") or message.headers["id"]}
            delivery = dataclasses.replace(delivery, message=dataclasses.replace(message, headers=headers))
        return original(delivery, *args)


@mutant
def keywords_dropped():
    """Tasks are called without their keyword arguments."""
    from celery_wire import lifecycle

    @wrap(lifecycle, "read_request")
    def read_request(original, *args):
        return dataclasses.replace(original(*args), kwargs={})


@mutant
def late_acks_early():
    """A late message is acknowledged before its task runs."""
    from celery_wire import lifecycle
    from celery_wire.actions import Acknowledge

    @wrap(lifecycle, "begin")
    def begin(original, *args):
        actions = original(*args)
        return actions if any(isinstance(action, Acknowledge) for action in actions) else [Acknowledge(), *actions]

    on_actions("finish", lambda actions: [action for action in actions if not isinstance(action, Acknowledge)])


@mutant
def never_acknowledges():
    """No message is ever acknowledged."""
    from celery_wire.brokers import consumer

    consumer.Consumer.acknowledge = lambda self, handle: None


@mutant
def eta_acknowledged_at_once():
    """A message is acknowledged as soon as it is held for its ETA."""
    from celery_wire.brokers import consumer

    @wrap(consumer.Consumer, "hold")
    def hold(original, self, handle, *args):
        self.acknowledge(handle)
        return original(self, handle, *args)


@mutant
def requeue_forgotten():
    """A message whose task wants it again is dropped."""
    from celery_wire import lifecycle
    from celery_wire.actions import Reject

    on_actions("finish", lambda actions: [Reject() if isinstance(action, Reject) else action for action in actions])
    del lifecycle


@mutant
def eta_ignored():
    """A task with an ETA runs at once."""
    from celery_wire.actions import Reserve, Schedule

    on_actions(
        "receive",
        lambda actions: [Reserve(action.request) if isinstance(action, Schedule) else action for action in actions],
    )


@mutant
def expiry_ignored():
    """An expired task runs."""
    from celery_wire import lifecycle

    lifecycle._is_expired = lambda request, now: False


@mutant
def expired_without_a_result():
    """An expired task leaves no result."""
    from celery_wire import lifecycle
    from celery_wire.actions import Acknowledge

    lifecycle._expired = lambda *args: [Acknowledge()]


@mutant
def unknown_task_without_a_result():
    """An unknown task leaves no result."""
    from celery_wire import lifecycle
    from celery_wire.actions import Reject

    lifecycle._refused = lambda *args: [Reject()]


@mutant
def unreadable_eta_runs():
    """A task whose ETA cannot be read runs at once."""
    from celery_wire import lifecycle

    @wrap(lifecycle, "receive")
    def receive(original, delivery, *args):
        message = delivery.message
        if isinstance(message.headers, dict) and message.headers.get("eta") == "garbage":
            headers = {**message.headers, "eta": None}
            delivery = dataclasses.replace(delivery, message=dataclasses.replace(message, headers=headers))
        return original(delivery, *args)


@mutant
def accepts_any_content():
    """A message of any content type is taken for JSON."""
    from celery_wire import lifecycle

    @wrap(lifecycle, "receive")
    def receive(original, delivery, *args):
        message = dataclasses.replace(delivery.message, content_type="application/json")
        return original(dataclasses.replace(delivery, message=message), *args)


@mutant
def takes_newest_first():
    """Messages are taken from the end they are pushed at."""
    from kombu.transport import redis

    @wrap(redis.Channel, "_brpop_start")
    def _brpop_start(original, self, *args, **kwargs):
        connection = self.client.connection
        send = connection.send_command
        connection.send_command = lambda name, *words: send("BLPOP" if name == "BRPOP" else name, *words)
        try:
            return original(self, *args, **kwargs)
        finally:
            connection.send_command = send


@mutant
def no_unacked_copy():
    """A message is taken without a copy of it being kept."""
    from kombu.transport import redis

    redis.Channel.ack_emulation = False


@mutant
def one_list_only():
    """Only the list named like the queue is read."""
    from kombu.transport import redis

    @wrap(redis.Channel, "__init__")
    def __init__(original, self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.priority_steps = [0]


@mutant
def callbacks_forgotten():
    """Callbacks are not sent."""
    from celery_wire import canvas

    @wrap(canvas, "after_success")
    def after_success(original, request, *args):
        return original(dataclasses.replace(request, embed={**request.embed, "callbacks": None}), *args)


@mutant
def chain_forgotten():
    """The next step of a chain is sent without the rest."""
    from celery_wire import canvas

    @wrap(canvas, "after_success")
    def after_success(original, request, *args):
        chain = request.embed.get("chain")
        return original(dataclasses.replace(request, embed={**request.embed, "chain": chain and chain[-1:]}), *args)


@mutant
def retries_under_another_id():
    """A retried task gets a new id."""
    import uuid

    from celery_wire import canvas

    @wrap(canvas, "retry_publication")
    def retry_publication(original, *args):
        publication = original(*args)
        headers = {**publication.message.headers, "id": str(uuid.uuid4())}
        return dataclasses.replace(publication, message=dataclasses.replace(publication.message, headers=headers))


@mutant
def retries_not_counted():
    """A retried task still says that it was never retried."""
    from celery_wire import canvas

    @wrap(canvas, "retry_publication")
    def retry_publication(original, *args):
        publication = original(*args)
        headers = {**publication.message.headers, "retries": 0}
        return dataclasses.replace(publication, message=dataclasses.replace(publication.message, headers=headers))


# -- results ---------------------------------------------------------------------------------------------------


@mutant
def document_without_task_id():
    """The document does not name its task."""
    on_document(lambda document: {name: value for name, value in document.items() if name != "task_id"})


@mutant
def lower_case_states():
    """States are written in lower case."""
    on_document(lambda document: {**document, "status": document["status"].lower()})


@mutant
def value_as_traceback():
    """The value stands in the traceback as well."""
    on_document(lambda document: {**document, "traceback": document["traceback"] or document["result"]})


@mutant
def failure_as_text():
    """The result of a failure is a text."""

    def change(document):
        if document["status"] == "FAILURE":
            document["result"] = str(document["result"])
        return document

    on_document(change)


@mutant
def exception_without_type():
    """The exception has no exc_type."""

    def change(document):
        if document["status"] == "FAILURE":
            document["result"] = {name: value for name, value in document["result"].items() if name != "exc_type"}
        return document

    on_document(change)


@mutant
def ignore_result_ignored():
    """A result is stored although its message says to ignore it."""
    from celery_wire import request

    request.TaskRequest.is_result_ignored = lambda self, policy: False


@mutant
def result_under_another_key():
    """Results stand under another key."""
    from celery_wire.stores import redis

    redis.KEY_PREFIX = "celery-result-"


@mutant
def stored_not_announced():
    """A result is stored and not published."""
    import redis.client

    redis.client.Pipeline.publish = lambda self, *args: self


@mutant
def success_overwritten():
    """A later failure replaces a success."""
    from celery_wire.stores import redis

    redis.RedisStore._has_succeeded = lambda self, key: False


@mutant
def reply_without_correlation_id():
    """A result sent over rpc has no correlation id of its message."""
    from celery_wire.brokers import publisher

    @wrap(publisher.Publisher, "publish_result")
    def publish_result(original, self, body, reply_to, correlation_id):
        return original(self, body, reply_to, "unrelated")


# -- readers ---------------------------------------------------------------------------------------------------


@mutant
def failure_read_as_value():
    """A failed task reads as if it had succeeded."""
    from celery_wire.stores import redis, rpc

    for module in (redis, rpc):

        @wrap(module, "read_document")
        def read_document(original, text):
            document = original(text)
            if document.status in ("FAILURE", "REVOKED"):
                return document.model_copy(update={"status": "SUCCESS"})
            return document


@mutant
def revoked_never_ready():
    """A revoked task is waited for as if it could still run."""
    from celery_wire import client
    from celery_wire.stores import base, redis, rpc

    def is_final(document):
        return document is not None and document.status in ("SUCCESS", "FAILURE")

    for module in (base, client, redis, rpc):
        module.is_final = is_final


@mutant
def no_reply_queue():
    """The reply queue is not declared before the first task is sent."""
    from celery_wire.stores import rpc

    rpc.RpcStore.prepare = lambda self: None
