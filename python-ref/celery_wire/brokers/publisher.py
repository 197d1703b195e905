"""How messages leave: publishing through kombu, to whatever broker the URL names.

Rules: the body leaves as it was serialized, kombu does not touch it; the queue is declared before the first message
to it; publishing is tried again when the connection is lost, so a message may arrive twice. A publisher may be used
from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from celery_wire.brokers.kombu_names import Connection, KombuError, ProducerPool
from celery_wire.brokers.queues import task_queue
from celery_wire.errors import PublishFailedError
from celery_wire.message import Publication, WireMessage

#: As Celery's `task_publish_retry_policy`: tries after the first, and seconds between them.
RETRY_POLICY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}
#: As Celery's `broker_pool_limit`.
POOL_LIMIT = 10


class Publisher:
    """Brings messages to one broker.

    `confirm` makes an AMQP broker confirm each message, so that `publish` returns once the message is with it.
    """

    def __init__(self, url: str, *, confirm: bool = False) -> None:
        connection = Connection(url, transport_options={"confirm_publish": True} if confirm else {})
        self._errors = (*connection.connection_errors, *connection.channel_errors, KombuError)
        self._connections = connection.Pool(POOL_LIMIT)
        self._producers = ProducerPool(self._connections, POOL_LIMIT)

    def publish(self, publication: Publication) -> None:
        """Bring a message to the broker; raises PublishFailedError."""
        declare = [task_queue(publication.queue)] if publication.queue else []
        with self._producer() as producer:
            producer.publish(
                publication.message.body,
                exchange=publication.exchange,
                routing_key=publication.routing_key,
                declare=declare,
                retry=True,
                retry_policy=RETRY_POLICY,
                **_arguments(publication.message),
            )

    def publish_result(self, body: str, reply_to: str, correlation_id: str) -> None:
        """Send a result document to its caller's queue, which is not declared; raises PublishFailedError."""
        with self._producer() as producer:
            producer.publish(
                body,
                exchange="",
                routing_key=reply_to,
                correlation_id=correlation_id,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=1,
                retry=True,
                retry_policy=RETRY_POLICY,
            )

    def close(self) -> None:
        """Close all connections."""
        self._producers.force_close_all()
        self._connections.force_close_all()

    @contextmanager
    def _producer(self) -> Iterator[Any]:
        try:
            with self._producers.acquire(block=True) as producer:
                yield producer
        except self._errors as error:
            raise PublishFailedError(f"broker: expected the message to be taken, got {error!r}") from error


def _arguments(message: WireMessage) -> dict[str, Any]:
    """The message as kombu's producer wants it: `expiration` in seconds, which it multiplies by 1000 and cuts."""
    properties = dict(message.properties)
    if "expiration" in properties:
        properties["expiration"] = Decimal(properties["expiration"]) / 1000
    return {
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        "headers": dict(message.headers),
        **properties,
    }
