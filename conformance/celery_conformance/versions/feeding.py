"""Putting a message into a virtual host of RabbitMQ, as ``fixtures.feeding`` does into the first one."""

from __future__ import annotations

from dataclasses import dataclass

import amqp

from celery_conformance.brokers.ports import HOST
from celery_conformance.fixtures.feeding import QUEUE, OnRabbit


@dataclass(slots=True)
class OnVirtualHost(OnRabbit):
    """RabbitMQ, where each release has a virtual host of its own."""

    virtual_host: str = "/"

    def _connect(self) -> None:
        self.connection = amqp.Connection(
            f"{HOST}:{self.port}", "guest", "guest", virtual_host=self.virtual_host, heartbeat=0, confirm_publish=True
        )
        self.connection.connect()
        self.channel = self.connection.channel(1)
        self.channel.queue_declare(QUEUE, durable=True, auto_delete=False)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()
