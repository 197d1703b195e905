"""Templates: how a page looks. They write Markdown, and get filters that make links from where they stand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from wire_site import links, prose
from wire_site.material import Material
from wire_site.pretty import pretty


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701  what comes out is Markdown; values go through the filters plain, code and json
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update(plain=prose.plain, code=prose.code, block=prose.block, json=pretty)
    return made


def page(template: str, here: str, material: Material, **values: Any) -> str:
    """Fill in a template as the page ``here``; ``to`` in it makes a relative address."""

    def to(target: str) -> str:
        return links.relative(here, target)

    def to_requirement(name: str) -> str:
        return f"[{name}]({to(links.requirement(name, material))})" if name in material.requirements else name

    def to_fixture(name: str) -> str:
        return f"[{prose.plain(name)}]({to(links.fixture(name))})" if name in material.fixtures else prose.plain(name)

    def to_case(name: str) -> str:
        return f"[{prose.plain(name)}]({to(links.case(name, material))})" if name in material.cases else name

    def to_source(place: str) -> str:
        address = links.source(place)
        return f"[{prose.code(place)}]({address})" if address else prose.code(place)

    return _environment().get_template(template).render(
        values, m=material, links=links, to=to, to_requirement=to_requirement, to_fixture=to_fixture,
        to_case=to_case, to_source=to_source,
    )  # fmt: skip
