"""Raises an error of its own when it is asked to send."""

import dialogue


def send(number, request):
    raise RuntimeError("out of stamps")


dialogue.verbs["send"] = send
dialogue.serve()
