"""The application that is observed: the catalogue of tasks (``conf.*``), and some that show what Celery makes of them.

``observe.*`` are tasks of this application alone: each does one thing that the wire shows.
"""

import json
import os
import time

from celery import Celery, chord, group
from celery.exceptions import Ignore, Reject

TRACE_VARIABLE = "OBSERVE_TRACE"


class QuotaError(Exception):
    """An exception of the application's own, with two arguments."""


class Outer:
    """A place to put an exception class into."""

    class InnerError(Exception):
        """An exception whose qualified name has a dot."""


class PickyError(Exception):
    """An exception that wants another number of arguments than it keeps."""

    def __init__(self, first, second):
        Exception.__init__(self, first)
        self.second = second


def note(event, **fields):
    """Write one line into the trace file."""
    with open(os.environ[TRACE_VARIABLE], "a") as trace:
        trace.write(json.dumps(dict(fields, event=event)) + "\n")


def runs(identifier):
    """How often a task of this id has begun to run, as far as the trace says."""
    with open(os.environ[TRACE_VARIABLE]) as trace:
        events = [json.loads(line) for line in trace]
    return sum(1 for event in events if event["event"] == "ran" and event.get("id") == identifier)


def ping():
    return "pong"


def echo(value):
    return value


def add(x, y):
    return x + y


def arguments(*args, **kwargs):
    return [list(args), kwargs]


def fail(message):
    raise ValueError(message)


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def mark(nonce, seconds=0):
    time.sleep(seconds)
    return nonce


def retry(self, nonce, times, countdown=0, limit=None):
    if self.request.retries < times:
        most = times if limit is None else limit
        raise self.retry(countdown=countdown, max_retries=most, exc=ValueError(nonce))
    return self.request.retries


def retry_bare(self, times, countdown=0):
    if self.request.retries < times:
        raise self.retry(countdown=countdown, max_retries=times)
    return self.request.retries


def retry_exhausted(self):
    raise self.retry(countdown=0, max_retries=0)


def reject(self, nonce, requeue):
    again = self.request.delivery_info.get("redelivered")
    if not again and runs(self.request.id) < 3:
        raise Reject(nonce, requeue=requeue)
    return {"redelivered": again, "runs": runs(self.request.id)}


def ignore(nonce):
    raise Ignore(nonce)


def request(self):
    names = "id task retries root_id parent_id group correlation_id reply_to eta expires headers argsrepr lang".split()
    names += (
        "delivery_info called_directly origin utc timelimit ignore_result group_index stamped_headers stamps".split()
    )
    found = self.request
    return dict([(name, getattr(found, name)) for name in names if hasattr(found, name)])


def progress(self, state, meta):
    self.update_state(state=state, meta=meta)
    raise Ignore()


def spawn(self, task, args, queue=None):
    options = {"queue": queue} if queue else {}
    identifier = self.request.id + "-child"
    return self.app.send_task(task, args, add_to_parent=True, task_id=identifier, **options).id


def leave(nonce, code):
    os._exit(code)


def leave_once(self, nonce, code):
    if runs(self.request.id) < 2:
        os._exit(code)
    return {"redelivered": self.request.delivery_info.get("redelivered")}


def quota(limit, unit):
    raise QuotaError(limit, unit)


def inner():
    raise Outer.InnerError("inside")


def picky():
    raise PickyError("one", "two")


def nested(message):
    raise ValueError(message, [1, {"key": None}], {"key": complex(1, 2)})


def unserializable():
    return object()


def total(values):
    return sum(values)


def errback_new(request, exc, traceback):
    note("errback", form="new", id=request.id, exc=type(exc).__name__)


def errback_old(failed):
    return failed


def replace(self, x, y):
    raise self.replace(self.app.tasks["conf.add"].s(x, y))


def replace_group(self, x, y):
    task = self.app.tasks["conf.add"]
    raise self.replace(group([task.s(x, y), task.s(y, y)], app=self.app))


def add_to_chord(self, x):
    self.add_to_chord(self.app.tasks["conf.echo"].s(x + 100).set(task_id=self.request.id + "-added"))
    return x


def child_group(self):
    task = self.app.tasks["conf.add"]
    members = [task.s(i, i).set(task_id="%s-%d" % (self.request.id, i)) for i in range(2)]
    return group(members, app=self.app).apply_async(add_to_parent=True).id


def child_chord(self):
    task = self.app.tasks["conf.add"]
    body = self.app.tasks["observe.total"].s().set(task_id=self.request.id + "-body")
    return chord([task.s(1, 1), task.s(2, 2)], body, app=self.app).apply_async().id


TASKS = [
    ("conf.ping", ping, {}),
    ("conf.echo", echo, {}),
    ("conf.add", add, {}),
    ("conf.arguments", arguments, {}),
    ("conf.fail", fail, {}),
    ("conf.sleep", sleep, {}),
    ("conf.mark", mark, {}),
    ("conf.retry", retry, {"bind": True}),
    ("conf.reject", reject, {"bind": True, "acks_late": True}),
    ("conf.ignore", ignore, {}),
    ("conf.request", request, {"bind": True}),
    ("conf.progress", progress, {"bind": True}),
    ("conf.spawn", spawn, {"bind": True}),
    ("conf.exit", leave, {}),
    ("observe.retry_bare", retry_bare, {"bind": True}),
    ("observe.retry_exhausted", retry_exhausted, {"bind": True}),
    ("observe.reject_early", reject, {"bind": True}),
    ("observe.quota", quota, {}),
    ("observe.inner", inner, {}),
    ("observe.picky", picky, {}),
    ("observe.nested", nested, {}),
    ("observe.unserializable", unserializable, {}),
    ("observe.total", total, {}),
    ("observe.errback_new", errback_new, {}),
    ("observe.errback_old", errback_old, {}),
    ("observe.replace", replace, {"bind": True}),
    ("observe.replace_group", replace_group, {"bind": True}),
    ("observe.add_to_chord", add_to_chord, {"bind": True}),
    ("observe.child_group", child_group, {"bind": True}),
    ("observe.child_chord", child_chord, {"bind": True}),
    ("observe.ignoring", add, {"ignore_result": True}),
    ("observe.late", sleep, {"acks_late": True}),
    ("observe.late_fail", fail, {"acks_late": True}),
    ("observe.late_fail_unacked", fail, {"acks_late": True, "acks_on_failure_or_timeout": False}),
    ("observe.late_exit", leave, {"acks_late": True}),
    ("observe.late_exit_reject", leave_once, {"bind": True, "acks_late": True, "reject_on_worker_lost": True}),
    ("observe.started", sleep, {"track_started": True}),
    ("observe.stored_errors", fail, {"ignore_result": True, "store_errors_even_if_ignored": True}),
    ("observe.limited", sleep, {"time_limit": 1, "soft_time_limit": 30}),
    ("observe.rated", add, {"rate_limit": "1000/s"}),
]


def make_application(settings):
    """An application with the catalogue of tasks and these settings of Celery."""
    application = Celery("catalogue", set_as_current=False)
    application.conf.update(settings)
    for name, function, options in TASKS:
        application.task(function, name=name, **options)
    return application
