"""Says yes to whatever it is asked."""

import dialogue

dialogue.unknown = lambda number, request: dialogue.answer(number, ok={})
dialogue.serve()
