"""Reading requirements out of Markdown documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery_conformance.specification.extract import FormatError, read, read_folder

FRONT = "---\nsurface: task-v2\ntitle: Tasks\ndefaults:\n  roles: [producer]\n  profile: core\n---\n"
BLOCK = "```requirement\nevidence:\n  - source: celery/states.py:READY_STATES\n```\n"


def test_a_sentence_is_read_with_its_white_space_folded() -> None:
    """A requirement may run over several lines; its sentence is one line."""
    document = read("task-v2.md", f"{FRONT}\n[TASK2-HDR-001] A producer\n  MUST  write.\n\n{BLOCK}")
    assert [entry.sentence for entry in document.entries] == ["A producer MUST write."]


def test_defaults_hold_until_the_block_says_otherwise() -> None:
    """The keys of a requirement's own block win over the document's defaults."""
    block = "```requirement\nprofile: robust\nharm: x\n```\n"
    (entry,) = read("task-v2.md", f"{FRONT}\n[TASK2-HDR-001] A.\n\n{block}").entries
    assert entry.fields == {"roles": ["producer"], "profile": "robust", "harm": "x"}


def test_an_entry_knows_where_it_stands() -> None:
    """Problems point at the line of the sentence, counted from 1."""
    (entry,) = read("task-v2.md", f"{FRONT}\n# Title\n\n[TASK2-HDR-001] A.\n\n{BLOCK}").entries
    assert (entry.document, entry.surface, entry.line) == ("task-v2.md", "task-v2", 11)


def test_a_sentence_right_below_a_heading_or_text_is_found() -> None:
    """No blank line is needed before a requirement: it must not be taken for the end of a paragraph."""
    text = f"{FRONT}\n# Title\n[TASK2-HDR-001] A.\n\n{BLOCK}\nSome text.\n[TASK2-HDR-002] B.\n\n{BLOCK}"
    assert [entry.id for entry in read("task-v2.md", text).entries] == ["TASK2-HDR-001", "TASK2-HDR-002"]


def test_other_paragraphs_and_examples_are_kept_apart() -> None:
    """Explanation is a paragraph; what stands in a fenced example is neither text nor requirement."""
    text = f"{FRONT}\nWhy it is so.\n\n```json\n[TASK2-HDR-009] not one\n```\n"
    document = read("task-v2.md", text)
    assert [paragraph.text for paragraph in document.paragraphs] == ["Why it is so."]
    assert document.entries == ()


def test_only_files_with_front_matter_are_documents(tmp_path: Path) -> None:
    """README and primer say nothing that binds, and are not read."""
    (tmp_path / "task-v2.md").write_text(f"{FRONT}\nText.\n")
    (tmp_path / "README.md").write_text("# Read me\n\n[TASK2-HDR-001] An example.\n")
    assert [document.name for document in read_folder(tmp_path)] == ["task-v2.md"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Title\n", "x.md:1: expected front matter between two lines of three dashes"),
        (
            "---\ntitle: T\n---\n",
            "x.md:1: expected the key 'surface' in the front matter; it has ['title']",
        ),
        ("---\n- a\n---\n", "x.md:1: expected a mapping as front matter; came ['a']"),
        (
            "---\nsurface: s\ntitle: T\ndefaults: [1]\n---\n",
            "x.md:1: expected a mapping as defaults; came [1]",
        ),
        (
            f"{FRONT}\n[TASK2-HDR-001] A.\n\nText.\n",
            "x.md:9: expected a block ```requirement behind [TASK2-HDR-001]",
        ),
        (
            f"{FRONT}\n[TASK2-HDR-001] A.\n\n```json\n{{}}\n```\n",
            "x.md:9: expected a block ```requirement behind [TASK2-HDR-001]",
        ),
        (
            f"{FRONT}\nText.\n\n{BLOCK}",
            "x.md:11: expected a sentence that starts with [ID] before this block",
        ),
        (
            f"{FRONT}\n[TASK2-HDR-001] A.\n\n```requirement\nharm: x\n",
            "x.md:11: expected the block to be closed with ```; the document ends",
        ),
        (
            f"{FRONT}\n[TASK2-HDR-001] A.\n\n```requirement\n- x\n```\n",
            "x.md:11: expected a mapping as requirement block; came ['x']",
        ),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    """A document that cannot be read ends with file, line, what was expected and what came."""
    with pytest.raises(FormatError) as caught:
        read("x.md", text)
    assert str(caught.value) == message


def test_broken_yaml_is_named_with_its_place() -> None:
    """An error of YAML says in which block of which file it is."""
    with pytest.raises(FormatError, match=r"^x\.md:11: the requirement block is not YAML: "):
        read("x.md", f"{FRONT}\n[TASK2-HDR-001] A.\n\n```requirement\nharm: a: b\n```\n")
