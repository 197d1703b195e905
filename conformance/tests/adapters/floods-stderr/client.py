"""Writes megabytes to stderr around everything it does, and is honest otherwise."""

import sys

import dialogue

honest = dialogue.answer


def answer(number, **reply):
    sys.stderr.write(("x" * 79 + "\n") * 20_000)
    sys.stderr.flush()
    honest(number, **reply)


dialogue.answer = answer
dialogue.serve()
