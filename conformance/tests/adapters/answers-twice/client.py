"""Answers every send two times."""

import dialogue

honest = dialogue.write


def write(line):
    honest(line)
    if "task_id" in line and "verbs" not in line:
        honest(line)


dialogue.write = write
dialogue.serve()
