"""What the words and the reply of a Redis command say: lists it pops, what it popped, whether and for how long it set.

Several commands have one effect; here they are told apart, so that nobody else has to. Pure functions and tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery_conformance.tap.message import as_text
from celery_conformance.tap.origin import Origin


@dataclass(frozen=True, slots=True)
class Effect:
    """A command that took effect: who sent it, the arguments as text, the raw ones, the reply, the moments."""

    origin: Origin
    name: str
    words: tuple[str, ...]
    raw: tuple[bytes, ...]
    reply: Any
    sent: float
    confirmed: float


def polled_keys(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The lists a command takes an item off, or waits for one; none for any other command."""
    if name in ("BRPOP", "BLPOP"):
        return words[:-1]
    if name in _COUNTED:
        place = _COUNTED[name]
        count = words[place] if place < len(words) else ""
        return words[place + 1 : place + 1 + int(count)] if count.isdecimal() else ()
    return words[:1] if name in POPS else ()


def pops_left(effect: Effect) -> bool:
    """Whether an item was taken off the end at which Celery puts new ones in."""
    if effect.name in ("LMOVE", "BLMOVE"):
        return effect.words[2].upper() == "LEFT"
    if effect.name in _COUNTED:
        after_keys = _COUNTED[effect.name] + 1 + len(polled_keys(effect.name, effect.words))
        return effect.words[after_keys].upper() == "LEFT"
    return effect.name in ("LPOP", "BLPOP")


def popped(effect: Effect) -> tuple[str, list[bytes]]:
    """The key and the items that a pop gave."""
    reply = effect.reply
    if reply is None:
        return "", []
    if effect.name in ("BRPOP", "BLPOP"):
        return as_text(reply[0]), [reply[1]]
    if effect.name in _COUNTED:
        return as_text(reply[0]), reply[1]
    return effect.words[0], reply if isinstance(reply, list) else [reply]


def was_set(effect: Effect) -> bool:
    """Whether a command of the SET family stored its value; some of its forms answer with the value of before."""
    options = {word.upper() for word in effect.words[2:]} if effect.name == "SET" else set()
    if effect.name == "GETSET" or ("GET" in options and not options & {"NX", "XX"}):
        return True
    if effect.name == "SETNX":
        return bool(effect.reply)
    if "GET" in options:
        return (effect.reply is None) == ("NX" in options)
    return effect.reply is not None


def seconds(command: str, number: str, now: float) -> float:
    """What the number of a SETEX, an EXPIRE or of their kin means, in seconds from the Unix time ``now``."""
    value = float(number) / _EXPIRIES[command]
    return value - now if command.endswith("AT") else value


#: Pops that may wait on several lists, and where the number of their lists stands.
_COUNTED = {"LMPOP": 0, "BLMPOP": 1}
POPS = frozenset({"BRPOP", "BLPOP", "RPOP", "LPOP", "BRPOPLPUSH", "RPOPLPUSH", "BLMOVE", "LMOVE", *_COUNTED})

#: Where the value stands when it is not the second argument: behind the expiry.
VALUE_AT = {"SETEX": 2, "PSETEX": 2}
#: What a command's expiry is divided by to be in seconds.
_EXPIRIES = {"SETEX": 1, "PSETEX": 1000, "EXPIRE": 1, "PEXPIRE": 1000, "EXPIREAT": 1, "PEXPIREAT": 1000}
#: The options of SET that do what a command of its own does.
OPTIONS = {"EX": "EXPIRE", "PX": "PEXPIRE", "EXAT": "EXPIREAT", "PXAT": "PEXPIREAT"}
