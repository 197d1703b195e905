"""Memcached as result store: every key with its value, its flags and how long it is kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

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
        child, port = start_memcached(bed.folder)
    except base.Unavailable as error:
        raise ProbeError(str(error)) from error
    settings = {"result_backend": f"cache+memcached://{HOST}:{port}/"}
    try:
        client = bed.client(settings)
        try:
            yield f"{CASE}.{_SENT}", {**client.ask("send", recipe="chord"), "stored": _entries(port)}
        finally:
            client.close()
            bed.clear()
        yield from _worked(Station(bed, settings), port)
    finally:
        process.end(child)


def _worked(station: Station, port: int) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for recipe, last in _DONE:
            _ask(port, b"flush_all")
            entry = do(station, recipe, last)
            yield f"{CASE}.{recipe}", {**entry, "stored": _entries(port)}
    finally:
        station.close()


def _entries(port: int) -> list[dict[str, Any]]:
    """Every entry by key. How long one is kept is given to the minute: it is told as a moment."""
    found = []
    for line in _ask(port, b"lru_crawler metadump all").splitlines():
        told = dict(word.split("=", 1) for word in line.decode().split(" ") if "=" in word)
        if "key" not in told:
            continue
        key = unquote_to_bytes(told["key"])
        head, _, rest = _ask(port, b"get " + key).partition(b"\r\n")
        words = head.split()
        if not words:
            continue  # it was flushed and is still in the list
        value = rest[: int(words[3])]
        kept = int(told["exp"])
        minutes = kept if kept < 0 else _MINUTE * round((kept - time.time()) / _MINUTE)
        document = value.decode("utf-8", "backslashreplace")
        found.append({"key": key.decode(), "document": document, "flags": int(words[2]), "expires": minutes})
    return sorted(found, key=lambda one: str(one["key"]))


def _ask(port: int, command: bytes) -> bytes:
    """What the server says to a command, without the line that ends it."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(command + b"\r\n")
        said = b""
        while not said.endswith((b"END\r\n", b"OK\r\n")):
            said += connection.recv(65536)
    return said.removesuffix(b"END\r\n")
