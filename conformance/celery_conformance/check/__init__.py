"""``celery-wire check``: what a message or document is, and which sentences of the specification it breaks.

The way of an input: ``reading`` cuts bytes into inputs, ``forms`` finds out how one carries its message, ``bodies``
decodes what is inside, ``kinds`` says what it is, ``engine`` and ``rules`` judge it, ``attribution`` finds the sentence
behind each error, ``windows`` drops what a line of Celery does not ask for, ``words`` puts fields into plain words.

Two rules hold in all of them. Nothing that is decoded is ever run: no pickle is loaded, decompression and nesting are
bounded. And nothing here knows one surface: a new one is a row in ``kinds``, and its schemas say the rest.
"""

from __future__ import annotations

from celery_conformance.check.judge import Judge
from celery_conformance.check.model import Finding, Outcome, Violation

__all__ = ["Finding", "Judge", "Outcome", "Violation"]
