"""Sends, answers, and ends."""

import os

import dialogue

honest = dialogue.send


def send(number, request):
    honest(number, request)
    os._exit(9)


dialogue.verbs["send"] = send
dialogue.serve()
