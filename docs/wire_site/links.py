"""Where things stand on the site: one function for each kind of thing, and links between pages.

Addresses are those of Markdown sources (``spec/task-v2.md``), which mkdocs checks and turns into those of HTML.
"""

from __future__ import annotations

import posixpath
from functools import cache
from importlib.metadata import version

from wire_site.material import Material


def relative(here: str, target: str) -> str:
    """The way from one page's source to another's; the anchor is kept."""
    page, _, anchor = target.partition("#")
    way = "" if page == here else posixpath.relpath(page, posixpath.dirname(here) or ".")
    return f"{way}#{anchor}" if anchor else way


def requirement(name: str, material: Material) -> str:
    return f"spec/{material.requirements[name].document}#{name}"


def fixture(name: str) -> str:
    surface, _, own = name.partition("/")
    return f"reference/fixtures/{surface}.md#{own}"


def fixture_file(name: str) -> str:
    return f"reference/fixtures/files/{name}.json"


def case(name: str, material: Material) -> str:
    return f"reference/cases/{material.cases[name].topic}.md#{name}"


def schema(name: str) -> str:
    return f"reference/schemas/{name}.md"


def schema_reference(reference: str, here: str) -> str:
    """The page and section of a ``$ref``: ``urn:celery-wire:common#/$defs/embed``, or one into the schema itself."""
    document, _, pointer = reference.partition("#")
    name = document.removeprefix("urn:celery-wire:") or here
    steps = [step for step in pointer.split("/") if step]
    return schema(name) + (f"#{steps[-1]}" if steps else "")


_release = cache(version)
_OWNERS = {"celery": "celery/celery", "kombu": "celery/kombu", "amqp": "celery/py-amqp"}


def source(place: str) -> str | None:
    """A place such as ``celery/app/amqp.py:AMQP.as_task_v2`` in the published source of the release it was seen in."""
    file = place.partition(":")[0]
    package = file.partition("/")[0]
    owner = _OWNERS.get(package)
    return f"https://github.com/{owner}/blob/v{_release(package)}/{file}" if owner else None
