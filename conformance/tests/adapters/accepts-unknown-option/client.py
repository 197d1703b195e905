"""Drops the options it does not know, and sends."""

import dialogue

honest = dialogue.send


def send(number, request):
    known = {name: value for name, value in request["options"].items() if name == "task_id"}
    honest(number, {**request, "options": known})


dialogue.verbs["send"] = send
dialogue.serve()
