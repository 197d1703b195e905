"""Text that people wrote, made fit for the site: links that work there, ids that lead to their requirement.

Code is left alone, fenced or inline, and so are links that are links already and headings.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Callable, Mapping

from wire_site import links
from wire_site.material import Material
from wire_site.pretty import pretty

#: Where a document of the repository stands on the site; what begins with ``spec/`` keeps its path.
PLACES = {
    "spec/README.md": "spec/index.md",
    "fixtures/README.md": "reference/fixtures/index.md",
    "conformance/README.md": "conformance/index.md",
}

_FENCED = r"^(?P<mark>```+|~~~+).*?^(?P=mark)[ ]*$"
_INLINE = r"(?P<ticks>`+)(?:(?!\n\n).)+?(?P=ticks)"
_LEFT_ALONE = rf"<pre>.*?</pre>|{_FENCED}|{_INLINE}|^#{{1,6}} [^\n]*$|^ {{4}}[^\n]*$|<[^>\n]*>"
_LINK = re.compile(rf"{_LEFT_ALONE}|\[(?P<words>[^\]\n]*)\]\((?P<target>[^)\s]+)\)", re.M | re.S)
_ID = re.compile(
    rf"{_LEFT_ALONE}|\[[^\]\n]*\]\([^)\s]*\)|\[?\b(?P<id>[A-Z][A-Z0-9]*-[A-Z]{{3}}-[0-9]{{3}})\b\]?", re.M | re.S
)
_DOCUMENT = re.compile(rf"{_LEFT_ALONE}|\[[^\]\n]*\]\([^)\s]*\)|(?<![\w/])(?P<name>[a-z0-9-]+\.md)\b", re.M | re.S)
_NUMBER = re.compile(r"\{\{ (\w+) \}\}")
_EXAMPLE = re.compile(r"\{\{ example (\S+) \}\}")


def finish(markdown: str, here: str, material: Material) -> str:
    """Fill in ``{{ number }}`` and ``{{ example fixture }}``, and make a link of each requirement's id in the text.

    Raises:
        KeyError: an example names no fixture.
    """

    def number(match: re.Match[str]) -> str:
        return str(material.counts.get(match[1], match[0]))

    def identifier(match: re.Match[str]) -> str:
        name = match["id"]
        if name is None or name not in material.requirements:
            return match[0]
        return f"[{name}]({links.relative(here, links.requirement(name, material))})"

    def example(match: re.Match[str]) -> str:
        return pretty(material.fixtures[match[1]].decoded)

    return _ID.sub(identifier, _NUMBER.sub(number, _EXAMPLE.sub(example, markdown)))


def place(path: str) -> str:
    """A document's place on the site, from its path in the repository."""
    return PLACES.get(path, path)


def relink(markdown: str, path: str, here: str, known: Callable[[str], bool], moved: Mapping[str, str] = {}) -> str:
    """Turn the links of a repository's document into links between pages.

    ``path`` is the document's place in the repository, ``here`` that of the page; ``moved`` names the pages of
    sections that became pages of their own. A link to a file that has no page becomes its words as code.
    """

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or re.match(r"[a-z]+:", target):
            return match[0]
        if target.startswith("#"):
            return f"[{match['words']}]({links.relative(here, moved.get(target, here + target))})"
        file, _, anchor = target.partition("#")
        page = place(posixpath.normpath(posixpath.join(posixpath.dirname(path), file)))
        if not known(page):
            return f"`{match['words'].strip('`')}`"
        return f"[{match['words']}]({links.relative(here, page + (f'#{anchor}' if anchor else ''))})"

    return _LINK.sub(replace, markdown)


def link_documents(markdown: str, here: str, known: Callable[[str], bool]) -> str:
    """Make a link of each document of the specification that the text names, such as ``worker.md``."""

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None or not known(f"spec/{name}"):
            return match[0]
        return f"[{name.removesuffix('.md')}]({links.relative(here, f'spec/{name}')})"

    return _DOCUMENT.sub(replace, markdown)


def plain(words: object) -> str:
    """Words as Markdown that shows just these words."""
    escaped = re.sub(r"([\\`*_{}\[\]#|])", r"\\\1", str(words))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def block(words: object) -> str:
    """Words as a block of code without colours: pages with hundreds of them stay small and are made quickly."""
    return f"<pre><code>{html.escape(str(words), quote=False)}</code></pre>"


def code(words: object) -> str:
    """Words as inline code, whatever backticks they hold."""
    text = str(words)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    mark = "`" * (longest + 1)
    pad = " " if longest or text != text.strip() else ""
    return f"{mark}{pad}{text or ' '}{pad}{mark}"
