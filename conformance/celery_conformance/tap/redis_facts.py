"""What Redis commands mean: from commands and replies to facts.

One interpreter serves all connections to one server, so that a restored message is told from a published one and
an acknowledgement finds the task it is about. Commands that take effect together are looked at together: the
removal of an unacknowledged copy beside a push of the same message is a restoration, not an acknowledgement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hiredis

from celery_conformance.facts import Timeline
from celery_conformance.tap.message import as_text, decode_json, from_envelope, published_as
from celery_conformance.tap.origin import Origin
from celery_conformance.tap.redis_commands import (
    OPTIONS,
    POPS,
    VALUE_AT,
    Effect,
    polled_keys,
    popped,
    pops_left,
    seconds,
    was_set,
)
from celery_conformance.tap.redis_groups import facts_of, is_about_groups
from celery_conformance.tap.resp import Command, Transaction

#: Between the name of a queue and its priority step in the name of a list.
PRIORITY_SEPARATOR = "\x06\x16"
BINDING_PREFIX = "_kombu.binding."
RESULT_PREFIX = "celery-task-meta-"


def split_list_key(key: str) -> tuple[str, int | None]:
    """The queue and the priority step that the name of a list stands for."""
    queue, separator, step = key.rpartition(PRIORITY_SEPARATOR)
    return (queue, int(step)) if separator and step.isascii() and step.isdigit() else (key, 0)


def task_of_key(key: str) -> str | None:
    """The task id in the key of a result document, or None for any other key."""
    _, found, task_id = key.partition(RESULT_PREFIX)
    return task_id if found else None


@dataclass(slots=True)
class RedisFacts:
    """Turns effects into facts and remembers what was delivered."""

    timeline: Timeline
    delivered: dict[str, dict[str, Any]] = field(default_factory=dict)
    _bindings: dict[tuple[str, str], str] = field(default_factory=dict)
    _stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    _consuming: set[tuple[str, int, tuple[str, ...]]] = field(default_factory=set)

    def sent(self, origin: Origin, command: Command) -> None:
        """A command was sent; most become facts only when they are answered."""
        words = tuple(as_text(word) for word in command.arguments)
        keys = polled_keys(command.name.decode("ascii", "replace"), words)
        if keys:
            self._note_consumer(origin, keys, command.sent)
        elif command.name in (b"SUBSCRIBE", b"PSUBSCRIBE"):
            for channel in words:
                self._note_subscription(origin, channel, command.sent)

    def done(self, origin: Origin, transaction: Transaction, now: float) -> None:
        """Commands took effect together at ``now``."""
        effects = [
            Effect(
                origin,
                command.name.decode("ascii", "replace"),
                tuple(as_text(word) for word in command.arguments),
                command.arguments,
                reply,
                command.sent,
                now,
            )
            for command, reply in transaction.steps
            if not isinstance(reply, hiredis.ReplyError)  # nothing happened
        ]
        pushed_back = {tag for effect in effects for tag in self._tags_pushed_back(effect)}
        for effect in effects:
            handler = _HANDLERS.get(effect.name)
            if is_about_groups(effect):
                self._about_groups(effect)
            elif handler is not None:
                handler(self, effect, pushed_back)

    def pushed(self, origin: Origin, push: list[Any], now: float) -> None:
        """A subscription delivered something."""
        if push[0] in (b"message", b"pmessage"):
            channel, payload = as_text(push[-2]), push[-1]
            if task_of_key(channel) is None:
                message = from_envelope(payload)
                self._add("delivered", origin, {"queue": channel, "broadcast": True, **message}, now, now)

    # -- queues ---------------------------------------------------------------------------------------------

    def push(self, effect: Effect, pushed_back: set[str]) -> None:
        """LPUSH and RPUSH: a message was published, or an unacknowledged one restored."""
        queue, step = split_list_key(effect.words[0])
        end = "tail" if effect.name.startswith("L") else "head"
        for item in effect.raw[1:] if effect.reply else ():  # LPUSHX of a list that is not there answers 0
            message = from_envelope(item)
            tag = message.get("delivery_tag")
            kind, data = published_as(message)
            if isinstance(tag, str) and tag in pushed_back:
                kind = "restored"
            place = {"queue": queue, "key": effect.words[0], "priority_step": step, "end": end}
            self._fact(kind, effect, place | data | {"leads_to": self._leads_to(message)})

    def _leads_to(self, message: dict[str, Any]) -> str | None:
        """The queue that the exchange and the routing key of an envelope lead to, by the bindings seen so far."""
        exchange, routing_key = message.get("exchange"), message.get("routing_key")
        if exchange in ("", None):
            return routing_key if isinstance(routing_key, str) else None
        return self._bindings.get((str(exchange), str(routing_key)))

    def pop(self, effect: Effect, _pushed_back: set[str]) -> None:
        """BRPOP, RPOP and their kin: messages were delivered."""
        key, items = popped(effect)
        end = "tail" if pops_left(effect) else "head"
        for item in items:
            message = from_envelope(item)
            queue, step = split_list_key(key)
            place = {"queue": queue, "key": key, "priority_step": step, "end": end}
            if isinstance(message.get("delivery_tag"), str):
                known = self.delivered.get(message["delivery_tag"], {})
                first = known.get("delivered", effect.confirmed)
                self.delivered[message["delivery_tag"]] = place | message | {"delivered": first}
            data = place | {"redelivered": _redelivered(message)} | message
            # A blocking pop is sent long before the message exists; the delivery happens when it is answered.
            self._add("delivered", effect.origin, data, effect.confirmed, effect.confirmed)

    def hold(self, effect: Effect, _pushed_back: set[str]) -> None:
        """HSET of an unacknowledged copy."""
        pairs = zip(effect.words[1::2], effect.raw[2::2], strict=False)
        for tag, value in pairs:
            entry, problem = decode_json(value)
            if tag in self.delivered or (isinstance(entry, list) and len(entry) == 3):
                self._learn(tag, entry, effect)
                data = {"key": effect.words[0], "delivery_tag": tag, "entry": entry, "problem": problem}
                self._fact("held", effect, data | self._known(tag))

    def _learn(self, tag: str, entry: Any, effect: Effect) -> None:
        """A copy of a message whose delivery nobody saw: it was delivered by then at the latest."""
        if tag not in self.delivered and isinstance(entry[0], dict):
            envelope = from_envelope(json.dumps(entry[0]).encode())
            self.delivered[tag] = envelope | {"queue": None, "delivered": effect.confirmed}

    def index(self, effect: Effect, _pushed_back: set[str]) -> None:
        """ZADD of a delivery tag, with the moment of delivery as its score."""
        words = list(effect.words[1:])
        while words and words[0].upper() in ("NX", "XX", "GT", "LT", "CH", "INCR"):
            del words[0]
        for score, tag in zip(words[::2], words[1::2], strict=False):
            if tag in self.delivered:
                data = {"key": effect.words[0], "delivery_tag": tag, "score": float(score)}
                self._fact("indexed", effect, data | self._known(tag))

    def release(self, effect: Effect, pushed_back: set[str]) -> None:
        """HDEL of an unacknowledged copy: acknowledged, unless the same transaction puts it back."""
        for tag in effect.words[1:]:
            if tag in self.delivered and tag not in pushed_back and effect.reply:
                data = {"key": effect.words[0], "delivery_tag": tag}
                self._fact("acknowledged", effect, data | self._known(tag))

    def _known(self, tag: str) -> dict[str, Any]:
        message = self.delivered.get(tag, {})
        return {name: message.get(name) for name in ("task_id", "queue")}

    def _tags_pushed_back(self, effect: Effect) -> list[str]:
        """The delivered messages that a push puts back on a queue."""
        if effect.name not in ("LPUSH", "RPUSH") or not effect.origin.party.startswith("worker"):
            return []
        tags = [from_envelope(item).get("delivery_tag") for item in effect.raw[1:]]
        return [tag for tag in tags if isinstance(tag, str) and self._delivered_before(tag, effect.sent)]

    def _delivered_before(self, tag: str, moment: float) -> bool:
        """Whether a message had been delivered when something was sent: the answer to a push may come after both."""
        return tag in self.delivered and bool(self.delivered[tag]["delivered"] <= moment)

    def _note_consumer(self, origin: Origin, keys: tuple[str, ...], now: float) -> None:
        known = (origin.party, origin.connection, tuple(sorted(keys)))
        if known not in self._consuming:
            self._consuming.add(known)
            for queue in dict.fromkeys(split_list_key(key)[0] for key in keys):
                steps = [split_list_key(key)[1] for key in keys if split_list_key(key)[0] == queue]
                self._add("consuming", origin, {"queue": queue, "priority_steps": steps}, now, None)

    def bind(self, effect: Effect, _pushed_back: set[str]) -> None:
        """SADD to a binding table."""
        _, found, exchange = effect.words[0].partition(BINDING_PREFIX)
        for member in effect.words[1:] if found else ():
            routing_key, pattern, queue = (*member.split(PRIORITY_SEPARATOR), "", "")[:3]
            data = {"exchange": exchange, "routing_key": routing_key, "pattern": pattern, "queue": queue}
            self._bindings[exchange, routing_key] = queue
            self._fact("bound", effect, data | {"key": effect.words[0], "member": member})

    # -- results --------------------------------------------------------------------------------------------

    def store(self, effect: Effect, _pushed_back: set[str]) -> None:
        """SET in any of its forms, on the key of a result document."""
        key, value = effect.words[0], effect.raw[VALUE_AT.get(effect.name, 1)]
        task_id = task_of_key(key)
        if task_id is not None and was_set(effect):
            document, problem = decode_json(value)
            data = {
                "store": "redis",
                "key": key,
                "task_id": task_id,
                "document": document,
                "expires": self._expiry(effect),
                "problem": problem,
                "text": as_text(value),
            }
            self._stored[key] = data
            self._fact("result-stored", effect, data)

    def _expiry(self, effect: Effect) -> float | None:
        """After how many seconds what a SET stored expires; None for never."""
        if effect.name in VALUE_AT:
            return seconds(effect.name, effect.words[1], 0)
        options = [word.upper() for word in effect.words[2:]]
        for option in set(options[:-1]) & set(OPTIONS):
            return seconds(OPTIONS[option], effect.words[3 + options.index(option)], self._wall(effect))
        return None

    def _wall(self, effect: Effect) -> float:
        return self.timeline.clock.wall(effect.sent)

    def expire(self, effect: Effect, _pushed_back: set[str]) -> None:
        """EXPIRE after a SET belongs to the storing: the expiry is written into the fact."""
        stored = self._stored.get(effect.words[0])
        if stored is not None and effect.reply:
            stored["expires"] = seconds(effect.name, effect.words[1], self._wall(effect))

    def announce(self, effect: Effect, _pushed_back: set[str]) -> None:
        """PUBLISH: a result is announced, or a message is broadcast."""
        channel, payload = effect.words[0], effect.raw[1]
        task_id = task_of_key(channel)
        if task_id is not None:
            document, problem = decode_json(payload)
            data = {"channel": channel, "task_id": task_id, "document": document, "problem": problem}
            self._fact("result-announced", effect, data | {"text": as_text(payload)})
        else:
            self._fact("broadcast", effect, {"channel": channel, **from_envelope(payload)})

    def read(self, effect: Effect, _pushed_back: set[str]) -> None:
        """GET and MGET of result documents."""
        replies = effect.reply if effect.name == "MGET" else [effect.reply]
        for key, reply in zip(effect.words, replies, strict=False):
            task_id = task_of_key(key)
            if task_id is not None:
                self._fact("result-read", effect, {"key": key, "task_id": task_id, "found": reply is not None})

    def remove(self, effect: Effect, _pushed_back: set[str]) -> None:
        """DEL of result documents."""
        for key in effect.words:
            task_id = task_of_key(key)
            if task_id is not None and effect.reply:
                self._fact("result-removed", effect, {"key": key, "task_id": task_id})

    def _about_groups(self, effect: Effect) -> None:
        for kind, data in facts_of(effect, self._expiry(effect) if effect.name.startswith(("SET", "PSET")) else None):
            self._fact(kind, effect, data)

    def _note_subscription(self, origin: Origin, channel: str, now: float) -> None:
        task_id = task_of_key(channel)
        kind = "consuming" if task_id is None else "result-awaited"
        data = {"queue": channel, "broadcast": True} if task_id is None else {"channel": channel, "task_id": task_id}
        self._add(kind, origin, data, now, None)

    # -- recording ------------------------------------------------------------------------------------------

    def _fact(self, kind: str, effect: Effect, data: dict[str, Any]) -> None:
        self._add(kind, effect.origin, data, effect.sent, effect.confirmed)

    def _add(self, kind: str, origin: Origin, data: dict[str, Any], sent: float, confirmed: float | None) -> None:
        connection = origin.connection
        self.timeline.add(kind, origin.party, data, connection=connection, sent=sent, confirmed=confirmed)


def _redelivered(message: dict[str, Any]) -> bool:
    headers = message.get("headers")
    return isinstance(headers, dict) and headers.get("redelivered") is True


Handler = Callable[[RedisFacts, Effect, set[str]], None]
_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("LPUSH", "RPUSH", "LPUSHX", "RPUSHX"), RedisFacts.push),
    **dict.fromkeys(POPS, RedisFacts.pop),
    **dict.fromkeys(("HSET", "HMSET", "HSETNX"), RedisFacts.hold),
    "HDEL": RedisFacts.release,
    "SADD": RedisFacts.bind,
    "ZADD": RedisFacts.index,
    **dict.fromkeys(("SET", "SETEX", "PSETEX", "GETSET", "SETNX"), RedisFacts.store),
    **dict.fromkeys(("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"), RedisFacts.expire),
    "PUBLISH": RedisFacts.announce,
    **dict.fromkeys(("GET", "MGET"), RedisFacts.read),
    **dict.fromkeys(("DEL", "UNLINK"), RedisFacts.remove),
}
