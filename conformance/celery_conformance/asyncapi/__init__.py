"""The protocol as an AsyncAPI 3 document, ``spec/asyncapi.yaml``, from which other languages can generate types.

Channels and operations are data in ``parts/``, a file a surface. The schemas are the specification's own, bundled into
the document and brought into the dialect that AsyncAPI reads (`draft7`); nothing in them is said twice.
"""

from celery_conformance.asyncapi.document import build, dump

__all__ = ["build", "dump"]
