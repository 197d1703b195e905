"""Reading requirements out of the documents.

The rules of the format stand in docs/design/contracts.md: front matter, then paragraphs; a paragraph that
starts with an id in brackets is a requirement, and the fenced block ``requirement`` behind it says the rest.
This module only reads. What it cannot read at all is a `FormatError` with file and line; whether what it
read makes sense is for the lint to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from celery_conformance.specification.model import Document, Entry, Paragraph

ID_IN_BRACKETS = re.compile(r"^\[([^\]\s]*)\]\s+(.*)$", re.DOTALL)
FENCE = re.compile(r"^(```+|~~~+)\s*(\S*)\s*$")


class FormatError(ValueError):
    """A document that cannot be read: the message names file, line, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (``language`` is None) or a fenced block of a document."""

    line: int
    text: str
    language: str | None = None


def read_folder(folder: Path) -> tuple[Document, ...]:
    """Read every normative document of a folder: each Markdown file that starts with front matter.

    Raises:
        FormatError: one of them cannot be read.
    """
    paths = sorted(folder.glob("*.md"))
    return tuple(read(path.name, text) for path in paths if (text := path.read_text()).startswith("---\n"))


def read(name: str, text: str) -> Document:
    """Read one document.

    Raises:
        FormatError: front matter, a block or its YAML cannot be read, or a requirement has no block.
    """
    lines = text.split("\n")
    front, first = _front_matter(name, lines)
    defaults = front.get("defaults", {})
    surface = str(front["surface"])
    entries: list[Entry] = []
    paragraphs: list[Paragraph] = []
    blocks = list(_blocks(name, lines, first))
    for here, after in zip(blocks, [*blocks[1:], None], strict=True):
        match = ID_IN_BRACKETS.match(here.text)
        if match and here.language is None:
            fields = {**defaults, **_fields(name, here, after)}
            sentence = " ".join(match[2].split())
            entries.append(Entry(name, surface, here.line, match[1], sentence, fields))
        elif here.language is None:
            paragraphs.append(Paragraph(here.line, here.text))
    _refuse_stray_blocks(name, blocks)
    return Document(name, surface, str(front["title"]), tuple(entries), tuple(paragraphs))


def _front_matter(name: str, lines: list[str]) -> tuple[Mapping[str, Any], int]:
    """The front matter, and the index of the first line behind it."""
    if lines[0] != "---" or "---" not in lines[1:]:
        raise FormatError(f"{name}:1: expected front matter between two lines of three dashes")
    end = lines.index("---", 1)
    front = _mapping(name, 1, "\n".join(lines[1:end]), "front matter")
    for key in ("surface", "title"):
        if key not in front:
            raise FormatError(f"{name}:1: expected the key {key!r} in the front matter; it has {sorted(front)}")
    if not isinstance(front.get("defaults", {}), Mapping):
        raise FormatError(f"{name}:1: expected a mapping as defaults; came {front['defaults']!r}")
    return front, end + 1


def _blocks(name: str, lines: list[str], first: int) -> Iterator[Block]:
    """Paragraphs and fenced blocks, in order; headings, lists and tables count as paragraphs too."""
    index = first
    while index < len(lines):
        fence = FENCE.match(lines[index])
        if fence:
            end = _closing(name, lines, index, fence[1])
            yield Block(index + 1, "\n".join(lines[index + 1 : end]), fence[2])
            index = end + 1
        elif lines[index].strip():
            end = _paragraph_end(lines, index)
            yield Block(index + 1, "\n".join(lines[index:end]))
            index = end
        else:
            index += 1


def _closing(name: str, lines: list[str], opening: int, mark: str) -> int:
    for index in range(opening + 1, len(lines)):
        if lines[index].strip() == mark:
            return index
    raise FormatError(f"{name}:{opening + 1}: expected the block to be closed with {mark}; the document ends")


def _paragraph_end(lines: list[str], start: int) -> int:
    """A blank line, a fence or a line that starts a requirement ends a paragraph; so does a heading's own line."""
    index = start + 1
    while index < len(lines) and lines[index].strip() and not FENCE.match(lines[index]):
        if ID_IN_BRACKETS.match(lines[index]) or lines[start].startswith("#"):
            break
        index += 1
    return index


def _fields(name: str, here: Block, after: Block | None) -> Mapping[str, Any]:
    if after is None or after.language != "requirement":
        raise FormatError(f"{name}:{here.line}: expected a block ```requirement behind {here.text.split()[0]}")
    return _mapping(name, after.line, after.text, "requirement block")


def _mapping(name: str, line: int, text: str, what: str) -> Mapping[str, Any]:
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FormatError(f"{name}:{line}: the {what} is not YAML: {error}") from error
    if not isinstance(loaded, Mapping):
        raise FormatError(f"{name}:{line}: expected a mapping as {what}; came {loaded!r}")
    return loaded


def _refuse_stray_blocks(name: str, blocks: list[Block]) -> None:
    """A requirement block belongs to the requirement right before it."""
    for before, here in zip([None, *blocks[:-1]], blocks, strict=True):
        if here.language == "requirement" and (before is None or not ID_IN_BRACKETS.match(before.text)):
            raise FormatError(f"{name}:{here.line}: expected a sentence that starts with [ID] before this block")
