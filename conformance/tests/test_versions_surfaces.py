"""Signed bodies and rows of a database as the captures of the surfaces show them."""

from __future__ import annotations

import base64
import pickle
from typing import Any

import pytest
from celery_conformance.fixtures import signing
from celery_conformance.versions import signed
from celery_conformance.versions.observe import _times
from celery_conformance.versions.stages import surfaces

_CONTENT = b'[[1, 2], {}, {"callbacks": null}]'
_TYPES = (b"application/json", b"utf-8")
_SEPARATOR = b"\x00\x01"


def _body(signer: bytes, signature: bytes, content: bytes = _CONTENT) -> bytes:
    return base64.b64encode(_SEPARATOR.join((signer, signature, *_TYPES, content)))


@pytest.mark.parametrize("own", [False, True])
def test_both_layouts_of_a_signed_body_are_taken_apart(own: bool) -> None:
    """Up to 5.4 signer and signature have no base64 of their own; the separator may stand in signature and content."""
    signature, content = b"\xff\x00\x01\xfe", _CONTENT + _SEPARATOR
    signer = b"celery-wire 4711"
    fields = (base64.b64encode(signer), base64.b64encode(signature)) if own else (signer, signature)
    found = signed.fields(_body(*fields, content))
    assert found["signer"] == "celery-wire 4711"
    assert found["base64"] == (["signer", "signature"] if own else [])
    assert found["signature_size"] == 4
    assert (found["content_type"], found["content_encoding"]) == ("application/json", "utf-8")


@pytest.mark.parametrize("body", [b"", b"[[1, 2], {}]", base64.b64encode(b"a\x00\x01b")])
def test_what_is_no_signed_body_has_no_fields(body: bytes) -> None:
    """Nothing is made of it."""
    assert signed.fields(body) == {}
    assert signed.scheme(body, b"") == "no signed body"


def test_the_way_of_a_signature_is_found_by_trying() -> None:
    """Padding, digest and salt stand nowhere in the message."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    key: Any = serialization.load_pem_private_key(signing.KEY.read_bytes(), None)
    certificate = signing.CERTIFICATE.read_bytes()

    def scheme(way: Any, digest: Any, content: bytes = _CONTENT) -> str:
        return signed.scheme(_body(b"signer 1", key.sign(content, way, digest)), certificate)

    old, new = hashes.SHA1(), hashes.SHA256()
    assert scheme(padding.PKCS1v15(), old) == "PKCS #1 v1.5, sha1"
    longest = padding.PSS(padding.MGF1(new), padding.PSS.MAX_LENGTH)
    assert scheme(longest, new) == "RSASSA-PSS, sha256, longest salt"
    assert scheme(padding.PSS(padding.MGF1(new), 20), new) == "RSASSA-PSS, sha256, some salt"
    assert scheme(longest, new, b"something else") == "fits nothing that was tried"


def test_a_cell_of_a_row_says_what_it_is() -> None:
    """A long pickle is shown by its texts, without a folder of this machine."""
    assert surfaces._cell(None) is None
    assert surfaces._cell(b'{"a": 1}') == {"bytes": '{"a": 1}'}
    assert surfaces._cell(pickle.dumps(3, 4)) == {"pickle": base64.b64encode(pickle.dumps(3, 4)).decode()}
    long = pickle.dumps(["sqlite:////a/folder", "x" * 300], 4)
    assert surfaces._cell(long) == {"pickle": {"texts": ["<path>", "x" * 300]}}


def test_the_time_of_a_release_is_told_by_broker() -> None:
    """Redis first, as everywhere."""
    assert _times({"amqp": 34.6, "redis": 67.3}) == "  102 s (redis 67 s, amqp 35 s)"
