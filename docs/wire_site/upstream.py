"""Where the documentation of Celery and Kombu is wrong or silent: ``docs/upstream.yaml`` as a page."""

from __future__ import annotations

from wire_site import render
from wire_site.material import Material


def page(material: Material) -> str:
    return render.page("upstream.md.jinja", "upstream.md", material, groups=material.upstream)
