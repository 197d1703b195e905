"""Reads its greeting and says nothing."""

import dialogue

dialogue.verbs["hello"] = lambda number, request: None
dialogue.serve()
