"""Judging the documents: every rule on every entry, and the rules that need to see all documents at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from celery_conformance.specification.model import Document
from celery_conformance.specification.rules import ENTRY_RULES, Surroundings, keywords

__all__ = ["Problem", "Surroundings", "lint"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule, and where."""

    document: str
    line: int
    id: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"spec/{self.document}:{self.line}: {self.id}: {self.message}"


def _ids_unique(documents: Iterable[Document], _: Surroundings) -> Iterator[Problem]:
    entries = [entry for document in documents for entry in document.entries]
    for name, count in Counter(entry.id for entry in entries).items():
        if count > 1:
            last = [entry for entry in entries if entry.id == name][-1]
            message = f"expected each id once; this one stands {count} times"
            yield Problem(last.document, last.line, name, "ids-unique", message)


def _no_id_vanished(documents: Iterable[Document], surroundings: Surroundings) -> Iterator[Problem]:
    present = {entry.id for document in documents for entry in document.entries}
    for name in sorted(surroundings.previous - present - surroundings.retired):
        message = "expected to find it again, or in spec/retired.yaml: ids never vanish"
        yield Problem("requirements.json", 1, name, "no-id-vanished", message)


def _untested_known(documents: Iterable[Document], surroundings: Surroundings) -> Iterator[Problem]:
    present = {entry.id for document in documents for entry in document.entries}
    for name, reason in surroundings.untested.items():
        if name not in present:
            yield Problem("untested.yaml", 1, name, "untested-known", "expected the id of a requirement")
        elif not reason.strip():
            yield Problem("untested.yaml", 1, name, "untested-known", "expected a reason")


def _keywords_only_in_requirements(documents: Iterable[Document], _: Surroundings) -> Iterator[Problem]:
    for document in documents:
        for paragraph in document.paragraphs:
            found = keywords(paragraph.text)
            if found:
                message = f"expected keywords only in requirements; this paragraph holds {', '.join(found)}"
                yield Problem(document.name, paragraph.line, "-", "keywords-only-in-requirements", message)


DOCUMENT_RULES: Mapping[str, Callable[[Iterable[Document], Surroundings], Iterator[Problem]]] = {
    "ids-unique": _ids_unique,
    "no-id-vanished": _no_id_vanished,
    "untested-known": _untested_known,
    "keywords-only-in-requirements": _keywords_only_in_requirements,
}


def lint(documents: tuple[Document, ...], surroundings: Surroundings) -> list[Problem]:
    """Every broken rule, in the order of the documents."""
    problems = [
        Problem(entry.document, entry.line, entry.id, rule, message)
        for document in documents
        for entry in document.entries
        for rule, check in ENTRY_RULES.items()
        for message in check(entry, surroundings)
    ]
    for check_all in DOCUMENT_RULES.values():
        problems += check_all(documents, surroundings)
    return problems
