// Package client sends tasks and reads results.
package client

import (
	"strings"
	"time"

	"celery-go-text/broker"
	"celery-go-text/message"

	"github.com/google/uuid"
)

type object = message.Object

// Client sends to a broker and reads from a store, redis://… or rpc:// (or none).
type Client struct {
	broker  broker.Broker
	results results
	queue   string
	replyTo string
}

// results waits for the document of a task in a ready state; after the timeout it gives the last one that it knows.
type results interface {
	wait(id string, timeout time.Duration) object
}

// New makes a client whose tasks go to queue, unless they say otherwise.
func New(url, store, queue string) (*Client, error) {
	c := &Client{broker: broker.Open(url, 0), queue: queue}
	if strings.HasPrefix(store, "redis") {
		c.results = stored{broker.Dial(store)}
	} else if store == "rpc://" {
		c.replyTo = uuid.NewString()
		came := &messages{known: map[string]object{}}
		c.results = came
		return c, c.broker.Listen(c.replyTo, came.add) // before the first task is sent [STRPC-RDR-001]
	}
	return c, nil
}

// Send calls a task and returns its id, or that of the last step of a chain; steps stand in the order of execution.
func (c *Client) Send(task string, args []any, kwargs, options object) (string, error) {
	call := object{"reply_to": c.replyTo, "ignore_result": false, "queue": c.queue} // [TASK2-PRP-001] [TASK2-HDR-007]
	for name, value := range options {
		call[name] = value
	}
	for _, name := range []string{"link", "link_error"} {
		if list := message.AsList(call[name]); list != nil {
			call[name] = signatures(list)
		}
	}
	last := ""
	if steps := c.chain(message.AsList(call["chain"])); steps != nil {
		last, call["chain"] = message.Text(message.AsObject(message.AsObject(steps[0])["options"])["task_id"]), steps
	}
	if kwargs == nil {
		kwargs = object{} // [TASK2-BDY-003]
	}
	m, err := message.New(task, append([]any{}, args...), kwargs, call)
	if err != nil {
		return "", err
	}
	if last == "" {
		last = m.CorrelationID
	}
	return last, c.broker.Publish(message.Text(call["queue"]), m, true) // [TASK2-PUB-001]
}

// signatures completes each with the keys that it lacks [TASK2-BDY-009] [TASK2-BDY-010].
func signatures(list []any) (whole []any) {
	for _, one := range list {
		signature := object{"args": []any{}, "kwargs": object{}, "options": object{}, "subtask_type": nil,
			"immutable": false}
		for key, value := range message.AsObject(one) {
			signature[key] = value
		}
		whole = append(whole, signature)
	}
	return whole
}

// chain turns the steps round and gives each an id [TASK2-BDY-008] [WORK-EMB-004].
func (c *Client) chain(steps []any) (reversed []any) {
	for _, step := range signatures(steps) {
		options := object{"task_id": uuid.NewString(), "reply_to": c.replyTo, "queue": c.queue}
		for name, value := range message.AsObject(message.AsObject(step)["options"]) {
			options[name] = value
		}
		message.AsObject(step)["options"] = options
		reversed = append([]any{step}, reversed...)
	}
	return reversed
}

// Result gives the document of a task as soon as it is ready, or what is known of it after the timeout.
func (c *Client) Result(id string, timeout time.Duration) object { return c.results.wait(id, timeout) }
