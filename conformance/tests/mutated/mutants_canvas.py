"""Mutants of the reference's workflows: signatures, chains, groups, chords, tasks that replace themselves.

The rules of the module mutants hold here too.
"""

import itertools

from mutants import mutant, on_publication, wrap


@mutant
def canvas_as_a_task():
    """A signature of any kind is sent as a task of that name."""
    from celery_wire import workflow

    @wrap(workflow, "read")
    def read(original, value):
        return {**original(value), "subtask_type": None}


@mutant
def options_forgotten():
    """Of the options of a signature only the id is heeded."""
    from celery_wire import workflow

    @wrap(workflow, "_publication")
    def _publication(original, ready, family):
        kept = {name: option for name, option in ready["options"].items() if name == "task_id"}
        return original({**ready, "options": kept}, family)


@mutant
def stamps_forgotten():
    """No message has stamps."""
    on_publication(
        lambda headers, properties, body: ({**headers, "stamped_headers": None, "stamps": {}}, properties, body)
    )


@mutant
def steps_without_ids():
    """The later steps of a chain have no ids."""

    def change(headers, properties, body):
        for step in body[2]["chain"] or []:
            step["options"].pop("task_id", None)
        return headers, properties, body

    on_publication(change)


@mutant
def members_without_places():
    """The members of a group do not say which place they have."""
    on_publication(lambda headers, properties, body: ({**headers, "group_index": None}, properties, body))


@mutant
def body_without_an_id():
    """The body of a chord has no id."""

    def change(headers, properties, body):
        if body[2]["chord"]:
            body[2]["chord"]["options"].pop("task_id", None)
        return headers, properties, body

    on_publication(change)


@mutant
def callbacks_on_retry():
    """Callbacks and the next step are sent at each retry."""
    from celery_wire import canvas, lifecycle

    @wrap(lifecycle, "_retried")
    def _retried(original, request, outcome, now, policy):
        calls = canvas.after_success(request, None, policy, now)
        return [*(action for call in calls for action in call.actions), *original(request, outcome, now, policy)]


@mutant
def chord_size_forgotten():
    """Nobody says how many parts a chord waits for."""
    from celery_wire.stores.chords import RedisChords

    RedisChords.size = lambda self, action: None


@mutant
def chord_size_of_the_header():
    """A chord waits for as many parts as its header has members, whatever these are."""
    from celery_wire import workflow

    workflow.parts_of = lambda value: 1


@mutant
def parts_not_returned():
    """A member of a chord returns no part."""
    from celery_wire import joining

    joining._part = lambda *args: []


@mutant
def failed_parts_not_returned():
    """A member of a chord that has failed returns no part."""
    from celery_wire import joining

    @wrap(joining, "_part")
    def _part(original, request, one, headers, body, result, policy):
        return original(request, one, headers, body, result, policy) if result.status == "SUCCESS" else []


@mutant
def ignored_parts_not_returned():
    """A member of a chord whose result is ignored returns no part."""
    from celery_wire import joining

    @wrap(joining, "part")
    def part(original, request, result, policy):
        return [] if request.is_result_ignored(policy) else original(request, result, policy)


@mutant
def parts_without_a_state():
    """A part does not say whether its task has succeeded."""
    from celery_wire import chords
    from celery_wire.codec import encode

    chords.part_text = lambda task_id, result: encode([1, task_id, result.value], "part")


@mutant
def parts_in_order_of_arrival():
    """The values of a chord stand in the order in which its members ended."""
    import dataclasses

    from celery_wire.stores.chords import RedisChords

    arrival = itertools.count()

    @wrap(RedisChords, "return_part")
    def return_part(original, self, action):
        return original(self, dataclasses.replace(action, index=next(arrival)))


@mutant
def parts_counted_twice():
    """A member that is delivered again counts again."""
    from celery_wire.stores import chords

    once = "if redis.call('SADD', KEYS[4], ARGV[1]) == 1 then redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3]) end"
    chords._RETURN = chords._RETURN.replace(once, "redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])")


@mutant
def added_members_forgotten():
    """Members that were added to a chord while it ran are not waited for."""
    from celery_wire.stores import chords

    chords._RETURN = chords._RETURN.replace("(tonumber(redis.call('GET', KEYS[2]) or '') or 0)", "0")


@mutant
def done_chords_forgotten():
    """A chord that is done can be joined again."""
    from celery_wire.stores.chords import GROUP_PREFIX, RedisChords

    RedisChords.release = lambda self, action: self._redis.delete(f"{GROUP_PREFIX}{action.group_id}.c")


@mutant
def saved_groups_forgotten():
    """Groups in a header are neither stored nor looked for."""
    from celery_wire.chords import Joined
    from celery_wire.stores.chords import GROUP_PREFIX, RedisChords

    def _claimed(self, group_id, claim):
        return Joined(group_id, claim, tuple(self._redis.zrange(f"{GROUP_PREFIX}{group_id}.j", 0, -1)))

    RedisChords.save = lambda self, action: None
    RedisChords._claimed = _claimed


@mutant
def chord_errbacks_forgotten():
    """Nobody is told that a chord has failed."""
    from celery_wire import joining

    joining._errbacks = lambda *args: iter(())


@mutant
def chord_body_left_waiting():
    """The body of a chord that was left of a failed chain gets no result."""
    from celery_wire import abandoned

    @wrap(abandoned, "_inner")
    def _inner(original, one):
        return [] if one["subtask_type"] == "chord" else original(one)


@mutant
def replaced_under_a_new_id():
    """What replaces a task has an id of its own."""
    from celery_wire import canvas

    canvas._in_place = lambda one, task_id: one


@mutant
def replaced_without_embed():
    """What replaces a task is in no group and has nothing behind it."""
    from celery_wire import canvas

    @wrap(canvas, "replacement")
    def replacement(original, request, value, policy, now):
        one = canvas._in_place(canvas.read(value), request.id)
        return canvas.call(one, canvas.family_of(request, policy, now))


@mutant
def replaced_with_a_result():
    """A task that was replaced is stored as a success."""
    from celery_wire import lifecycle, results

    @wrap(lifecycle, "_replaced")
    def _replaced(original, request, outcome, now, policy):
        stored = results.store_for_request(request, results.Result("SUCCESS", None), now, policy)
        return [stored, *original(request, outcome, now, policy)]


@mutant
def starmap_as_map():
    """A starmap calls its task with each item as one argument."""
    from celery_wire import worker

    @wrap(worker, "register_builtin")
    def register_builtin(original, tasks, store):
        import dataclasses

        original(tasks, store)
        tasks["celery.starmap"] = dataclasses.replace(tasks["celery.map"], name="celery.starmap")
