// Package worker takes task messages from queues, runs tasks, and stores or sends their results.
package worker

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"celery-go-text/broker"
	"celery-go-text/message"
)

type object = message.Object

// Task is a function that a message can call; Parameters are names, each with "=" and a default in JSON or none.
type Task struct {
	Parameters string
	Run        func(c *Call, arguments []any) (any, error)
}

// Worker runs tasks by name. Options are those of door 1.
type Worker struct {
	Tasks   map[string]Task
	Queues  []string
	Slots   int
	Options object
	broker  broker.Broker
	put     func(c *Call, document object)
	ready   chan *Call
}

// Run works until the context is done; then tasks that run may end, and messages that were not begun go back.
func (w *Worker) Run(ctx context.Context, url, store string) {
	w.broker = broker.Open(url, time.Duration(message.Number(w.Options["visibility_timeout"])*1e9))
	w.ready = make(chan *Call, 1<<16)
	if w.put = w.toReplyQueue; strings.HasPrefix(store, "redis") {
		w.put = w.toRedis(broker.Dial(store))
	}
	var running, consuming sync.WaitGroup
	ended, limit := make(chan struct{}), int64(w.Slots)*int64(message.Number(w.Options["prefetch"])) // [AMQP-CON-002]
	in(&consuming, func() { w.broker.Consume(w.Queues, limit, w.take, ctx.Done(), ended) })
	for i := 0; i < w.Slots; i++ {
		in(&running, func() { w.slot(ctx) })
	}
	running.Wait()
	close(ended)
	consuming.Wait()
}

func in(group *sync.WaitGroup, work func()) {
	group.Add(1)
	go func() { defer group.Done(); work() }()
}

func (w *Worker) slot(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case c := <-w.ready:
			w.run(c)
		}
	}
}

// take looks at a message that came.
func (w *Worker) take(m *message.Message) {
	task, err := message.Read(m)
	c := &Call{Task: task, worker: w}
	switch _, known := w.Tasks[c.Name]; {
	case err != nil:
		w.refuse(c, err) // [TASK2-BAD-001..004] [WORK-ROB-001..010]
	case !known:
		w.refuse(c, failure{"NotRegistered", "celery.exceptions", c.Name}) // [WORK-UNK-001..003]
	case w.expired(c):
	case time.Until(c.ETA) > 0: // unacknowledged until then [WORK-ETA-001] [WORK-ACK-005]
		w.broker.Held(1)
		time.AfterFunc(time.Until(c.ETA), func() { w.broker.Held(-1); w.ready <- c })
	default:
		w.ready <- c
	}
}

// refuse takes a message off the queue and tells its caller, where there is an id [WORK-ROB-010] [AMQP-ACK-003].
func (w *Worker) refuse(c *Call, err error) {
	if c.ID != "" {
		w.save(c, "FAILURE", exception(err), nil)
	}
	c.Message.Settle(false, false)
}

func (w *Worker) expired(c *Call) bool {
	if c.Expires.IsZero() || time.Now().Before(c.Expires) {
		return false
	}
	w.save(c, "REVOKED", exception(failure{"TaskRevokedError", "celery.exceptions", "expired"}), nil) // [WORK-EXP-004]
	c.Message.Settle(true, false)                                                                     // [WORK-EXP-003]
	return true
}

func (w *Worker) run(c *Call) {
	if c.Message.Lost() || w.expired(c) { // [WORK-EXP-002]
		return
	}
	late := w.Options["acks_late"] == true
	if !late {
		c.Message.Settle(true, false) // [WORK-ACK-001]
	}
	if w.Options["track_started"] == true {
		w.save(c, "STARTED", object{"pid": os.Getpid(), "hostname": name()}, nil)
	}
	var again Retry
	var away Reject
	switch value, err := c.execute(); {
	case err == nil:
		c.follow(value) // before it is stored [WORK-EMB-010]
		w.save(c, "SUCCESS", value, nil)
	case errors.As(err, &again):
		c.again(again) // before it is acknowledged [WORK-RTY-010]
		w.save(c, "RETRY", exception(again.Cause), nil)
	case errors.As(err, &away):
		if !away.Requeue {
			w.save(c, "FAILURE", exception(failure{"Reject", "celery.exceptions", "rejected"}), nil) // [WORK-STA-009]
		}
		if late {
			c.Message.Settle(false, away.Requeue) // [WORK-STA-010] [WORK-STA-011]
			return
		}
	case err != Ignore: // an ignored task has no final state [WORK-STA-008]
		c.fail(err)
	}
	if late {
		c.Message.Settle(true, false) // [WORK-ACK-002]
	}
}
