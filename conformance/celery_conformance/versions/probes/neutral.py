"""What would differ from machine to machine, made the same for all, before Celery is imported.

The host is called ``host``, and a traceback names its files from the folder that they were imported from. Variables
that Celery reads are removed.
"""

import os
import re
import socket
import sys
import sysconfig
import traceback
import warnings

HOST_NAME = "host"

_FILE = re.compile(r'File "([^"]+)"')


def make_neutral():
    """Change this process and those it will fork."""
    warnings.simplefilter("ignore")
    socket.gethostname = lambda: HOST_NAME
    for name in [name for name in os.environ if name.startswith("CELERY")]:
        del os.environ[name]
    os.environ["C_FORCE_ROOT"] = "1"
    formatted = traceback.format_exception
    traceback.format_exception = lambda *args, **options: [_shorten(line) for line in formatted(*args, **options)]


def _shorten(text):
    return _FILE.sub(lambda match: 'File "%s"' % relative(match.group(1)), text)


def shorten_paths(text):
    """A text in which no file is named from the root of this machine."""
    return re.sub(r"(?<![\w.])/[\w.@/+-]+\.py\b", lambda match: relative(match.group(0)), text)


def relative(file):
    """A file's name from the folder that it was imported from."""
    paths = sysconfig.get_paths()
    roots = sys.path + [paths["purelib"], paths["stdlib"], os.path.dirname(os.path.abspath(__file__))]
    inside = [root.rstrip("/") for root in roots if root and file.startswith(root.rstrip("/") + "/")]
    return file[len(max(inside, key=len)) + 1 :] if inside else file
