"""What a worker does before a task runs and after it has ended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from celery_wire import lifecycle
from celery_wire.actions import Acknowledge, Action, Publish, Reject, Run, Store
from celery_wire.errors import PublishFailedError
from celery_wire.models import AcceptedResult, EmittedResult, EmittedTask
from celery_wire.outcome import Failed, Ignored, Outcome, Rejected, Retried, Retry, Succeeded
from celery_wire.outcome import Reject as TaskReject
from celery_wire.policy import Policy

from . import schemas
from .lives import NOW, TASK, delivery, later, policy, request

LATE = policy(acks_late=True)


def finish(message: Any, outcome: Outcome, task: Any = TASK, **options: Any) -> list[Action]:
    return lifecycle.finish(request(message, task), outcome, NOW, policy(**options))


def documents(actions: list[Action]) -> list[dict[str, Any]]:
    """The stored documents, each held to the specification, and equal to its serialized form."""
    found = [action for action in actions if isinstance(action, Store)]
    for store in found:
        text = json.loads(store.body)
        EmittedResult.model_validate(text)
        AcceptedResult.model_validate(text)
        assert schemas.judge("result-emitted").is_valid(text)
        assert (store.reply_to, store.correlation_id) == ("caller", store.task_id)
    return [json.loads(store.body) for store in found]


def messages(actions: list[Action]) -> list[dict[str, Any]]:
    """The published messages as neutral messages, each held to the specification."""
    found = []
    for action in actions:
        if isinstance(action, Publish):
            message = action.publication.message
            neutral = {
                "content_type": message.content_type,
                "content_encoding": message.content_encoding,
                "headers": message.headers,
                "properties": message.properties,
                "body": json.loads(message.body),
            }
            EmittedTask.model_validate(neutral)
            assert schemas.judge("task-v2-emitted").is_valid(neutral)
            found.append({**neutral, "queue": action.publication.queue})
    return found


def kinds(actions: list[Action]) -> list[type]:
    return [type(action) for action in actions]


def test_acknowledged_before_it_runs() -> None:
    """By default a message is acknowledged, then its task runs, and nothing is acknowledged after it."""
    assert kinds(lifecycle.begin(request(delivery()), NOW, policy())) == [Acknowledge, Run]
    assert kinds(finish(delivery(), Succeeded(1))) == [Store]


def test_acknowledged_late() -> None:
    """With acks_late the task runs, its result is stored, then the message is acknowledged."""
    assert kinds(lifecycle.begin(request(delivery()), NOW, LATE)) == [Run]
    for outcome in (Succeeded(1), Failed(ValueError()), Retried(Retry(countdown=0))):
        assert kinds(finish(delivery(), outcome, acks_late=True))[-2:] == [Store, Acknowledge]


def test_a_task_decides_when_it_is_acknowledged() -> None:
    """What a task says about late acknowledgement wins over what the worker was told."""
    late, early = replace(TASK, acks_late=True), replace(TASK, acks_late=False)
    assert kinds(lifecycle.begin(request(delivery(), late), NOW, policy())) == [Run]
    assert kinds(lifecycle.begin(request(delivery(), early), NOW, LATE)) == [Acknowledge, Run]


def test_expired_before_it_runs() -> None:
    """A message that expired while it waited is stored as REVOKED and acknowledged, and does not run."""
    waiting = request(delivery(expires="2026-01-02T03:04:06Z"))
    actions = lifecycle.begin(waiting, later(2), policy())
    assert kinds(actions) == [Store, Acknowledge]
    assert documents(actions)[0]["status"] == "REVOKED"


def test_started_is_tracked() -> None:
    """track_started stores STARTED with process id and node name before the task runs."""
    actions = lifecycle.begin(request(delivery()), NOW, policy(track_started=True))
    assert kinds(actions) == [Acknowledge, Store, Run]
    [document] = documents(actions)
    assert (document["status"], document["date_done"]) == ("STARTED", None)
    assert document["result"] == {"pid": 1, "hostname": "celery@host"}
    ignored = lifecycle.begin(request(delivery(ignore_result=True)), NOW, policy(track_started=True))
    assert kinds(ignored) == [Acknowledge, Run]


def test_success() -> None:
    """A value is stored with the moment, the children, and the group and parent that the message names."""
    [document] = documents(finish(delivery(group="g", parent_id="p"), Succeeded([1], ([["c", None], None],))))
    assert document == {
        "status": "SUCCESS", "result": [1], "traceback": None, "children": [[["c", None], None]],
        "date_done": "2026-01-02T03:04:05+00:00", "task_id": "i", "group_id": "g", "parent_id": "p",
    }  # fmt: skip


def test_group_and_parent_are_left_out() -> None:
    """group_id and parent_id are no keys of a document when the task has neither."""
    [document] = documents(finish(delivery(group=None, parent_id=None), Succeeded(1)))
    assert not document.keys() & {"group_id", "parent_id"}


def test_failure() -> None:
    """An exception is stored as class, arguments and module, with its traceback."""
    error = ValueError("x", 1)
    [document] = documents(finish(delivery(), Failed(error, "trace")))
    assert document["result"] == {"exc_type": "ValueError", "exc_message": ["x", 1], "exc_module": "builtins"}
    assert (document["status"], document["traceback"]) == ("FAILURE", "trace")


def test_arguments_of_an_exception_without_json_form() -> None:
    """Arguments of an exception that have no JSON form are stored as their text."""
    [document] = documents(finish(delivery(), Failed(ValueError(object, {1}, "x"))))
    assert document["result"]["exc_message"] == ["<class 'object'>", "{1}", "x"]


def test_value_without_json_form() -> None:
    """A value that has no JSON form makes the task fail with kombu's EncodeError."""
    actions = finish(delivery(), Succeeded({1}), acks_late=True)
    assert kinds(actions) == [Store, Acknowledge]
    assert documents(actions)[0]["result"] == {
        "exc_type": "EncodeError",
        "exc_message": ["TypeError('Object of type set is not JSON serializable')"],
        "exc_module": "kombu.exceptions",
    }


@pytest.mark.parametrize(
    ("header", "own", "stored"),
    [(None, None, 1), (None, True, 0), (None, False, 1), (True, False, 0), (False, True, 1), (True, None, 0)],
)
def test_whether_a_result_is_stored(header: bool | None, own: bool | None, stored: int) -> None:
    """The message's ignore_result decides; null leaves it to the task, and that to the worker."""
    task = replace(TASK, ignore_result=own)
    for outcome in (Succeeded(1), Failed(ValueError()), Rejected()):
        assert len(documents(finish(delivery(ignore_result=header), outcome, task))) == stored


def test_errors_stored_although_ignored() -> None:
    """store_errors_even_if_ignored stores FAILURE and RETRY, but no SUCCESS."""
    told = {"ignore_result": True, "store_errors_even_if_ignored": True}
    assert [d["status"] for d in documents(finish(delivery(), Failed(ValueError()), **told))] == ["FAILURE"]
    assert [d["status"] for d in documents(finish(delivery(), Retried(Retry(countdown=0)), **told))] == ["RETRY"]
    assert documents(finish(delivery(), Succeeded(1), **told)) == []


def test_extended_results() -> None:
    """Extended results add the call, the worker, the queue and the stamps; a stamp replaces no key of its own."""
    message = delivery([[1], {"a": 2}, {}], retries=1, stamped_headers=["s", "status"], stamps={"s": 1, "status": "x"})
    [document] = documents(finish(message, Succeeded(1), result_extended=True))
    assert document["status"] == "SUCCESS"
    assert document["s"] == 1
    assert document["stamped_headers"] == ["s", "status"]
    extension = {key: document[key] for key in ("name", "args", "kwargs", "worker", "retries", "queue")}
    assert extension == {
        "name": "t", "args": [1], "kwargs": {"a": 2}, "worker": "celery@host", "retries": 1, "queue": "q",
    }  # fmt: skip


def test_retry_keeps_the_message() -> None:
    """A retry has the same id and all that the sender said; retries is one more, a root task becomes its parent."""
    embed = {
        "callbacks": [_signature("x")],
        "errbacks": [_signature("y")],
        "chain": [_signature("z")],
        "chord": _signature("c"),
    }
    foreign: dict[str, Any] = {"x-death": [1], "x-first-death-queue": "q", "x-delivery-count": 2}
    message = delivery(
        [[1], {"a": 2}, embed], retries=1, group="g", group_index=3, timelimit=[30, 20], shadow="s",
        origin="gen9@there", expires="2026-01-02T03:05:05Z", stamped_headers=["k"], stamps={"k": 1}, mine="m",
        ignore_result=None, **foreign,
    )  # fmt: skip
    message.message.properties["priority"] = 5  # type: ignore[index]  # a dict here
    actions = finish(message, Retried(Retry(countdown=10), "trace"), acks_late=True)
    assert kinds(actions) == [Publish, Store, Acknowledge]
    [sent] = messages(actions)
    assert sent["queue"] == "q"
    assert sent["headers"] == {
        "lang": "py", "task": "t", "id": "i", "shadow": "s", "eta": "2026-01-02T03:04:15+00:00",
        "expires": "2026-01-02T03:05:05Z", "group": "g", "group_index": 3, "retries": 2, "timelimit": [30, 20],
        "root_id": "i", "parent_id": "i", "argsrepr": "(1,)", "kwargsrepr": "{'a': 2}", "origin": "gen9@there",
        "ignore_result": False, "replaced_task_nesting": 0, "stamped_headers": ["k"], "stamps": {"k": 1}, "mine": "m",
        "x-delivery-count": 2,
    }  # fmt: skip
    assert sent["properties"] == {
        "correlation_id": "i", "reply_to": "caller", "delivery_mode": 2, "priority": 5, "expiration": "60000",
    }  # fmt: skip
    assert sent["body"] == [[1], {"a": 2}, embed]
    [document] = documents(actions)
    assert (document["status"], document["result"], document["date_done"]) == ("RETRY", None, None)
    assert document["traceback"] == "trace"


def test_retry_counts_a_whole_number_however_it_travels() -> None:
    """A `retries` of 1.0 is 1: the retry says 2."""
    [sent] = messages(finish(delivery(retries=1.0), Retried(Retry())))
    assert repr(sent["headers"]["retries"]) == "2"


def test_retry_keeps_parent_and_root() -> None:
    """A retried task that has a parent and a root keeps both."""
    [sent] = messages(finish(delivery(root_id="r", parent_id="p"), Retried(Retry(countdown=0))))
    assert (sent["headers"]["root_id"], sent["headers"]["parent_id"], sent["headers"]["eta"]) == ("r", "p", None)


def test_retry_names_its_cause() -> None:
    """The exception behind a retry is the result of RETRY."""
    [document] = documents(finish(delivery(), Retried(Retry(countdown=0, exc=KeyError("why")))))
    assert document["result"] == {"exc_type": "KeyError", "exc_message": ["why"], "exc_module": "builtins"}


def test_retry_without_a_moment_waits() -> None:
    """A retry that names no moment waits for the task's own delay; one that names an eta has that."""
    [sent] = messages(finish(delivery(), Retried(Retry()), replace(TASK, retry_delay=7)))
    assert sent["headers"]["eta"] == "2026-01-02T03:04:12+00:00"
    [sent] = messages(finish(delivery(), Retried(Retry(eta=later(99)))))
    assert sent["headers"]["eta"] == "2026-01-02T03:05:44+00:00"


@pytest.mark.parametrize("given", [None, KeyError("k")])
def test_retries_exhausted(given: Exception | None) -> None:
    """When no retries are left nothing is published and the given exception, or MaxRetriesExceededError, is stored."""
    actions = finish(delivery(retries=3), Retried(Retry(exc=given)), acks_late=True)
    assert kinds(actions) == [Store, Acknowledge]
    [document] = documents(actions)
    assert document["status"] == "FAILURE"
    if given is None:
        assert document["result"] == {
            "exc_type": "MaxRetriesExceededError",
            "exc_message": ["Can't retry t[i] args:() kwargs:{}"],
            "exc_module": "celery.exceptions",
        }
    else:
        assert document["result"]["exc_type"] == "KeyError"


def test_retries_without_end() -> None:
    """A task without a limit is retried whatever its number of retries; a retry's own limit wins."""
    endless = replace(TASK, max_retries=None)
    assert messages(finish(delivery(retries=99), Retried(Retry()), endless))
    assert not messages(finish(delivery(retries=99), Retried(Retry(max_retries=5)), endless))
    assert messages(finish(delivery(retries=4), Retried(Retry(max_retries=5))))


@pytest.mark.parametrize("retries", [None, "1"])
def test_retry_of_a_message_whose_retries_is_no_number(retries: Any) -> None:
    """A header `retries` that cannot be counted on makes the task fail when it is retried."""
    [document] = documents(finish(delivery(retries=retries), Retried(Retry())))
    assert (document["status"], document["result"]["exc_type"]) == ("FAILURE", "TypeError")


def test_retry_through_an_exchange() -> None:
    """A message that came through an exchange is retried through it, with its routing key."""
    message = replace(delivery(), exchange="x", routing_key="a.b")
    [action] = [a for a in finish(message, Retried(Retry())) if isinstance(a, Publish)]
    assert (action.publication.exchange, action.publication.routing_key) == ("x", "a.b")
    assert action.publication.queue is None


def test_unpublished_retry() -> None:
    """A retry that cannot be published rejects the message and leaves a FAILURE Reject."""
    waiting = request(delivery())
    actions = lifecycle.unpublished(waiting, PublishFailedError("gone"), NOW, LATE)
    assert actions[-1] == Reject(requeue=False)
    assert documents(actions)[0]["result"]["exc_message"] == ["gone", False]


def test_unstored_result() -> None:
    """A result that cannot be stored gives a message acknowledged late back to its queue."""
    assert lifecycle.unstored(request(delivery()), LATE) == [Reject(requeue=True)]
    assert lifecycle.unstored(request(delivery()), policy()) == []


def test_rejected_for_good() -> None:
    """Reject without requeueing stores FAILURE Reject, and rejects a message that is acknowledged late."""
    expected = {"exc_type": "Reject", "exc_message": ["no", False], "exc_module": "celery.exceptions"}
    for told, settled in ((policy(), []), (LATE, [Reject(requeue=False)])):
        actions = lifecycle.finish(request(delivery()), Rejected(TaskReject("no")), NOW, told)
        assert documents(actions)[0]["result"] == expected
        assert actions[1:] == settled


def test_rejected_for_another_time() -> None:
    """Reject with requeueing stores nothing, and requeues a message that is acknowledged late."""
    outcome = Rejected(TaskReject("no", requeue=True))
    assert finish(delivery(), outcome) == []
    assert finish(delivery(), outcome, acks_late=True) == [Reject(requeue=True)]


def test_ignored() -> None:
    """A task that ends by Ignore stores nothing, and its message is acknowledged."""
    assert finish(delivery(), Ignored()) == []
    assert finish(delivery(), Ignored(), acks_late=True) == [Acknowledge()]


def test_failure_not_acknowledged() -> None:
    """With acks_late and without acks_on_failure the message of a failed task is rejected."""
    actions = finish(delivery(), Failed(ValueError()), acks_late=True, acks_on_failure=False)
    assert actions[-1] == Reject(requeue=False)


def test_custom_state() -> None:
    """A state of the task's own is stored with its meta as it is and without a moment."""
    [document] = documents(lifecycle.progress(request(delivery()), "HALF", {"n": 1}, NOW, policy()))
    assert (document["status"], document["result"], document["date_done"]) == ("HALF", {"n": 1}, None)


def _signature(task: str, *args: Any, **options: Any) -> dict[str, Any]:
    immutable = options.pop("immutable", False)
    parts = {"task": task, "args": list(args), "kwargs": {"k": 1}, "options": options}
    return {**parts, "subtask_type": None, "immutable": immutable}


def test_one_callback() -> None:
    """One callback is sent before the result is stored, with the value before its own arguments."""
    message = delivery([[], {}, {"callbacks": [_signature("c", 2, task_id="ci", queue="cq")]}], root_id="r")
    actions = finish(message, Succeeded(1))
    assert kinds(actions) == [Publish, Store]
    [sent] = messages(actions)
    assert (sent["headers"]["task"], sent["headers"]["id"], sent["queue"]) == ("c", "ci", "cq")
    assert sent["body"][:2] == [[1, 2], {"k": 1}]
    assert (sent["headers"]["parent_id"], sent["headers"]["root_id"], sent["headers"]["group"]) == ("i", "r", None)
    assert documents(actions)[0]["children"] == [[["ci", None], None]]


def test_where_the_result_of_a_callback_goes() -> None:
    """The result of what follows goes to whoever waits for the task's own, unless a signature names another queue."""
    message = delivery([[], {}, {"callbacks": [_signature("c")], "chain": [_signature("d", reply_to="other")]}])
    sent = messages(finish(message, Succeeded(1)))
    assert [m["properties"]["reply_to"] for m in sent] == ["caller", "other"]


def test_immutable_callback() -> None:
    """An immutable callback does not get the value."""
    message = delivery([[], {}, {"callbacks": [_signature("c", 2, immutable=True)]}])
    assert messages(finish(message, Succeeded(1)))[0]["body"][0] == [2]


def test_several_callbacks_are_a_group() -> None:
    """Several callbacks are sent as members of one new group."""
    message = delivery([[], {}, {"callbacks": [_signature("c"), _signature("d")]}])
    sent = messages(finish(message, Succeeded(1)))
    assert [m["headers"]["group_index"] for m in sent] == [0, 1]
    assert len({m["headers"]["group"] for m in sent} - {None}) == 1


def test_next_step_of_a_chain() -> None:
    """The last element of the chain is sent next and carries the others on; a last step carries an empty list."""
    steps = [_signature("last", task_id="l"), _signature("next", task_id="n", stamped_headers=["s"], s=5)]
    [sent] = messages(finish(delivery([[], {}, {"chain": steps}]), Succeeded(1)))
    assert (sent["headers"]["task"], sent["body"][0], sent["body"][2]["chain"]) == ("next", [1], steps[:1])
    assert (sent["headers"]["stamped_headers"], sent["headers"]["stamps"]) == (["s"], {"s": 5})
    [sent] = messages(finish(delivery([[], {}, {"chain": steps[:1]}]), Succeeded(1)))
    assert sent["body"][2]["chain"] == []


def test_signatures_are_completed() -> None:
    """What is passed on carries full signatures, also where the message had only what a worker needs."""
    bare = {"task": "c", "args": [1], "options": {"task_id": "x"}}
    message = delivery([[], {}, {"callbacks": [bare], "chain": [bare, bare]}])
    full = {**bare, "kwargs": {}, "subtask_type": None, "immutable": False}
    [retried] = messages(finish(message, Retried(Retry())))
    assert retried["body"][2]["callbacks"] == [full]
    assert messages(finish(message, Succeeded(1)))[1]["body"][2]["chain"] == [full]


def test_failure_of_a_chain() -> None:
    """A failure is stored for each later step of the chain as well, and none of them is sent."""
    steps = [_signature("last", task_id="l", group_id="g"), _signature("next", task_id="n"), _signature("nameless")]
    actions = finish(delivery([[], {}, {"chain": steps}]), Failed(ValueError("x"), "trace"))
    assert [d["task_id"] for d in documents(actions)] == ["i", "l", "n"]
    assert {d["result"]["exc_type"] for d in documents(actions)} == {"ValueError"}
    assert documents(actions)[1]["group_id"] == "g"
    assert messages(actions) == []


def test_errbacks() -> None:
    """Errbacks are sent as a group, each with the failed task's id before its own arguments, and only on failure."""
    message = delivery([[], {}, {"errbacks": [_signature("e", 2), _signature("f", immutable=True)]}])
    sent = messages(finish(message, Failed(ValueError("x"))))
    assert [m["body"][0] for m in sent] == [["i", 2], []]
    assert [m["headers"]["parent_id"] for m in sent] == ["i", "i"]
    assert [m["headers"]["group_index"] for m in sent] == [0, 1]
    for outcome in (Succeeded(1), Retried(Retry()), Ignored()):
        assert not [m for m in messages(finish(message, outcome)) if m["headers"]["task"] in "ef"]


@pytest.mark.parametrize(
    "signature", [{"subtask_type": "group", "task": "celery.group", "args": [], "options": {}}, 5, {"task": "c"}]
)
def test_callback_that_cannot_be_sent(signature: Any) -> None:
    """A callback that cannot be sent makes the task fail rather than be left out."""
    actions = finish(delivery([[], {}, {"callbacks": [signature]}]), Succeeded(1))
    assert [d["status"] for d in documents(actions)] == ["FAILURE"]
    assert messages(actions) == []


def test_policy_defaults() -> None:
    """The defaults of a worker are Celery's."""
    told = Policy()
    assert (told.acks_late, told.track_started, told.result_extended, told.acks_on_failure) == (
        False,
        False,
        False,
        True,
    )
    assert TASK.max_retries == 3
    assert TASK.retry_delay == 180
