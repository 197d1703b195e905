"""Where chords are joined: the join keys of a Redis store.

    celery-taskset-meta-<group>    the result tuple of the header's group, where one of its members is a group
    …<group>.s   how many parts the chord waits for        …<group>.t   how many more were added since
    …<group>.j   the parts, a sorted set by their places   …<group>.d   which members were counted
    …<group>.c   who is about to send the body, then "done"

Rules: a part is recorded, counted and, when it was the last, claimed in one script, so that a part counts once
[CANV-RED-008] and one worker sends the body [CANV-CHD-012]. A claim ends by itself when its owner is gone. All keys
expire like results. Workers of other implementations join the same chords with the same keys.
"""

from __future__ import annotations

import time
from typing import Any

from celery_wire.actions import ReleaseChord, ReturnPart, SaveGroup, SizeChord
from celery_wire.chords import Joined, members_of
from celery_wire.codec import decode_text, encode
from celery_wire.errors import ResultUnreadableError, WireError
from celery_wire.models import AcceptedResult
from celery_wire.policy import new_id
from celery_wire.stores.base import is_final, read_document
from celery_wire.stores.patience import patiently

GROUP_PREFIX = "celery-taskset-meta-"
TASK_PREFIX = "celery-task-meta-"
DONE = "done"
#: Seconds that a claim lasts, and that a chord which is done is remembered.
CLAIM, REMEMBERED = 60, 300
#: Seconds to wait for the results of a stored group, and between two looks.
JOIN, LOOK = 3.0, 0.1

_RETURN = """
if redis.call('GET', KEYS[6]) == ARGV[6] then return 0 end
if redis.call('SADD', KEYS[4], ARGV[1]) == 1 then redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3]) end
if tonumber(ARGV[4]) > 0 then
  for place = 1, 5 do redis.call('EXPIRE', KEYS[place], ARGV[4]) end
end
local size = tonumber(redis.call('GET', KEYS[1]) or '')
if not size then return 0 end
if redis.call('ZCARD', KEYS[3]) < size + (tonumber(redis.call('GET', KEYS[2]) or '') or 0) then return 0 end
if redis.call('SET', KEYS[6], ARGV[5], 'NX', 'EX', ARGV[7]) then return 1 end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[6]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('SET', KEYS[6], ARGV[2], 'EX', ARGV[3])
return 1
"""


class RedisChords:
    """Chords in one Redis database. `expires` is the life time of their keys in whole seconds, 0 for ever."""

    def __init__(self, redis: Any, expires: int) -> None:
        self._redis = redis
        self._expires = expires
        self._return = redis.register_script(_RETURN)
        self._release = redis.register_script(_RELEASE)

    def size(self, action: SizeChord) -> None:
        """Store how many parts a chord waits for; one of the same group before it no longer counts."""
        patiently(lambda: self._size(action))

    def save(self, action: SaveGroup) -> None:
        """Store the members of a group."""
        text = encode({"result": action.result}, "group")
        patiently(lambda: self._redis.set(GROUP_PREFIX + action.group_id, text, ex=self._expires or None))

    def return_part(self, action: ReturnPart) -> Joined | None:
        """Record a part, and claim the chord when it was the last."""
        claim, place = new_id(), "+inf" if action.index is None else _number(action.index)
        member = f"{action.task_id}:{place}"
        arguments = [member, place, action.part, self._expires, claim, DONE, CLAIM]
        if not patiently(lambda: self._return(keys=_keys(action.group_id), args=arguments)):
            return None
        return patiently(lambda: self._claimed(action.group_id, claim))

    def release(self, action: ReleaseChord) -> None:
        """Forget a chord, unless another worker has claimed it since."""
        patiently(lambda: self._release(keys=_keys(action.group_id), args=[action.claim, DONE, REMEMBERED]))

    def _size(self, action: SizeChord) -> None:
        with self._redis.pipeline(transaction=True) as steps:
            steps.delete(f"{GROUP_PREFIX}{action.group_id}.c")
            steps.set(f"{GROUP_PREFIX}{action.group_id}.s", action.size, ex=self._expires or None)
            steps.execute()

    def _claimed(self, group_id: str, claim: str) -> Joined:
        key = GROUP_PREFIX + group_id
        parts = tuple(self._redis.zrange(f"{key}.j", 0, -1))
        saved = self._redis.get(key)
        if saved is None:
            return Joined(group_id, claim, parts)
        return self._with_saved(group_id, claim, saved)

    def _with_saved(self, group_id: str, claim: str, text: bytes) -> Joined:
        try:
            saved = decode_text(text)["result"]
            ids = members_of(saved)
        except (WireError, TypeError, KeyError):
            return Joined(group_id, claim, saved=())
        return Joined(group_id, claim, saved=saved, documents=self._results(ids))

    def _results(self, ids: list[str]) -> dict[str, AcceptedResult]:
        """The results of some tasks, as far as they come soon."""
        deadline = time.monotonic() + JOIN
        while True:
            texts = self._redis.mget([TASK_PREFIX + task_id for task_id in ids]) if ids else []
            found = {task_id: _read(text) for task_id, text in zip(ids, texts, strict=True)}
            if all(map(is_final, found.values())) or time.monotonic() > deadline:
                return {task_id: document for task_id, document in found.items() if document is not None}
            time.sleep(LOOK)


def _keys(group_id: str) -> list[str]:
    return [f"{GROUP_PREFIX}{group_id}{suffix}" for suffix in (".s", ".t", ".j", ".d", "", ".c")]


def _number(index: float) -> str:
    return str(int(index)) if float(index).is_integer() else str(index)


def _read(text: bytes | None) -> AcceptedResult | None:
    try:
        return None if text is None else read_document(text)
    except ResultUnreadableError:
        return None
