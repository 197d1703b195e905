"""Redis commands on the keys of groups and chords become facts: sizes, parts, stored groups, and their removal."""

from __future__ import annotations

from typing import Any

import pytest
from celery_conformance.tap.redis_groups import group_of_key

from .wire import NIL, OK, RedisWorld, number

KEY = "celery-taskset-meta-g1"
PART = '[1, "t1", "SUCCESS", 3]'


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (KEY, ("g1", "")),
        (f"{KEY}.s", ("g1", ".s")),
        (f"prefix_{KEY}.j", ("g1", ".j")),
        (f"{KEY}.x", ("g1.x", "")),
        ("celery-task-meta-t1", None),
        ("celery", None),
    ],
)
def test_a_key_names_its_group(key: str, found: tuple[str, str] | None) -> None:
    """The id of a group stands behind the prefix, with a known ending or none."""
    assert group_of_key(key) == found


@pytest.mark.parametrize(
    "words",
    [("SET", f"{KEY}.s", "2", "EX", "60"), ("SETEX", f"{KEY}.s", "60", "2"), ("PSETEX", f"{KEY}.s", "60000", "2")],
)
def test_the_size_of_a_chord_is_one_fact_whatever_the_command(words: tuple[str, ...]) -> None:
    """A number under the key that ends in .s is a size, with its expiry."""
    world = RedisWorld()
    world.call("client", *words)
    data = world.fact("chord-sized").data
    assert (data["group_id"], data["size"], data["expires"], data["problem"]) == ("g1", 2, 60.0, None)


@pytest.mark.parametrize(("score", "told"), [("4", 4.0), ("+inf", None), ("inf", None)])
def test_a_part_is_told_with_its_place(score: str, told: float | None) -> None:
    """A member of the sorted set is a part: its task, its content, and its score unless that is infinite."""
    world = RedisWorld()
    world.call("worker-1", "ZADD", f"{KEY}.j", score, PART, reply=number(1))
    data = world.fact("chord-part-stored").data
    assert (data["task_id"], data["part"], data["score"]) == ("t1", [1, "t1", "SUCCESS", 3], told)


def test_a_part_that_is_no_json_has_a_problem() -> None:
    """What cannot be read is a fact all the same."""
    world = RedisWorld()
    world.call("worker-1", "ZADD", f"{KEY}.j", "0", "[", reply=number(1))
    data = world.fact("chord-part-stored").data
    assert data["task_id"] is None
    assert data["problem"]


def test_a_stored_group_is_no_result() -> None:
    """The document of a group is told as such, and not as the result of a task."""
    world = RedisWorld()
    world.call("client", "SET", KEY, '{"result": [["g1", null], []]}')
    assert world.fact("group-stored").data["document"] == {"result": [["g1", None], []]}
    assert "result-stored" not in {fact.kind for fact in world.facts()}


@pytest.mark.parametrize(
    ("words", "reply", "kinds"),
    [
        (("SET", f"{KEY}.s", "2", "NX"), NIL, set()),
        (("SET", f"{KEY}.c", "done"), OK, set()),
        (("INCR", f"{KEY}.t"), number(1), {"chord-grown"}),
        (("INCRBY", f"{KEY}.t", "2"), number(2), {"chord-grown"}),
        (("DEL", f"{KEY}.j", f"{KEY}.s"), number(2), {"chord-cleared"}),
        (("DEL", f"{KEY}.j"), number(0), set()),
        (("DEL", f"{KEY}.c"), number(1), set()),
    ],
)
def test_only_what_happened_is_a_fact(words: tuple[str, ...], reply: Any, kinds: set[str]) -> None:
    """A command that changed nothing, and the claims of workers, are no facts."""
    world = RedisWorld()
    world.call("worker-1", *words, reply=reply)
    chords = {fact.kind for fact in world.facts() if fact.kind.startswith(("chord-", "group-"))}
    assert chords == kinds
