"""Signed bodies taken apart, in both layouts that Celery has written, and how their signature was made."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from celery_conformance.fixtures import bodies

CONTENT_TYPE = "application/data"

#: Type and encoding tell the fields apart: a signature without base64 of its own can hold a separator.
_FIELDS = re.compile(
    bodies.SEPARATOR.join((rb"(.*?)", rb"(.*?)", rb"(application/[\w.+-]+)", rb"([\w-]+)", rb"(.*)")), re.DOTALL
)


def fields(body: bytes) -> dict[str, Any]:
    """What a signed body holds, and which of its fields have base64 of their own; nothing when it is none."""
    taken = _apart(body)
    if taken is None:
        return {}
    signer, signature, content_type, encoding, inner = taken
    own = _in_base64(signer), _in_base64(signature)
    return {
        "signer": (signer if own[0] is None else own[0]).decode("utf-8", "backslashreplace"),
        "base64": [name for name, found in zip(("signer", "signature"), own, strict=True) if found is not None],
        "signature_size": len(signature if own[1] is None else own[1]),
        "content_type": content_type.decode(),
        "content_encoding": encoding.decode(),
        "body": _inner(inner),
    }


def _apart(body: bytes) -> tuple[bytes, ...] | None:
    raw = _in_base64(body)
    match = None if raw is None else _FIELDS.fullmatch(raw)
    return None if match is None else match.groups()


def _in_base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _inner(content: bytes) -> Any:
    try:
        return bodies.parse(content)
    except bodies.UndecodableError:
        return {"base64": base64.b64encode(content).decode()}


def scheme(body: bytes, certificate: bytes) -> str:
    """How the signature of a signed body was made: padding, digest and salt; what fits the certificate."""
    taken = _apart(body)
    if taken is None:
        return "no signed body"
    _, signature, _, _, inner = taken
    own = _in_base64(signature)
    return next(_fitting(signature if own is None else own, inner, certificate), "fits nothing that was tried")


def _fitting(signature: bytes, inner: bytes, certificate: bytes) -> Iterator[str]:
    from cryptography import x509  # a package that few commands need
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key: Any = x509.load_pem_x509_certificate(certificate).public_key()
    digests = (hashes.SHA256(), hashes.SHA1(), hashes.SHA512(), hashes.SHA224(), hashes.SHA384())  # noqa: S303  asked, not used
    for digest, salt in product(digests, ("longest", "some", None)):
        lengths: dict[str | None, Any] = {
            "longest": padding.calculate_max_pss_salt_length(key, digest),
            "some": padding.PSS.AUTO,
        }
        way = padding.PKCS1v15() if salt is None else padding.PSS(padding.MGF1(digest), lengths[salt])
        try:
            key.verify(signature, inner, way, digest)
        except InvalidSignature:
            continue
        yield f"PKCS #1 v1.5, {digest.name}" if salt is None else f"RSASSA-PSS, {digest.name}, {salt} salt"
