"""Greets with an option that its adapter.toml does not have, and without one that it has."""

import dialogue


def hello(number, request):
    dialogue.answer(number, ok={"name": "x", "version": "1", "verbs": ["send", "result"], "options": ["eta"]})


dialogue.verbs["hello"] = hello
dialogue.serve()
