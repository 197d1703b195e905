"""Logs to stdout whenever it sends."""

import dialogue

honest = dialogue.send


def send(number, request):
    dialogue.write("INFO sending \x1b[31m[bold]" + request["task"])
    honest(number, request)


dialogue.verbs["send"] = send
dialogue.serve()
