"""Real brokers for a run: an embedded Redis, a private RabbitMQ node, or the URL a user gives."""
