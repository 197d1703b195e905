"""What is made of the project's files: links where people wrote names, cards where requirements stood."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from wire_site import conformance, documents, links, material, prose, schema_pages
from wire_site.build import build
from wire_site.material import Material

HERE = "guides/any.md"


@pytest.fixture(scope="module")
def read() -> Material:
    return material.read()


def test_an_id_in_a_sentence_becomes_a_link(read: Material) -> None:
    """In brackets or not, an id leads to its requirement; one that nobody has stays a word."""
    expected = "See [TASK2-HDR-004](../spec/task-v2.md#TASK2-HDR-004), NONE-XXX-001."
    assert prose.finish("See TASK2-HDR-004, NONE-XXX-001.", HERE, read) == expected
    assert prose.finish("See [TASK2-HDR-004], NONE-XXX-001.", HERE, read) == expected


@pytest.mark.parametrize(
    "kept",
    [
        "`TASK2-HDR-004`",
        "```yaml\ncovers: [TASK2-HDR-004]\n```",
        "    [TASK2-HDR-004] A producer",
        "#### TASK2-HDR-004",
        "[the TASK2-HDR-004](x.md)",
        "<pre><code>TASK2-HDR-004\n</code></pre>",
    ],
)
def test_code_headings_and_links_are_left_alone(kept: str, read: Material) -> None:
    """What shows a text letter by letter still does; what follows it is linked all the same."""
    made = prose.finish(f"{kept}\n\nTASK2-HDR-004\n", HERE, read)
    assert made.startswith(kept)
    assert made.endswith("(../spec/task-v2.md#TASK2-HDR-004)\n")


def test_a_link_of_the_repository_becomes_one_of_the_site() -> None:
    """A page that exists is linked; what has no page is named as code."""
    known = {"spec/worker.md"}.__contains__
    text = "[a](../spec/worker.md#x) [b](../python-ref/celery_wire) [c](https://example.org)"
    made = prose.relink(text, "fixtures/README.md", "reference/fixtures/index.md", known)
    assert made == "[a](../../spec/worker.md#x) `b` [c](https://example.org)"


def test_a_card_says_everything_about_its_requirement(read: Material) -> None:
    """Level, roles, condition, window, harm and evidence are on the card."""
    one = read.requirements["TASK2-HDR-004"]
    changed = dataclasses.replace(one, since="celery 4.0", until="celery 5.1", profile="robust")
    made = documents.card(changed, "spec/task-v2.md", read)
    for wanted in (">MUST<", ">producer<", "protocol 2", "since celery 4.0", "until celery 5.1", "robust profile"):
        assert wanted in made
    assert one.harm in made
    assert "(../reference/fixtures/task-v2.md#plain)" in made
    assert "#v2-id-equals-correlation-id)" in made
    assert "**MUST**" in made


def test_a_new_document_appears_by_itself(read: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to tell the site of a document: it has a page and a place in the navigation."""
    for path in read.spec.glob("*"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "store-new.md").write_text(
        "---\nsurface: store-new\ntitle: A new store\n---\n\n# A new store\n\nSee worker.md.\n"
    )
    monkeypatch.setattr(material, "read", lambda: dataclasses.replace(read, spec=tmp_path))
    made = build()
    assert "[worker](worker.md)" in made.pages["spec/store-new.md"]
    assert "{'A new store': 'spec/store-new.md'}" in str(made.navigation)


def test_every_page_is_in_the_navigation() -> None:
    """A page that nothing leads to is not found."""
    made = build()
    navigation = str(made.navigation)
    assert [place for place in made.pages if f"'{place}'" not in navigation] == []


def test_chapters_of_the_manual_keep_their_links() -> None:
    """A link from one chapter to another leads to the other's page."""
    made = conformance.pages(lambda _: True)
    assert "(door-1-a-worker.md)" in made["conformance/index.md"][1]
    assert made["conformance/door-2-a-client.md"][1].startswith("# Door 2: a client\n")


def test_a_schema_page_names_each_property_with_its_type(read: Material) -> None:
    """References lead to the definition, examples come from fixtures, refusals are listed."""
    made = schema_pages.page("task-v2-emitted", read)
    assert '| `task` <span class="required">required</span> | string | Name of the task. [TASK2-HDR-001] |' in made
    assert "[identifier](common.md#identifier)" in made
    assert "fault-no-id" in made
    assert "## Examples" in made


def test_sources_lead_to_the_release_they_were_read_in() -> None:
    """A place in Celery's source is linked in the release that is installed; other packages are named only."""
    assert links.source("celery/app/amqp.py:AMQP.as_task_v2") == (
        "https://github.com/celery/celery/blob/v5.7.0/celery/app/amqp.py"
    )
    assert links.source("elsewhere/app.py:run") is None
