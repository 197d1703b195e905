// Package broker is broker-redis.md and broker-amqp.md.
package broker

import (
	"strings"
	"time"

	"celery-go-text/message"
)

// Broker publishes and consumes.
type Broker interface {
	// Publish returns once the message is with the broker. The queue is declared first, if declare says so.
	Publish(queue string, m *message.Message, declare bool) error
	// Listen hands over what comes to a queue that is the caller's own, from now on.
	Listen(queue string, came func(*message.Message)) error
	// Consume hands over what comes to the queues until stop is closed, at most limit messages that are not
	// settled; those that are not settled when ended is closed are given back.
	Consume(queues []string, limit int64, take func(*message.Message), stop, ended <-chan struct{})
	// Held says that so many more messages wait for their eta, and do not count [AMQP-CON-003].
	Held(change int64)
}

// Open makes a broker of redis://… or amqp://…; it connects when it has to, and again when it was cut off.
func Open(url string, visibility time.Duration) Broker {
	if strings.HasPrefix(url, "redis") {
		return &redisBroker{Client: Dial(url), visibility: visibility}
	}
	return &amqpBroker{url: url}
}
