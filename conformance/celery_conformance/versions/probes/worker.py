"""A worker of the line that this Python has: settings as JSON in a variable, its arguments after the program's name.

It writes one line of JSON for each thing that happens to a message: ``ran`` and ``ended`` (the task), ``acked``,
``rejected``, ``requeued`` (the message), and ``ready`` when it consumes. On Redis an acknowledgement and a rejection
look the same from outside, so both are noted where Celery makes them: in kombu's message.
"""

import json
import os
import sys

import neutral

neutral.make_neutral()

import celery  # noqa: E402  after the surroundings are neutral
from catalogue import make_application, note  # noqa: E402
from celery import signals  # noqa: E402
from kombu.message import Message  # noqa: E402


def _note_settlements():
    def noting(name, event):
        settle = getattr(Message, name)

        def noted(self, *args, **options):
            kind = "requeued" if options.get("requeue") else event
            headers = self.headers if isinstance(self.headers, dict) else {}
            mark = self.properties.get("message_id") or self.delivery_tag
            note(kind, mark=str(mark), id=str(headers.get("id")))
            return settle(self, *args, **options)

        setattr(Message, name, noted)

    noting("ack", "acked")
    noting("reject", "rejected")
    noting("requeue", "requeued")


def main():
    """Run the worker until it is told to stop."""
    settings = json.loads(os.environ["OBSERVE_SETTINGS"])
    serial = settings.pop("observe_security", None)
    application = make_application(settings)
    if serial:
        application.conf.update(serial)
        application.setup_security(serializer="json")
    _note_settlements()
    signals.worker_ready.connect(lambda **_: note("ready"), weak=False)
    signals.task_prerun.connect(lambda task_id, task, **_: note("ran", id=task_id, task=task.name), weak=False)
    signals.task_postrun.connect(lambda task_id, state, **_: note("ended", id=task_id, state=state), weak=False)
    arguments = ["--loglevel", "info"] + sys.argv[1:]
    application.worker_main([("celery" if celery.VERSION[0] < 5 else "worker")] + arguments)


if __name__ == "__main__":
    main()
