"""Branches in the schemas of events, remote control and scheduling that no message can reach, and why."""

from __future__ import annotations

#: How the names of these schemas begin.
KINDS = ("event", "control-", "monitoring-", "schedule")

_MESSAGES = ("control-accepted", "control-emitted", "control-reply-accepted", "control-reply-emitted")
_MESSAGES += ("event-accepted", "event-emitted")
_ANSWERS = (
    "active-queues",
    "clock",
    "conf",
    "hello",
    "ok",
    "ping",
    "query-task",
    "requests",
    "scheduled",
    "stats",
    "texts",
)

_COMMANDS, _EVENTS, _GROUPS, _SCHEDULES, _EXCHANGES = 24, 12, 2, 3, 3

_METHOD = "a command without method is refused all the same"
_TYPE = "an event without type is refused all the same"
_KIND = "a schedule without type is refused all the same"
_DECLARED = "a declaration on AMQP always has all its arguments"
_PUBLISHED = "a publication on AMQP always has exchange, routing key and properties"
_EXAMPLE = "an example is made by this project and always has it"

UNREACHABLE = {
    **{f"{name}#/type": "a neutral message is an object by its own definition" for name in _MESSAGES},
    **{f"{name}#/required/body": "a message always has a body, which may be empty" for name in _MESSAGES},
    **{
        f"control-reply-{name}#/properties/body demanded": "a message always has a body, which may be empty"
        for name in _ANSWERS
    },
    "control-emitted#/properties/body/if/required/method": _METHOD,
    **{
        f"control-emitted#/properties/body/then/allOf/{index}/if/properties/method demanded": _METHOD
        for index in range(_COMMANDS)
    },
    "event#/if/type": "an event that is no object is refused all the same",
    "event#/if/required/type": _TYPE,
    **{f"event#/then/allOf/{index}/if/properties/type demanded": _TYPE for index in range(_EVENTS)},
    **{f"event-accepted#/$defs/event/allOf/{index}/if/properties/type demanded": _TYPE for index in range(_GROUPS)},
    "schedule#/if/required/type": _KIND,
    **{f"schedule#/then/allOf/{index}/if/properties/type demanded": _KIND for index in range(_SCHEDULES)},
    **{
        f"monitoring-amqp-declared#/then/allOf/{index}/{place} demanded": _DECLARED
        for index in range(_EXCHANGES)
        for place in ("if/properties/exchange", "then/properties/type", "then/properties/durable")
    },
    **{
        f"monitoring-amqp-emitted#/{place} demanded": _PUBLISHED
        for place in (
            "properties/exchange",
            "properties/routing_key",
            "properties/properties",
            "if/properties/exchange",
            "then/properties/routing_key",
        )
    },
    **{f"schedule-example#/properties/{name} demanded": _EXAMPLE for name in ("entry", "after", "due")},
}
