"""Writes each reply in pieces, with a flush and a moment between them, and is honest otherwise."""

import sys
import time

import dialogue


def write(line):
    for place in range(0, len(line), 7):
        sys.stdout.write(line[place : place + 7])
        sys.stdout.flush()
        time.sleep(0.001)
    sys.stdout.write("\r\n\n")
    sys.stdout.flush()


dialogue.write = write
dialogue.serve()
