"""Shells around result stores: how result documents are written and waited for."""

from __future__ import annotations

from celery_wire.errors import OptionInvalidError
from celery_wire.stores.base import NoStore, ResultStore
from celery_wire.stores.redis import RedisStore
from celery_wire.stores.rpc import RpcStore

__all__ = ["NoStore", "RedisStore", "ResultStore", "RpcStore", "open_store"]


def open_store(url: str | None, broker_url: str, *, expires: int = 86400) -> ResultStore:
    """The store at a URL: `redis://` or `rediss://`, `rpc://` for the broker's own, None for no store.

    Raises OptionInvalidError for any other URL.
    """
    if url is None:
        return NoStore()
    scheme = url.partition(":")[0]
    if scheme in {"redis", "rediss"}:
        return RedisStore(url, expires=expires)
    if scheme == "rpc":
        return RpcStore(broker_url, expires=expires)
    raise OptionInvalidError("result_url", "a URL that starts with redis://, rediss:// or rpc://", url)
