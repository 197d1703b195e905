"""The AsyncAPI document as a page: its channels, operations and messages, and where to get it."""

from __future__ import annotations

import yaml

from wire_site import render
from wire_site.material import Material


def page(material: Material) -> str:
    document = yaml.safe_load((material.spec / "asyncapi.yaml").read_text())
    return render.page("asyncapi.md.jinja", "reference/asyncapi.md", material, document=document)
