package broker

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"celery-go-text/message"

	"github.com/rabbitmq/amqp091-go"
)

type amqpBroker struct {
	url            string
	lock           sync.Mutex
	out, consuming *amqp091.Channel
	limit          int64
}

func (b *amqpBroker) connect() (*amqp091.Connection, *amqp091.Channel, error) {
	connection, err := amqp091.Dial(b.url)
	if err != nil {
		return nil, nil, err
	}
	channel, err := connection.Channel()
	return connection, channel, err
}

// declare makes sure that a queue exists, bound to the exchange of its name [AMQP-DCL-001..005].
func declare(channel *amqp091.Channel, queue string) error {
	if _, err := channel.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return err
	}
	if err := channel.ExchangeDeclare(queue, "direct", true, false, false, false, nil); err != nil {
		return err
	}
	return channel.QueueBind(queue, queue, queue, false, nil)
}

func (b *amqpBroker) Publish(queue string, m *message.Message, make bool) (err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for attempt := time.Duration(0); attempt < 20; attempt++ {
		if err = b.publish(queue, m, make); err == nil {
			return nil
		}
		b.out = nil
		time.Sleep(attempt * 50 * time.Millisecond)
	}
	return err
}

func (b *amqpBroker) publish(queue string, m *message.Message, make bool) (err error) {
	if b.out == nil || b.out.IsClosed() {
		if _, b.out, err = b.connect(); err != nil {
			return err
		}
		if err = b.out.Confirm(false); err != nil {
			return err
		}
	}
	if make { // [AMQP-DCL-003]
		if err = declare(b.out, queue); err != nil {
			return err
		}
	}
	table, _ := field(m.Headers).(amqp091.Table)
	confirmation, err := b.out.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp091.Publishing{
		ContentType: m.ContentType, ContentEncoding: m.Encoding, Headers: table, DeliveryMode: m.Mode, Body: m.Body,
		Priority: m.Priority, CorrelationId: m.CorrelationID, ReplyTo: m.ReplyTo, Expiration: m.Expiration,
	}) // [AMQP-PUB-001..003]
	if err == nil && !confirmation.Wait() {
		err = errors.New("the broker did not take the message")
	}
	return err
}

// field is a value of JSON as a value of a table [AMQP-PUB-002] [AMQP-PUB-004].
func field(v any) any {
	switch v := v.(type) {
	case message.Object:
		table := amqp091.Table{}
		for key, value := range v {
			table[key] = field(value)
		}
		return table
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = field(value)
		}
		return list
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		return message.Number(v)
	}
	return v
}

// delivered is what came; its headers are as if they had come in JSON.
func delivered(d amqp091.Delivery, queue string, channel *amqp091.Channel) *message.Message {
	headers, _ := message.Decode(message.Encode(d.Headers))
	return &message.Message{ContentType: d.ContentType, Encoding: d.ContentEncoding, CorrelationID: d.CorrelationId,
		ReplyTo: d.ReplyTo, Mode: 2, Priority: d.Priority, Body: d.Body, Headers: message.AsObject(headers),
		Queue: queue, Redelivered: d.Redelivered, Lost: channel.IsClosed,
		Settle: func(acknowledge, requeue bool) { // [AMQP-ACK-001..004]
			if acknowledge {
				d.Ack(false)
			} else {
				d.Reject(requeue)
			}
		}}
}

// Listen declares a queue that goes with its reader, or a day later [STRPC-RDR-001] [STRPC-RDR-002].
func (b *amqpBroker) Listen(queue string, came func(*message.Message)) error {
	_, channel, err := b.connect()
	if err != nil {
		return err
	}
	day := amqp091.Table{"x-expires": int32(86400000)}
	if _, err = channel.QueueDeclare(queue, true, true, false, false, day); err != nil {
		return err
	}
	deliveries, err := channel.Consume(queue, "", true, false, false, false, nil)
	go func() {
		for d := range deliveries {
			came(delivered(d, queue, channel))
		}
	}()
	return err
}

// Held changes the limit at once: it is one of the whole channel, the only kind that changes for who consumes already.
func (b *amqpBroker) Held(change int64) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.limit += change; b.consuming != nil {
		b.consuming.Qos(int(b.limit), 0, true)
	}
}

func (b *amqpBroker) Consume(queues []string, limit int64, take func(*message.Message), _, ended <-chan struct{}) {
	b.limit = limit
	for b.session(queues, take, ended) != nil { // the connection was cut [WORK-RDL-006]
		time.Sleep(200 * time.Millisecond)
	}
}

func (b *amqpBroker) session(queues []string, take func(*message.Message), ended <-chan struct{}) error {
	connection, channel, err := b.connect()
	if err != nil {
		return err
	}
	defer connection.Close() // what was not acknowledged goes back [WORK-RDL-001]
	lost := channel.NotifyClose(make(chan *amqp091.Error, 1))
	b.lock.Lock()
	b.consuming = channel
	b.lock.Unlock()
	b.Held(0)
	for _, queue := range queues {
		if err := declare(channel, queue); err != nil { // [AMQP-DCL-004]
			return err
		}
		deliveries, err := channel.Consume(queue, "", false, false, false, false, nil) // [AMQP-CON-001]
		if err != nil {
			return err
		}
		go func(queue string) {
			for d := range deliveries {
				take(delivered(d, queue, channel))
			}
		}(queue)
	}
	select {
	case <-ended:
		return nil
	case err := <-lost:
		return err
	}
}
