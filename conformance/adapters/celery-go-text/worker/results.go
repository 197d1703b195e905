package worker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"celery-go-text/message"

	"github.com/redis/go-redis/v9"
)

func name() string { host, _ := os.Hostname(); return "celery@" + host }

// exception is an error as data [RES-EXC-001..003].
func exception(err error) object {
	if f, ok := err.(failure); ok {
		return object{"exc_type": f.kind, "exc_message": []any{f.message}, "exc_module": f.module}
	}
	module, kind, _ := strings.Cut(strings.TrimLeft(fmt.Sprintf("%T", err), "*"), ".")
	return object{"exc_type": kind, "exc_message": []any{err.Error()}, "exc_module": module}
}

// Progress stores a state of the task's own [WORK-STA-007].
func (c *Call) Progress(state string, meta any) { c.worker.save(c, state, meta, nil) }

// save stores or sends a state, if it is wanted [WORK-IGN-001..003] [RES-DOC-001..008].
func (w *Worker) save(c *Call, state string, result, trace any) {
	ignored := c.Message.Headers["ignore_result"]
	if ignored == nil {
		ignored = w.Options["ignore_result"]
	}
	if ignored != nil && ignored != false && (state != "FAILURE" || w.Options["store_errors_even_if_ignored"] != true) {
		return
	}
	document := object{"status": state, "result": result, "traceback": trace, "task_id": c.ID, "date_done": nil,
		"children": append([]any{}, c.children...)}
	if state == "SUCCESS" || state == "FAILURE" || state == "REVOKED" {
		document["date_done"] = time.Now().UTC().Format(message.Moment)
	}
	for key, header := range map[string]string{"group_id": "group", "parent_id": "parent_id"} {
		if value := c.Message.Headers[header]; value != nil {
			document[key] = value
		}
	}
	if w.Options["result_extended"] == true {
		document["name"], document["args"], document["kwargs"] = c.Name, c.Args, c.Kwargs
		document["retries"] = int64(message.Number(c.Message.Headers["retries"]))
		document["worker"], document["queue"] = name(), c.Message.Queue
	}
	w.put(c, document)
}

// toRedis stores a document and announces it, but leaves a success alone [STRED-KEY-001] [WORK-STA-004].
func (w *Worker) toRedis(store *redis.Client) func(*Call, object) {
	ctx, expires := context.Background(), time.Duration(message.Number(w.Options["result_expires"])*1e9)
	return func(c *Call, document object) {
		key, text := "celery-task-meta-"+c.ID, message.Encode(document)
		old, _ := store.Get(ctx, key).Bytes()
		if stored, _ := message.Decode(old); message.AsObject(stored)["status"] == "SUCCESS" {
			return
		}
		store.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, key, text, expires)         // [STRED-EXP-001] [STRED-EXP-002]
			return p.Publish(ctx, key, text).Err() // [STRED-ANN-001..004]
		})
	}
}

// toReplyQueue sends a document to whoever waits for it [STRPC-SND-001..009].
func (w *Worker) toReplyQueue(c *Call, document object) {
	correlation := c.Message.CorrelationID
	if correlation == "" {
		correlation = c.ID
	}
	if c.Message.ReplyTo != "" {
		w.broker.Publish(c.Message.ReplyTo, &message.Message{ContentType: "application/json", Encoding: "utf-8", Mode: 1,
			CorrelationID: correlation, Headers: object{}, Body: message.Encode(document)}, false)
	}
}
