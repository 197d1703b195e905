"""Memcached as result store: every key with its value, its flags and how long it is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from celery_conformance.brokers import process
from celery_conformance.brokers.ports import HOST
from celery_conformance.fixtures.stores import base
from celery_conformance.fixtures.stores.keyvalue import start_memcached
from celery_conformance.versions.bed import Bed, ProbeError
from celery_conformance.versions.stages.run import Station, do

CASE = "memcached-store"

_DONE = (("plain", "plain"), ("fail", "fail"), ("chord", "chord-body"))
_SENT = "chord-sent"
_MINUTE = 60


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Look at what a client stores for a chord that it sends, then at what a worker stores."""
    if not any(bed.wants(f"{CASE}.{recipe}") for recipe in (_SENT, *(recipe for recipe, _ in _DONE))):
        return
    try:
        library = base.need("pymemcache.client.base", "pymemcache")
        child, port = start_memcached(bed.folder)
    except base.Unavailable as error:
        raise ProbeError(str(error)) from error
    server = library.Client((HOST, port), serde=_AsTheyLie())
    settings = {"result_backend": f"cache+memcached://{HOST}:{port}/"}
    try:
        client = bed.client(settings)
        try:
            yield f"{CASE}.{_SENT}", {**client.ask("send", recipe="chord"), "stored": _entries(server)}
        finally:
            client.close()
            bed.clear()
        yield from _worked(Station(bed, settings), server)
    finally:
        server.close()
        process.end(child)


def _worked(station: Station, server: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for recipe, last in _DONE:
            server.flush_all(noreply=False)
            entry = do(station, recipe, last)
            yield f"{CASE}.{recipe}", {**entry, "stored": _entries(server)}
    finally:
        station.close()


def _entries(client: Any) -> list[dict[str, Any]]:
    """Every entry by key. How long one is kept is given to the minute: it is told as a moment."""
    found = []
    for line in client.raw_command("lru_crawler metadump all", "END\r\n").splitlines():
        told = dict(word.split("=", 1) for word in line.decode().split(" ") if "=" in word)
        key = unquote(told.get("key", ""))
        entry = client.get(key) if key else None
        if entry is None:
            continue  # it was flushed and is still in the list
        value, flags = entry
        kept = int(told["exp"])
        seconds = kept if kept < 0 else _MINUTE * round((kept - time.time()) / _MINUTE)
        document = value.decode("utf-8", "backslashreplace")
        found.append({"key": key, "document": document, "flags": flags, "expires": seconds})
    return sorted(found, key=lambda one: str(one["key"]))


class _AsTheyLie:
    """Values as they lie in the server, each with its flags."""

    @staticmethod
    def deserialize(_key: bytes, value: bytes, flags: int) -> tuple[bytes, int]:
        return value, flags
