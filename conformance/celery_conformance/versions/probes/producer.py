"""A client of the line that this Python has. It does what a line of JSON on its input says, and answers with one.

``{"do": "send", "recipe": …, "settings": {…}}`` sends the messages of a recipe; ``control`` broadcasts a command;
``read`` reads a result; ``call`` does one of the other things that a client can do. What cannot be done is answered
with the error, which is an observation too.
"""

import json
import sys

import neutral

neutral.make_neutral()

import clients  # noqa: E402  it imports Celery, after the surroundings are neutral


def main():
    """Answer until the input ends."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"done": getattr(clients, question.pop("do"))(**question)}
        except Exception as error:  # whatever it is: it is what this line does
            answer = {"raised": type(error).__name__, "text": neutral.shorten_paths(str(error))[:300]}
        sys.stdout.write(json.dumps(answer, default=repr) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
