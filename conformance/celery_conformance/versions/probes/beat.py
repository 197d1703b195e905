"""A scheduler of the line that this Python has: settings as JSON in a variable, the schedule's file as an argument."""

import json
import os
import sys

import neutral

neutral.make_neutral()

from catalogue import make_application  # noqa: E402  it imports Celery
from celery.schedules import crontab  # noqa: E402


def main():
    """Run the scheduler until it is told to stop."""
    settings = json.loads(os.environ["OBSERVE_SETTINGS"])
    application = make_application(settings)
    application.conf.beat_schedule = {
        "interval": {"task": "conf.add", "schedule": 0.3, "args": (1, 2), "kwargs": {}},
        "options": {"task": "conf.add", "schedule": 0.3, "args": (3, 4), "options": {"expires": 60, "priority": 3}},
        "by-name": {"task": "elsewhere.task", "schedule": 0.3, "args": [5]},
        "crontab": {"task": "conf.ping", "schedule": crontab(minute=0, hour=0, day_of_month=1)},
    }
    application.Beat(max_interval=0.2, schedule=sys.argv[1], loglevel="WARNING").run()


if __name__ == "__main__":
    main()
