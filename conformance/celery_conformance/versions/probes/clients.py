"""What a client does on demand: sends the messages of a recipe, broadcasts a command, reads a result."""

import gc
import json

import recipes
from catalogue import make_application
from kombu import pools

#: Applications by their settings; making one takes longer than sending.
_APPLICATIONS = {}


def send(recipe, settings, fresh=False):
    """Send the messages of a recipe; ``fresh`` when it changes its application."""
    function, own = recipes.find(recipe)
    given = dict(settings, **own)
    security = given.pop("observe_security", None)
    key = json.dumps(given, sort_keys=True)
    if fresh or security or key not in _APPLICATIONS:
        _APPLICATIONS[key] = make_application(given)
    application = _APPLICATIONS[key]
    if security:
        application.conf.update(security)
        application.setup_security(serializer="json")
    try:
        function(application)
        _hear(application)
    except Exception:
        _APPLICATIONS.pop(key).close()
        pools.reset()  # a channel that the broker has closed
        raise
    finally:
        if fresh or security:
            _APPLICATIONS.pop(key, None)
    return "sent"


def _hear(application):
    """Let a broker that refuses a message say so now, and not when the next one is sent."""
    with application.producer_pool.acquire(block=True) as producer:
        if producer.connection.transport.driver_type == "amqp":
            producer.channel.flow(True)


def control(settings, method, arguments=None, options=None):
    """Broadcast a command and return the replies."""
    application = make_application(settings)
    try:
        return application.control.broadcast(method, arguments=arguments or {}, **(options or {}))
    finally:
        _close(application)


def read(settings, task_id, timeout=1.0):
    """What reading a result comes to."""
    application = make_application(settings)
    try:
        result = application.AsyncResult(task_id)
        seen = {"state": result.state, "ready": result.ready()}
        for name in ("result", "traceback", "children", "date_done", "name", "args", "worker", "retries", "queue"):
            try:
                seen[name] = repr(getattr(result, name))
            except Exception as error:
                seen[name] = "raises " + type(error).__name__
        seen["class"] = type(result.result).__module__ + "." + type(result.result).__name__
        try:
            seen["get"] = "returns " + repr(result.get(timeout=timeout))
        except Exception as error:
            seen["get"] = "raises " + type(error).__name__
        return seen
    finally:
        _close(application)


def run(recipe, settings, timeout=5.0):
    """Send the messages of a recipe and wait for the last result."""
    function, own = recipes.find(recipe)
    application = make_application(dict(settings, **own))
    try:
        return function(application).get(timeout=timeout)
    finally:
        _close(application)


def _close(application):
    try:
        application.close()
    except Exception:
        pass
    gc.collect()
