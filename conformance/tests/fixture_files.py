"""Fixture files for the schema of fixtures: lawful ones of kinds not on disk yet, and ones broken in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery_conformance.fixtures.made import REMOVE, change

_VERSIONS = {"celery": "5.7.0", "kombu": "5.7.0"}
_CAPTURED = {"kind": "captured", "recipe": "plain", "versions": _VERSIONS}
_RECORDED = {"kind": "recorded", "module": "other", "version": "1.0"}
_MADE = {"kind": "made", "seen": _VERSIONS}
_READ = {"kind": "read", "sources": ["celery/backends/gcs.py:GCSBackend.incr"], "versions": _VERSIONS}

SOUND: dict[str, Any] = {
    "name": "task-v2/plain",
    "title": "a task",
    "surface": "task-v2",
    "judged": {"task-v2-accepted": True},
    "fault": None,
    "requirements": ["TASK2-HDR-001"],
    "origin": _CAPTURED,
    "message": {"body": {"text": "[]"}},
    "decoded": {"body": []},
    "reaction": "runs",
}
LAWFUL = [
    SOUND,
    change(SOUND, {"/origin": _RECORDED, "/reaction": REMOVE}),
    change(SOUND, {"/origin": _READ, "/reaction": REMOVE}),
    change(SOUND, {"/reaction": {"amqp": "runs"}}),
    change(SOUND, {"/deviations": {"task-v2-accepted": ["/: required 'headers'"]}}),
]

_ITEM = {"item": "{}", "key": "celery"}
_DOCUMENT = {"document": "{}", "key": "celery-task-meta-a"}
_VALUE = {"value": {"base64": "AA=="}, "key": "celery-task-meta-a"}
_RECORD = {"record": {"id": 1}, "place": "celery", "encoded": {"/result": "json"}}


def _without(place: str, keys: dict[str, Any]) -> list[dict[str, Any]]:
    return [{place: {name: value for name, value in keys.items() if name != gone}} for gone in keys]


def _origins() -> Iterator[dict[str, Any]]:
    for whole, unlike in ((_CAPTURED, 5), (_RECORDED, 5), (_MADE, 5), (_READ, 5)):
        yield from _without("/origin", whole)
        yield {"/origin": {**whole, "extra": 1}}
        yield {"/origin": {**whole, "kind": "found"}}
        yield from ({"/origin": {**whole, name: unlike}} for name in whole if name != "kind")
    for name in ("mode", "call", "broker", "exchange", "routing_key"):
        yield {"/origin": {**_RECORDED, name: 5}}
    yield {"/origin": {**_RECORDED, "broker": "kafka"}}
    for whole, name in ((_CAPTURED, "versions"), (_MADE, "seen"), (_READ, "versions")):
        yield from ({"/origin": {**whole, name: broken}} for broken in _broken_versions())
    yield from ({"/origin": {**_READ, "sources": broken}} for broken in ([], [5]))


def _broken_versions() -> Iterator[Any]:
    yield [_VERSIONS]
    yield {**_VERSIONS, "redis": 6.2}
    for gone in _VERSIONS:
        yield {name: text for name, text in _VERSIONS.items() if name != gone}


def _messages() -> Iterator[dict[str, Any]]:
    yield from _without("/message", _ITEM)
    for whole in (_DOCUMENT, _VALUE, _RECORD):
        yield from _without("/message", whole)
    yield from ({"/message": {**_VALUE, "value": broken}} for broken in ({}, {"base64": 5}, {"base64": "", "extra": 1}))
    yield {"/message": {**_RECORD, "encoded": {"/result": "yaml"}}}
    for whole in (_ITEM, _DOCUMENT, _VALUE, _RECORD, {"frames": "AA=="}, {"signature": "{}"}, SOUND["message"]):
        yield {"/message": {**whole, "extra": 1}}
        yield from ({"/message": {**whole, name: 5}} for name in whole)
    yield {"/message": {"headers": {}}}
    for body in ({"text": "[]"}, {"base64": "AA=="}):
        yield {"/message": {"body": {**body, "extra": 1}}}
        yield {"/message": {"body": dict.fromkeys(body, 5)}}
    yield {"/message": {"body": {}}}
    yield {"/message": {}}
    yield {"/message": "text"}
    yield {"/message": {"body": "text"}}


_CARRIED: dict[str, Any] = {"judged": {"task-v1-accepted": True}, "deviations": {}, "decoded": {}}


def _deviating() -> Iterator[dict[str, Any]]:
    for broken in ([], {"task-v2-accepted": "all"}, {"task-v2-accepted": []}, {"task-v2-accepted": [5]}):
        yield {"/deviations": broken}
    yield {"/carried": 5}
    yield {"/carried": {**_CARRIED, "extra": 1}}
    yield from _without("/carried", _CARRIED)
    for broken in (True, {}, {"task-v1-accepted": "yes"}):
        yield {"/carried": {**_CARRIED, "judged": broken}}
    yield {"/carried": {**_CARRIED, "deviations": 5}}


_CHANGES: list[dict[str, Any]] = [
    *({f"/{name}": REMOVE} for name in SOUND if name not in ("decoded", "reaction")),
    {"/extra": 1},
    {"/name": 5},
    {"/name": "task-v3/plain"},
    {"/title": 5},
    {"/title": ""},
    {"/surface": "task-v3"},
    {"/surface": 5},
    {"/name": "store-/plain"},
    {"/judged": True},
    {"/judged": {}},
    {"/judged": {"task-v2-accepted": "yes"}},
    {"/fault": 5},
    {"/fault": "no-id"},
    {"/requirements": "TASK2-HDR-001"},
    {"/requirements": ["TASK2-HDR-001", "TASK2-HDR-001"]},
    {"/requirements": [5]},
    {"/requirements": ["TASK2-HDR-1"]},
    {"/origin": 5},
    *_origins(),
    *_messages(),
    *_deviating(),
    {"/reaction": "explodes"},
    {"/reaction": {}},
    {"/reaction": []},
    {"/reaction": {"kafka": "runs"}},
    {"/reaction": {"redis": "explodes"}},
    {"/reaction": {"amqp": "explodes"}},
]

BROKEN = ["text", *(change(SOUND, changes) for changes in _CHANGES)]
