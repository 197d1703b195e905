"""A file of ``fixtures/``: it names the schemas that judge it, and says what its bytes decode to.

It is judged by the sides that it names, and by sentences with MUST alone, because a made fixture is minimal on purpose.
What is inside is read as anybody's message would be; the fixture's own ``decoded`` stands in where that is a surface
that no row of ``kinds`` knows, or a body that is left closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from celery_conformance.check import kinds
from celery_conformance.check.model import Carried, Layer, Problem, UnreadableError
from celery_conformance.check.reading import parse

Object = Mapping[str, Any]

_FORMS = ("item", "frames", "document")


def is_fixture(value: Object) -> bool:
    return isinstance(value.get("judged"), dict) and isinstance(value.get("message"), dict) and "surface" in value


Reader = Callable[[Any], Carried]


def fixture(value: Object, read: Reader, neutral: Reader) -> Carried:
    """What a fixture carries; ``read`` takes what is inside it, ``neutral`` a message that has no form around it."""
    names = _schemas(value["judged"])
    found = _inside(value["message"], read, neutral)
    taken = {layer.stem: layer for layer in found.layers if layer.stem in names}
    if "decoded" in value and (found.opaque or not taken):
        taken, found = {}, replace(found, opaque="", problem=None)
    whole = value.get("decoded", found.layers[-1].document)
    layers = [replace(taken.get(stem, Layer(stem, whole)), schema=name) for stem, name in names.items()]
    if found.layers[0].stem in taken and kinds.of_stem(found.layers[0].stem) is None:  # something around a message
        layers += [layer for layer in found.layers if layer.stem and layer.stem not in names]
    return replace(
        found,
        form=f"the fixture {value.get('name')!r}",
        title=found.title if found.known and found.title else str(value.get("title")),
        layers=tuple(layers),
        side="accepted" if all(name.endswith("-accepted") for name in names.values()) else "emitted",
        problem=_problem(value, found),
        writers=found.writers if taken else _writers(names),
        known=True,
        advised=False,
    )


def _schemas(judged: Mapping[str, Any]) -> dict[str, str]:
    """Stem to the schema that judges it: of two sides, the one of whoever writes; those of writers go first."""
    found: dict[str, str] = {}
    for name in map(str, judged):
        stem = name.removesuffix("-accepted").removesuffix("-emitted")
        if stem not in found or not name.endswith("-accepted"):
            found[stem] = name
    known = {stem: name for stem, name in found.items() if kinds.is_schema(name)}
    return dict(sorted(known.items(), key=lambda item: item[1].endswith("-accepted")))


def _inside(content: Object, read: Reader, neutral: Reader) -> Carried:
    """The message of a fixture, in the form that it names."""
    forms = [name for name in _FORMS if isinstance(content.get(name), str)]
    try:
        if forms:
            return read({forms[0]: content[forms[0]]})
        if "body" in content:
            return neutral(content)
    except UnreadableError as error:
        return _unreadable(content, str(error))
    return Carried("", "", (Layer("", None),))


def _unreadable(content: Object, reason: str) -> Carried:
    """Content that is not what its form says: a JSON value that the schemas see, or a problem."""
    text = next((content[name] for name in ("item", "document") if isinstance(content.get(name), str)), "")
    try:
        return Carried("", "", (Layer("", parse(text)[0]),))
    except UnreadableError as error:
        return Carried("", "", (Layer("", None),), problem=Problem("", "JSON", str(error) if text else reason))


def _problem(value: Object, found: Carried) -> Problem | None:
    """Why there is no document: as was found, or as the fixture says that has none."""
    problem = found.problem
    if problem is None and "decoded" not in value and not all(value["judged"].values()):
        place = "/content_type" if "body" in value["message"] else ""
        problem = Problem(place, "bytes that can be decoded", found.opaque or "bytes that cannot be decoded")
    if problem is None or problem.requirements or not isinstance(value.get("requirements"), list):
        return problem
    return replace(problem, requirements=tuple(map(str, value["requirements"])))


def _writers(names: Mapping[str, str]) -> frozenset[str]:
    rows = [kind for kind in map(kinds.of_stem, names) if kind is not None]
    return frozenset().union(*(row.writers for row in rows))
