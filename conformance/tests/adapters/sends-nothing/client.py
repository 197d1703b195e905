"""Says that it has sent, and has not."""

import dialogue


def send(number, request):
    dialogue.answer(number, ok={"task_id": request["options"].get("task_id") or "made-up"})


dialogue.verbs["send"] = send
dialogue.serve()
