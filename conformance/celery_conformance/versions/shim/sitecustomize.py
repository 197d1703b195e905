"""What Celery 4.3 and 4.4 and their packages use of the standard library and Python 3.11 no longer has."""

import collections
import collections.abc
import inspect

for _name in (
    "Callable",
    "Iterable",
    "Iterator",
    "Mapping",
    "MutableMapping",
    "MutableSet",
    "Sequence",
    "Set",
    "Hashable",
):
    setattr(collections, _name, getattr(collections.abc, _name))
if not hasattr(inspect, "formatargspec"):

    def _formatargspec(args, varargs=None, varkw=None, defaults=None, *_others, **_options):
        """The text of a signature, as ``inspect.formatargspec`` wrote it."""
        required = len(args) - len(defaults or ())
        words = [name if i < required else "%s=%r" % (name, defaults[i - required]) for i, name in enumerate(args)]
        words += ["*" + varargs] if varargs else []
        words += ["**" + varkw] if varkw else []
        return "(%s)" % ", ".join(words)

    inspect.formatargspec = _formatargspec
if not hasattr(inspect, "getargspec"):

    def _getargspec(function):
        """The first four parts of ``inspect.getfullargspec``."""
        return inspect.getfullargspec(function)[:4]

    inspect.getargspec = _getargspec
