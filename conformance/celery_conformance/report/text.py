"""Text from anywhere, made harmless: what a terminal would obey and what no file can hold is shown as an escape."""

from __future__ import annotations

import re

#: Controls but for line feed and tab, what turns the direction of writing, and halves of surrogate pairs.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """A text whose every character is shown and none is obeyed."""
    return _OBEYED.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), text)
