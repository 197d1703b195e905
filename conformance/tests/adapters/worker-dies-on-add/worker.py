"""Is honest but for conf.add, at which it ends."""

import os

import labour

labour.tasks["conf.add"] = lambda x, y: os._exit(12)
labour.serve()
