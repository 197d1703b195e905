"""How an input carries its message: the forms, and the way from each to the documents that schemas judge.

| form | is |
|---|---|
| a fixture | a file of ``fixtures/``: it names its schemas itself; see ``fixture_form`` |
| a Redis list item | the envelope, or an object with it as the text ``item`` and the list's name |
| an unacknowledged copy | the list of three in the hash ``unacked`` |
| an AMQP publication | an object of exchange, routing key, properties, headers and base64 body, or ``frames`` |
| a neutral message | content type, headers, properties and body, as specification and fixtures write it |
| a document | what a result store keeps, or an object with it as the text ``document`` |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from celery_conformance.check import bodies, kinds
from celery_conformance.check.bodies import Body
from celery_conformance.check.fixture_form import fixture, is_fixture
from celery_conformance.check.frames import publication
from celery_conformance.check.model import IN_PLACE, Carried, Layer, Places, Problem, UnreadableError
from celery_conformance.check.reading import parse

Object = Mapping[str, Any]

BINDING_PROPERTIES = frozenset({"body_encoding", "delivery_tag", "delivery_info"})
"""Properties of an envelope that belong to the binding, not to the message."""

_ENVELOPE_KEYS = (("content-type", "content_type"), ("content-encoding", "content_encoding"), ("headers", "headers"))
_ENVELOPE_PLACES: Places = {"/content_type": "/content-type", "/content_encoding": "/content-encoding"}
_BODY_ENCODING = "/properties/body_encoding"
_BASIC = ("content_type", "content_encoding")
_NOT_PROPERTIES = frozenset({*_BASIC, "headers"})


def carried(value: Any) -> Carried:
    """What a JSON value carries.

    Raises:
        UnreadableError: nothing that is known.
    """
    if isinstance(value, list):
        return _unacked(value)
    if not isinstance(value, dict):
        raise UnreadableError("expected a JSON object, or the list of an unacknowledged copy")
    for fits, read in _FORMS:
        if fits(value):
            return read(value)
    return stored(value)


def _item(text: str, key: str) -> Carried:
    value, odd = parse(text)
    found = _unacked(value) if isinstance(value, list) else envelope(value)
    return replace(found, form=f"{found.form} {key!r}" if key else found.form, odd_numbers=found.odd_numbers or odd)


def envelope(value: Any, stem: str = "redis-envelope") -> Carried:
    """The item of a Redis list."""
    outer = Layer(stem, value)
    if not isinstance(value, dict):
        return Carried("a Redis list item", "no envelope", (outer,))
    inner, body = _inside(value)
    if body.problem is not None:
        body = replace(body, problem=replace(body.problem, unless=_BODY_ENCODING))
    if body.problem is not None and body.problem.place == _BODY_ENCODING:
        problem = body.problem if isinstance(value.get("body"), str) else None
        return Carried("a Redis list item", "a message whose body cannot be read", (outer,), problem=problem)
    return message(inner, body, "a Redis list item", _ENVELOPE_PLACES, outer)


def _inside(value: Object) -> tuple[dict[str, Any], Body]:
    """The neutral message in an envelope, and its body."""
    binding = value.get("properties")
    found = {name: value[own] for own, name in _ENVELOPE_KEYS if own in value}
    if isinstance(binding, dict):
        found["properties"] = kept = dict(binding)
        for name in BINDING_PROPERTIES:
            kept.pop(name, None)
    encoding = binding.get("body_encoding") if isinstance(binding, dict) else None
    return found, _envelope_body(value.get("body"), encoding, found)


def _envelope_body(text: Any, encoding: Any, inner: Object) -> Body:
    if not isinstance(text, str) or encoding not in ("base64", "utf-8", None):
        return Body(problem=Problem(_BODY_ENCODING, "text in the encoding that body_encoding names", f"{text!r:.60}"))
    if encoding != "base64":
        return bodies.decode(text.encode("utf-8", "surrogatepass"), inner)
    try:
        return bodies.decode(bodies.from_base64(text), inner)
    except UnreadableError as error:
        return Body(problem=Problem(_BODY_ENCODING, "base64 text, as body_encoding says", f"{text[:60]!r}: {error}"))


def _unacked(value: list[Any]) -> Carried:
    if len(value) != 3 or not isinstance(value[0], dict) or "properties" not in value[0]:
        raise UnreadableError("expected a list of an envelope, an exchange and a routing key")
    found = envelope(value[0])
    return Carried("a copy in the hash of unacknowledged messages", found.title, (Layer("redis-unacked", value),),
                   writers=frozenset({"worker"}))  # fmt: skip


def amqp(value: Object) -> Carried:
    """A publication on AMQP, its headers within its properties or beside them."""
    properties = value.get("properties")
    properties = dict(properties) if isinstance(properties, dict) else {}
    beside = "headers" not in properties
    if beside and value.get("headers") is not None:
        properties["headers"] = value["headers"]
    outer = {"exchange": value.get("exchange"), "routing_key": value.get("routing_key"), "properties": properties}
    inner: dict[str, Any] = {name: properties[name] for name in _BASIC if name in properties}
    inner |= {"headers": properties.get("headers", {})}
    inner["properties"] = {name: each for name, each in properties.items() if name not in _NOT_PROPERTIES}
    headers = "/headers" if beside else "/properties/headers"
    places = {**{f"/{name}": f"/properties/{name}" for name in _BASIC}, "/headers": headers}
    publication = Layer("", outer, {"/properties/headers": headers})
    return message(inner, _amqp_body(value.get("body"), inner), "an AMQP publication", places, publication)


def _amqp_body(body: Any, inner: Object) -> Body:
    if isinstance(body, bytes):
        return bodies.decode(body, inner)
    if not isinstance(body, str):
        raise UnreadableError("expected the body of a publication as base64 text")
    return bodies.decode(bodies.from_base64(body), inner)


def neutral(value: Object) -> Carried:
    """A message as specification and fixtures write it: its body decoded, or as text or base64."""
    body, inner = value["body"], {name: each for name, each in value.items() if name != "body"}
    if isinstance(body, dict) and body.keys() == {"text"} and isinstance(body["text"], str):
        found = bodies.decode(body["text"].encode("utf-8", "surrogatepass"), inner)
    elif isinstance(body, dict) and body.keys() == {"base64"} and isinstance(body["base64"], str):
        found = bodies.decode(bodies.from_base64(body["base64"]), inner)
    else:
        found = Body(body)
    return message(inner, found, "a neutral message")


def message(inner: Object, body: Body, form: str, places: Places = IN_PLACE, around: Layer | None = None) -> Carried:
    """A neutral message, its body, and what stands around it: an envelope, or a publication."""
    whole = {**inner, "body": body.value} if body.open else dict(inner)
    kind = kinds.message(whole)
    if around is not None and kind is not None and not around.stem:
        around = replace(around, stem=kind.publication)
    return Carried(
        form,
        _unknown(body) if kind is None else kind.title,
        (*((around,) if around is not None else ()), *_layers(kind, whole, places)),
        problem=body.problem,
        opaque=body.opaque,
        odd_numbers=body.odd_numbers,
        tagged=body.tagged,
        known=kind is not None,
        writers=frozenset() if kind is None else kind.writers,
    )


def _layers(kind: kinds.Kind | None, whole: dict[str, Any], places: Places) -> tuple[Layer, ...]:
    """The message as its own kind judges it, and where its body holds the body of another, that as well."""
    layers = (Layer("" if kind is None else kind.stem, whole, places),)
    if kind is None or not kind.inside:
        return layers
    within = {**whole, "body": whole["body"].get(kind.inside)}
    inner = kinds.message(within)
    if inner is None:
        return layers
    return (*layers, Layer(inner.stem, within, {**places, "/body": f"/body/{kind.inside}"}))


def _unknown(body: Body) -> str:
    reason = body.opaque or (body.problem.actual if body.problem else f"its body is {_type_of(body.value)}")
    return f"a message of no kind that this edition knows ({reason})"


def _type_of(value: Any) -> str:
    types = ((str, "text"), (dict, "an object"), (list, "a list"), (bool, "true or false"), (int | float, "a number"))
    return next((words for one, words in types if isinstance(value, one)), "null")


def stored(value: Any) -> Carried:
    """A document of a result store."""
    kind = kinds.stored(value)
    if kind is None:
        raise UnreadableError("expected a message or a document of a kind that this edition knows")
    return Carried("a stored document", kind.title, (Layer(kind.stem, value),), writers=kind.writers)


def _has_binding(value: Object) -> bool:
    binding = value.get("properties")
    return isinstance(binding, dict) and bool(BINDING_PROPERTIES & binding.keys())


def _has_text(name: str) -> Callable[[Object], bool]:
    return lambda value: isinstance(value.get(name), str)


_FORMS: tuple[tuple[Callable[[Object], bool], Callable[[Object], Carried]], ...] = (
    (lambda value: "content-type" in value, envelope),  # what comes in thousands goes first
    (is_fixture, lambda value: fixture(value, carried, neutral)),
    (_has_text("item"), lambda value: _item(value["item"], str(value.get("list") or value.get("key") or ""))),
    (_has_text("frames"), lambda value: amqp(publication(bodies.from_base64(value["frames"])))),
    (_has_text("document"), lambda value: stored(parse(value["document"])[0])),
    (_has_binding, envelope),
    (lambda value: "routing_key" in value and "body" in value, amqp),
    (lambda value: "body" in value and bool({"headers", "properties", "content_type"} & value.keys()), neutral),
)
"""How each form is recognised, the first that fits wins, and how it is read."""
