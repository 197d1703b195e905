"""Answers a request that nobody made."""

import dialogue

honest = dialogue.send


def send(number, request):
    dialogue.answer(4711, ok={"task_id": "x"})
    honest(number, request)


dialogue.verbs["send"] = send
dialogue.serve()
