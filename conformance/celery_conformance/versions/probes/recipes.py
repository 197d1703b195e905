"""What is sent: one function a recipe. Each chooses its ids, so that two captures differ in little.

Ids are ``<recipe>`` or ``<recipe>-<number>``. A recipe that a line cannot do raises, and that is what is noted.
"""

import datetime
import decimal
import uuid

from celery import chain, chord, group
from kombu import Exchange, Queue

FAR = datetime.datetime(2999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)
PAST = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
NAIVE = datetime.datetime(2999, 1, 2, 3, 4, 5)
AWARE = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")

RECIPES = {}


def recipe(name, **settings):
    """Register a function under a name, with settings of Celery."""

    def register(function):
        RECIPES[name] = (function, settings)
        return function

    return register


def find(name):
    """The function and the settings of a recipe."""
    return RECIPES[name]


def call(name, task, args, settings=None, **options):
    """A recipe that calls one task by way of its object."""

    def send(app):
        return app.tasks[task].apply_async(args, task_id=name, **options)

    RECIPES[name] = (send, settings or {})


def add(name, settings=None, **options):
    """A recipe that adds 1 and 2."""
    call(name, "conf.add", (1, 2), settings, **options)


def value(name, content, settings=None, **options):
    """A recipe that sends one value."""
    call(name, "conf.echo", (content,), settings, **options)


def by_name(name, **options):
    """A recipe that sends a task by its name alone."""
    RECIPES[name] = (lambda app: app.send_task("conf.add", (1, 2), task_id=name, **options), {})


def named(name, signatures):
    """Give signatures the ids of a recipe."""
    return [one.set(task_id="%s-%d" % (name, index)) for index, one in enumerate(signatures)]


# Options of a call, one at a time.
add("plain")
by_name("by-name")
by_name("by-name-expires", expires=60)
by_name("by-name-ignore-result", ignore_result=True)
call("keywords", "conf.arguments", (1,), kwargs={"key": "value"})
call("no-arguments", "conf.ping", None)
add("countdown", countdown=10)
add("countdown-zero", countdown=0)
add("countdown-negative", countdown=-5)
add("countdown-huge", countdown=-(2**40))
add("countdown-fraction", countdown=0.5)
add("eta-aware", eta=FAR)
add("eta-naive", eta=NAIVE)
add("eta-text", eta="2999-01-02T03:04:05")
add("eta-garbage", eta="garbage")
add("countdown-and-eta", countdown=10, eta=FAR)
add("expires", expires=60)
add("expires-aware", expires=FAR)
add("expires-naive", expires=NAIVE)
add("expires-zero", expires=0)
add("expires-past", expires=PAST)
add("expires-text", expires="2999-01-02T03:04:05")
add("time-limits", time_limit=30, soft_time_limit=20)
add("hard-limit", time_limit=2.5)
add("soft-limit", soft_time_limit=20)
add("ignore-result", ignore_result=True)
add("ignore-result-false", ignore_result=False)
call("ignoring-task", "observe.ignoring", (1, 2))
call("ignoring-task-false", "observe.ignoring", (1, 2), ignore_result=False)
add("shadow", shadow="shown")
add("representations", argsrepr="(...)", kwargsrepr="{...}")
value("long-representation", "x" * 2000)
add("custom-headers", headers={"tenant": "a", "depth": {"key": [1, None, 2.5]}})
add("root-and-parent", root_id="the-root", parent_id="the-parent")
add("group-id", group_id="the-group", group_index=3)
add("retries", retries=2)
add("unknown-option", colour="blue", app_id="the-app", message_id="the-message")
add("reply-to", reply_to="my-replies")
add("reply-to-empty", reply_to="")
add("transient", delivery_mode=1)
add("priority", priority=5)
add("priority-high", priority=12)
add("args-text", settings=None)
call("args-is-text", "conf.echo", "text")
call("kwargs-is-list", "conf.echo", (1,), kwargs=[1])
call("id-unusual", "conf.add", (1, 2))
RECIPES["id-unusual"] = (lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="a/b c"), {})
del RECIPES["args-text"]
add("time-zone", {"timezone": "Asia/Tokyo"}, countdown=10)
add("time-zone-expires", {"timezone": "Asia/Tokyo"}, expires=60)
add("local-time", {"enable_utc": False, "timezone": "Asia/Tokyo"}, countdown=10)
add("default-delivery-mode", {"task_default_delivery_mode": 1})
add("default-priority", {"task_default_priority": 4})
call("positional-tuple", "conf.arguments", ((1, (2, 3)),))


@recipe("all-options")
def _all_options(app):
    return app.tasks["conf.arguments"].apply_async(
        (1,),
        {"key": "value"},
        task_id="all-options",
        countdown=1,
        expires=60,
        time_limit=30,
        soft_time_limit=20,
        priority=3,
        ignore_result=False,
        shadow="shown",
        root_id="the-root",
        parent_id="the-parent",
    )


@recipe("priorities")
def _priorities(app):
    for number in (0, 1, 3, 6, 9):
        app.tasks["conf.add"].apply_async((1, 2), task_id="priorities-%d" % number, priority=number)


# Values and serializers.
PLAIN = [None, True, 1, 2.5, "text", [1], {"key": "value"}]
for _serializer in ("json", "pickle", "yaml", "msgpack"):
    value("serializer-" + _serializer, PLAIN, serializer=_serializer)
for _serializer in ("json", "yaml", "msgpack"):
    value("datetime-in-" + _serializer, AWARE, serializer=_serializer)
    value("bytes-in-" + _serializer, b"\xff\x00", serializer=_serializer)
    value("decimal-in-" + _serializer, decimal.Decimal("1.50"), serializer=_serializer)
value("value-datetime", AWARE)
value("value-datetime-naive", datetime.datetime(2026, 1, 2, 3, 4, 5))
value("value-datetime-offset", AWARE.astimezone(datetime.timezone(datetime.timedelta(hours=9))))
value("value-date", datetime.date(2026, 1, 2))
value("value-time", datetime.time(3, 4, 5))
value("value-timedelta", datetime.timedelta(seconds=90))
value("value-decimal", decimal.Decimal("1.50"))
value("value-uuid", UUID)
value("value-bytes-text", b"text")
value("value-bytes-binary", b"\xff\x00")
value("value-set", {1})
value("value-frozenset", frozenset([1]))
value("value-complex", complex(1, 2))
value("value-tuple", (1, (2, 3)))
value("value-integer-keys", {1: "a"})
value("value-nan", [float("nan"), float("inf"), float("-inf")])
value("value-big-integer", [2**53 + 1, -(2**64)])
value("value-text", "\u017elu\u0165 \U0001f434 \u2028")
value("value-tag-lookalike", {"__type__": "datetime", "__value__": "2026-01-02"})
RECIPES["value-signature"] = (
    lambda app: app.tasks["conf.echo"].apply_async((app.tasks["conf.add"].s(1),), task_id="value-signature"),
    {},
)
for _compression in "zlib gzip bzip2 bzip lzma xz brotli zstd zstandard unknown".split():
    value("compression-" + _compression, "x" * 200, compression=_compression)
RECIPES["signed"] = (lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="signed", serializer="auth"), {})
RECIPES["unsigned"] = (lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="unsigned", serializer="json"), {})
RECIPES["signed-configured"] = (lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="signed-configured"), {})

# Protocol 1.
V1 = {"task_protocol": 1}
add("v1-plain", V1)
add("v1-countdown", V1, countdown=10, expires=60)
add("v1-time-limits", V1, time_limit=30, soft_time_limit=20)
add("v1-ignore-result", V1, ignore_result=True, shadow="shown")
add("v1-custom-headers", V1, headers={"tenant": "a"})


def _linked(name, settings=None, **options):
    """A recipe that links tasks: ``options`` maps an option to functions that make signatures."""

    def send(app):
        made = dict([(option, make(app)) for option, make in options.items()])
        return app.tasks["conf.add"].apply_async((1, 2), task_id=name, **made)

    RECIPES[name] = (send, settings or {})


def _echo(name):
    return lambda app: app.tasks["conf.echo"].s().set(task_id=name)


def _two(name):
    def make(app):
        return named(name, [app.tasks["conf.add"].s(10), app.tasks["conf.add"].si(3, 4)])

    return make


_linked("link", link=_echo("link-linked"))
_linked("links", link=_two("links"))
_linked(
    "link-options", link=lambda app: app.tasks["conf.echo"].s().set(task_id="link-options-1", priority=3, expires=60)
)
_linked("link-error", link_error=_echo("link-error-linked"))
_linked("link-group", link=lambda app: group(_two("link-group")(app), app=app))
_linked("link-chain", link=lambda app: chain(*_two("link-chain")(app), app=app))
_linked("v1-link", V1, link=_echo("v1-link-linked"), link_error=_echo("v1-link-failed"))


def _canvas(name, make, settings=None, **options):
    """A recipe that applies what ``make`` makes of the application and its own name."""
    RECIPES[name] = (lambda app: make(app, name).apply_async(**options), settings or {})


def _chain(app, name):
    task = app.tasks["conf.add"]
    return chain(*named(name, [task.s(1, 2), task.s(3), task.si(4, 5)]), app=app)


def _members(app, name, count=2):
    return named(name, [app.tasks["conf.add"].s(index, 1) for index in range(count)])


def _group(app, name):
    return group(_members(app, name), app=app)


def _group_nested(app, name):
    inner = group(_members(app, name + "-inner"), app=app)
    return group([app.tasks["conf.add"].s(1, 1).set(task_id=name + "-0"), inner], app=app)


def _body(app, name):
    return app.tasks["observe.total"].s().set(task_id=name + "-body")


def _chord(app, name):
    return chord(group(_members(app, name), app=app), _body(app, name), app=app)


def _chord_of_one(app, name):
    return chord(group(_members(app, name, 1), app=app), _body(app, name), app=app)


def _chord_empty(app, name):
    return chord([], _body(app, name), app=app)


def _chord_of_chains(app, name):
    task = app.tasks["conf.add"]
    chains = [chain(*named("%s-%d" % (name, i), [task.s(i, 1), task.s(10)]), app=app) for i in range(2)]
    return chord(group(chains, app=app), _body(app, name), app=app)


def _chord_nested(app, name):
    inner = group(_members(app, name + "-inner"), app=app)
    header = [app.tasks["conf.add"].s(5, 5).set(task_id=name + "-0"), inner]
    return chord(group(header, app=app), app.tasks["conf.echo"].s().set(task_id=name + "-body"), app=app)


def _chord_errback(app, name):
    body = _body(app, name)
    body.link_error(app.tasks["conf.echo"].s().set(task_id=name + "-errback"))
    return chord(group(_members(app, name), app=app), body, app=app)


def _chain_to_group(app, name):
    first = app.tasks["conf.add"].s(1, 2).set(task_id=name)
    members = named(name, [app.tasks["conf.add"].s(index) for index in range(2)])
    return chain(first, group(members, app=app), app=app)


def _chain_to_chord(app, name):
    first = app.tasks["conf.add"].s(1, 2).set(task_id=name)
    members = named(name, [app.tasks["conf.add"].s(index) for index in range(2)])
    return chain(first, group(members, app=app), _body(app, name), app=app)


def _chain_of_chains(app, name):
    task = app.tasks["conf.add"]
    inner = chain(*named(name + "-inner", [task.s(3), task.s(4)]), app=app)
    return chain(task.s(1, 2).set(task_id=name), inner, task.s(5).set(task_id=name + "-last"), app=app)


def _chain_errback(app, name):
    made = _chain(app, name)
    made.link_error(app.tasks["conf.echo"].s().set(task_id=name + "-errback"))
    return made


def _group_linked(app, name):
    made = _group(app, name)
    made.link(app.tasks["conf.echo"].si("linked").set(task_id=name + "-linked"))
    made.link_error(app.tasks["conf.echo"].si("failed").set(task_id=name + "-failed"))
    return made


def _chunks(app, name):
    return app.tasks["conf.add"].chunks([(1, 1), (2, 2), (3, 3)], 2)


def _chunks_group(app, name):
    return app.tasks["conf.add"].chunks([(1, 1), (2, 2), (3, 3)], 2).group()


def _map(app, name):
    return app.tasks["conf.echo"].map([1, 2]).set(task_id=name)


def _starmap(app, name):
    return app.tasks["conf.add"].starmap([(1, 1), (2, 2)]).set(task_id=name)


for _name, _make in [
    ("chain", _chain),
    ("group", _group),
    ("group-nested", _group_nested),
    ("chord", _chord),
    ("chord-of-one", _chord_of_one),
    ("chord-empty", _chord_empty),
    ("chord-of-chains", _chord_of_chains),
    ("chord-nested", _chord_nested),
    ("chord-errback", _chord_errback),
    ("chain-to-group", _chain_to_group),
    ("chain-to-chord", _chain_to_chord),
    ("chain-of-chains", _chain_of_chains),
    ("chain-errback", _chain_errback),
    ("group-linked", _group_linked),
    ("chunks", _chunks),
    ("map", _map),
    ("starmap", _starmap),
]:
    _canvas(_name, _make)
_canvas("chunks-group", _chunks_group)
_canvas("chain-options", _chain, expires=60, priority=3)
_canvas("group-options", _group, expires=60, priority=3)
_canvas("chord-options", _chord, expires=60, priority=3)
_canvas("v1-chain", _chain, V1)
_canvas("v1-group", _group, V1)
_canvas("v1-chord", _chord, V1)


@recipe("group-saved")
def _group_saved(app):
    result = group(_members(app, "group-saved"), app=app).apply_async(task_id="group-saved")
    result.save()
    return result


# Stamps.
add("stamped", stamped_headers=["tenant", "trace"], tenant="a", trace=[1, 2])


def _stamped_canvas(name, make):
    def send(app):
        made = make(app, name)
        made.stamp(tenant="a")
        return made.apply_async()

    RECIPES[name] = (send, {})


_stamped_canvas("stamped-signature", lambda app, name: app.tasks["conf.add"].s(1, 2).set(task_id=name))
_stamped_canvas("stamped-chain", _chain)
_stamped_canvas("stamped-group", _group)
_stamped_canvas("stamped-chord", _chord)


@recipe("stamped-visitor")
def _stamped_visitor(app):
    from celery.canvas import StampingVisitor

    class Visitor(StampingVisitor):
        def on_signature(self, sig, **headers):
            return {"tenant": "a", "secret": "b", "stamped_headers": ["tenant"]}

    made = app.tasks["conf.add"].s(1, 2).set(task_id="stamped-visitor")
    made.stamp(Visitor())
    return made.apply_async()


# Queues and exchanges.
def _to_queue(name, make, settings=None, **options):
    def send(app):
        queue = make(app)
        app.conf.task_queues = [queue]
        app.conf.task_default_queue = queue.name
        return app.tasks["conf.add"].apply_async((1, 2), task_id=name, queue=queue, **options)

    RECIPES[name] = (send, settings or {})


_to_queue("queue-direct", lambda app: Queue("direct-q", Exchange("direct-x", type="direct"), routing_key="key"))
_to_queue("queue-topic", lambda app: Queue("topic-q", Exchange("topic-x", type="topic"), routing_key="a.#"))
_to_queue("queue-fanout", lambda app: Queue("fanout-q", Exchange("fanout-x", type="fanout")))
_to_queue(
    "queue-arguments",
    lambda app: Queue(
        "arguments-q", Exchange("arguments-x"), routing_key="k", max_priority=10, expires=60, message_ttl=30
    ),
)
_to_queue(
    "queue-quorum",
    lambda app: Queue("quorum-q", Exchange("quorum-x"), routing_key="k", queue_arguments={"x-queue-type": "quorum"}),
)


@recipe("queue-missing")
def _queue_missing(app):
    return app.tasks["conf.add"].apply_async((1, 2), task_id="queue-missing", queue="made-on-the-fly")


RECIPES["queue-missing-quorum"] = (
    lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="queue-missing-quorum", queue="made-quorum"),
    {"task_create_missing_queue_type": "quorum", "task_create_missing_queues": True},
)
RECIPES["queue-default-quorum"] = (
    lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="queue-default-quorum"),
    {"task_default_queue": "default-quorum", "task_default_queue_type": "quorum"},
)
RECIPES["exchange-and-key"] = (
    lambda app: app.tasks["conf.add"].apply_async(
        (1, 2), task_id="exchange-and-key", exchange="other-x", routing_key="other-key"
    ),
    {},
)
RECIPES["routed-broadcast"] = (
    lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="routed-broadcast", queue=_broadcast()),
    {},
)
RECIPES["delayed-quorum"] = (
    lambda app: app.tasks["conf.add"].apply_async((1, 2), task_id="delayed-quorum", countdown=10, queue="delayed-q"),
    {
        "task_default_queue": "delayed-q",
        "task_default_queue_type": "quorum",
        "task_default_exchange_type": "topic",
        "task_default_exchange": "delayed-x",
        "broker_native_delayed_delivery_queue_type": "quorum",
    },
)


def _broadcast():
    from kombu.common import Broadcast

    return Broadcast("broadcast-x", queue="broadcast-q")


# What a worker is given to do.
call("fail", "conf.fail", ("broken",))
call("retry", "conf.retry", ("nonce", 1, 0.2))
call(
    "retry-priority",
    "conf.retry",
    ("nonce", 1, 0.2),
    priority=3,
    headers={"tenant": "a"},
    time_limit=30,
    shadow="shown",
)
call("retry-expires", "conf.retry", ("nonce", 1, 0.2), expires=60)
call("retry-bare", "observe.retry_bare", (1, 0.2))
call("retry-exhausted", "observe.retry_exhausted", ())
call("retry-exhausted-own", "conf.retry", ("nonce", 2, 0.1, 1))
call("reject", "conf.reject", ("nonce", False))
call("reject-requeue", "conf.reject", ("nonce", True))
call("reject-early", "observe.reject_early", ("nonce", False))
call("ignore", "conf.ignore", ("nonce",))
call("progress", "conf.progress", ("PROGRESS", {"done": 1, "of": 3}))
call("spawn", "conf.spawn", ("conf.add", [1, 2]))
call("spawn-priority", "conf.spawn", ("conf.add", [1, 2]), priority=3, headers={"tenant": "a"})
call("quota", "observe.quota", (3, "jobs"))
call("inner", "observe.inner", ())
call("picky", "observe.picky", ())
call("nested-exception", "observe.nested", ("broken",))
call("unserializable", "observe.unserializable", ())
call("request", "conf.request", ())
call("replace", "observe.replace", (1, 2))
call("replace-group", "observe.replace_group", (1, 2))
call("child-group", "observe.child_group", ())
call("child-chord", "observe.child_chord", ())
call("started", "observe.started", (0.1,))
call("stored-errors", "observe.stored_errors", ("broken",))
call("hard-time-limit", "conf.sleep", (30,), time_limit=1)
call("soft-time-limit", "conf.sleep", (30,), soft_time_limit=1)
call("late-success", "observe.late", (0.3,))
call("early-success", "conf.sleep", (0.3,))
call("late-fail", "observe.late_fail", ("broken",))
call("late-fail-unacked", "observe.late_fail_unacked", ("broken",))
call("late-time-limit", "observe.late", (30,), time_limit=1)
call("exit", "conf.exit", ("nonce", 3))
call("late-exit", "observe.late_exit", ("nonce", 3))
call("late-exit-reject", "observe.late_exit_reject", ("nonce", 3))
call("long", "conf.sleep", (30,))
call("short", "conf.sleep", (1.0,))
call("good", "conf.ping", ())
call("held", "conf.add", (1, 2), countdown=3000)
add("expired", expires=PAST)
add("expires-while-held", countdown=1.5, expires=1)
add("run-later", countdown=1)
add("run-later-two", countdown=2)
RECIPES["unknown-task"] = (lambda app: app.send_task("conf.unknown", (1,), task_id="unknown-task"), {})
call("unknown-task-linked", "conf.echo", (1,))
for _kind in ("old", "new"):

    def _failing(app, kind=_kind):
        errback = app.tasks["observe.errback_" + kind].s().set(task_id="errback-%s-linked" % kind)
        return app.tasks["conf.fail"].apply_async(("broken",), task_id="errback-" + kind, link_error=errback)

    RECIPES["errback-" + _kind] = (_failing, {})


def _add_to_chord(app, name):
    members = named(name, [app.tasks["observe.add_to_chord"].s(index) for index in range(2)])
    return chord(group(members, app=app), _body(app, name), app=app)


def _chord_failing(app, name):
    members = named(name, [app.tasks["conf.add"].s(1, 1), app.tasks["conf.fail"].s("broken")])
    body = _body(app, name)
    body.link_error(app.tasks["observe.errback_old"].s().set(task_id=name + "-errback"))
    return chord(group(members, app=app), body, app=app)


def _chain_failing(app, name):
    task = app.tasks["conf.add"]
    made = chain(*named(name, [app.tasks["conf.fail"].s("broken"), task.s(3), task.s(4)]), app=app)
    made.link_error(app.tasks["observe.errback_old"].s().set(task_id=name + "-errback"))
    return made


def _chord_ignoring(app, name):
    members = named(name, [app.tasks["observe.ignoring"].s(index, 1) for index in range(2)])
    return chord(group(members, app=app), _body(app, name), app=app)


def _chord_replacing(app, name):
    members = named(name, [app.tasks["observe.replace"].s(1, 2), app.tasks["conf.add"].s(3, 4)])
    return chord(group(members, app=app), _body(app, name), app=app)


def _chain_replacing(app, name):
    task = app.tasks["conf.add"]
    return chain(*named(name, [app.tasks["observe.replace"].s(1, 2), task.s(3)]), app=app)


def _chain_replacing_group(app, name):
    steps = [app.tasks["observe.replace_group"].s(1, 2), app.tasks["observe.total"].s()]
    return chain(*named(name, steps), app=app)


for _name, _make in [
    ("add-to-chord", _add_to_chord),
    ("chord-failing", _chord_failing),
    ("chain-failing", _chain_failing),
    ("chord-ignoring", _chord_ignoring),
    ("chord-replacing", _chord_replacing),
    ("chain-replacing", _chain_replacing),
    ("chain-replacing-group", _chain_replacing_group),
]:
    _canvas(_name, _make)
