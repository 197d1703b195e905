"""The two brokers of the tests behind one face: their URLs, and what stands in their queues."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from celery_wire.brokers.kombu_names import Connection

from .servers import RedisServer


class RedisBroker:
    """Redis as a broker, with its own results."""

    def __init__(self, server: RedisServer) -> None:
        self.url = self.results = server.url
        self.port = server.port
        self._client = server.client()

    def waiting(self, queue: str) -> int:
        return int(self._client.llen(queue))

    def unacknowledged(self) -> int:
        return int(self._client.hlen("unacked"))

    def through(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

    def close(self) -> None:
        self._client.close()


class AmqpBroker:
    """RabbitMQ, with results as messages."""

    results = "rpc://"

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port or 5672
        self._connection: Any = Connection(url)

    def waiting(self, queue: str) -> int:
        return int(self._connection.default_channel.queue_declare(queue, passive=True).message_count)

    def through(self, port: int) -> str:
        return self.url.replace(f":{self.port}", f":{port}")

    def close(self) -> None:
        self._connection.close()


Broker = RedisBroker | AmqpBroker
