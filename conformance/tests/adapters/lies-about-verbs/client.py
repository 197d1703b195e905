"""Is to be judged as a reader and has no verb for it."""

import dialogue


def hello(number, request):
    dialogue.answer(number, ok={"name": "x", "version": "1", "verbs": ["send"], "options": ["task_id"]})


dialogue.verbs["hello"] = hello
dialogue.serve()
