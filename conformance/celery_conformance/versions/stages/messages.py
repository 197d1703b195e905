"""What a producer writes, with no worker near: every option, value, serializer, compression and shape of canvas."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

from celery_conformance.versions.bed import Bed

NAME = "messages"

#: Recipes whose other commands (declarations, bindings, subscriptions) are kept beside the messages.
_WITH_COMMANDS = ("plain", "group", "chord", "group-saved")

_VALUES = """
value-datetime value-datetime-naive value-datetime-offset value-date value-time value-timedelta value-decimal
value-uuid value-bytes-text value-bytes-binary value-set value-frozenset value-complex value-tuple
value-integer-keys value-nan value-big-integer value-text value-tag-lookalike value-signature serializer-json
serializer-pickle serializer-yaml serializer-msgpack datetime-in-yaml datetime-in-msgpack bytes-in-yaml
bytes-in-msgpack decimal-in-yaml decimal-in-msgpack compression-zlib compression-gzip compression-bzip2
compression-lzma compression-brotli compression-zstd
""".split()

_OPTIONS = """
plain by-name by-name-expires by-name-ignore-result keywords no-arguments countdown countdown-zero countdown-negative
countdown-huge countdown-fraction eta-aware eta-naive eta-text eta-garbage countdown-and-eta expires expires-aware
expires-naive expires-zero expires-past expires-text time-limits hard-limit soft-limit ignore-result ignore-result-false
ignoring-task ignoring-task-false shadow representations long-representation custom-headers root-and-parent group-id
retries unknown-option reply-to reply-to-empty transient priority priority-high args-is-text kwargs-is-list id-unusual
time-zone time-zone-expires local-time default-delivery-mode default-priority positional-tuple all-options priorities
""".split()

_CANVAS = """
link links link-options link-error link-group link-chain chain group group-nested chord chord-of-one chord-empty
chord-of-chains chord-nested chord-errback chain-to-group chain-to-chord chain-of-chains chain-errback group-linked
chunks chunks-group map starmap chain-options group-options chord-options group-saved stamped stamped-signature
stamped-chain stamped-group stamped-chord stamped-visitor
v1-plain v1-countdown v1-time-limits v1-ignore-result v1-custom-headers v1-link v1-chain v1-group v1-chord
""".split()

_QUEUES = """
queue-direct queue-topic queue-fanout queue-arguments queue-quorum queue-missing queue-missing-quorum
queue-default-quorum exchange-and-key routed-broadcast delayed-quorum
""".split()


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Send every recipe."""
    client = bed.client()
    try:
        for recipe in filter(bed.wants, [*_OPTIONS, *_VALUES, *_CANVAS]):
            entry = client.send(recipe)
            if recipe not in _WITH_COMMANDS:
                entry.pop("commands", None)
            yield recipe, entry
        for recipe in filter(bed.wants, _QUEUES):
            yield recipe, client.send(recipe, fresh=True)
        for recipe in filter(bed.wants, ("signed", "signed-configured")):
            yield recipe, _without_commands(client.send(recipe, {"observe_security": security(bed)}))
    finally:
        client.close()
        bed.clear()


def _without_commands(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in entry.items() if name != "commands"}


def security(bed: Bed) -> dict[str, Any]:
    """Settings that make a release sign its messages, with a key and a certificate made for it."""
    key, certificate = bed.folder / "key.pem", bed.folder / "certificate.pem"
    if not certificate.exists():
        subject = ["-subj", "/CN=celery-wire", "-days", "3650", "-set_serial", "4711"]
        made = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", "req", "-x509", *made, *subject], check=True, capture_output=True)
    return {
        "security_key": str(key),
        "security_certificate": str(certificate),
        "security_cert_store": str(bed.folder / "certificate*.pem"),
        "task_serializer": "auth",
        "accept_content": ["auth"],
    }
