// Package worker runs tasks from Redis or RabbitMQ; it was written from spec/ alone, to which the ids in comments lead.
package worker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()
var hostname, _ = os.Hostname()

type object = map[string]any

// Worker runs tasks by name; its options are neutral ones, such as acks_late.
type Worker struct {
	Tasks        map[string]func(c *Call) (any, error)
	Queues       []string
	Slots        int
	Options      object
	ready        chan *Call
	redis, store *redis.Client // the broker and the store, where they are Redis
	tags         sync.Map      // of Redis's messages that are not settled
	channel      *amqp091.Channel
	lock         sync.Mutex
}

// Call is a run of a task, and the message that asks for it; its ConsumerTag is the queue from which it came.
type Call struct {
	amqp091.Delivery
	ID, Name      string
	Args          []any
	Kwargs, embed object
	eta, expires  time.Time
	worker        *Worker
}

// NotRegistered and TaskRevokedError are named like Celery's classes.
type NotRegistered struct{ error }
type TaskRevokedError struct{ error }

var Ignore = fmt.Errorf("no result") // ends a task that is to have no final state [WORK-STA-008]

// Run works until stop is done; then tasks that run may end, and messages that were not begun go back, on RabbitMQ with
// the connection [WORK-SHU-001] [WORK-SHU-002] [WORK-RDL-001].
func (w *Worker) Run(stop context.Context, url, store string) {
	w.ready, w.redis, w.store = make(chan *Call, w.Slots), dial(url), dial(store)
	if w.redis != nil {
		go w.consumeRedis(stop)
	} else {
		go w.consumeAMQP(url)
	}
	var running sync.WaitGroup
	for i := 0; i < w.Slots; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			for stop.Err() == nil {
				select {
				case <-stop.Done():
				case c := <-w.ready: // which may be chosen although both are
					if stop.Err() == nil {
						c.run()
					}
				}
			}
		}()
	}
	running.Wait()
	if w.lock.Lock(); w.redis != nil {
		w.restore(time.Now().Unix(), true)
	}
}

func (w *Worker) take(d amqp091.Delivery) { // refuses a message, holds it for its eta, or lets it run
	c := &Call{Delivery: d, worker: w, ID: as[string](d.Headers["id"]), Name: as[string](d.Headers["task"])}
	parts := append(as[[]any](decode(d.Body)), nil, nil, nil)
	c.Args, c.Kwargs, c.embed = as[[]any](parts[0]), as[object](parts[1]), as[object](parts[2])
	var err error
	if c.ID == "" || c.Name == "" || // [WORK-ROB-004] [WORK-ROB-007]
		d.ContentType != "application/json" || len(parts) != 6 || // [SER-ACC-001] [TASK2-BAD-004] [WORK-ROB-003]
		c.Args == nil || c.Kwargs == nil || parts[2] != nil && c.embed == nil || // [TASK2-ACC-007] [WORK-ROB-008..009]
		d.Headers["timelimit"] != nil && len(as[[]any](d.Headers["timelimit"])) != 2 || // [WORK-ROB-005]
		!parse(d.Headers["eta"], &c.eta) || !parse(d.Headers["expires"], &c.expires) { // [TASK2-BAD-002] [WORK-ROB-002]
		err = fmt.Errorf("the message is malformed")
	} else if w.Tasks[c.Name] == nil {
		err = NotRegistered{fmt.Errorf("%s", c.Name)} // [WORK-UNK-001..003]
	}
	if err != nil {
		c.Save("FAILURE", err) // [WORK-ROB-010]
		c.settle(false)        // [AMQP-ACK-003]
	} else if wait := time.Until(c.eta); wait > 0 { // unacknowledged until then [WORK-ETA-001] [WORK-ACK-005]
		time.AfterFunc(wait, func() { w.ready <- c })
	} else {
		w.ready <- c
	}
}

func (c *Call) run() {
	if channel, ok := c.Acknowledger.(*amqp091.Channel); ok && channel.IsClosed() {
		return // the broker delivers it once more
	}
	if !c.expires.IsZero() && time.Now().After(c.expires) { // [WORK-EXP-001..005]
		c.Save("REVOKED", TaskRevokedError{fmt.Errorf("expired")})
		c.settle(true)
		return
	}
	if c.worker.Options["acks_late"] == true {
		defer c.settle(true) // [WORK-ACK-002]
	} else {
		c.settle(true) // [WORK-ACK-001]
	}
	if c.worker.Options["track_started"] == true {
		c.Save("STARTED", object{"pid": os.Getpid(), "hostname": "celery@" + hostname}) // [RES-STA-004]
	}
	value, err := c.execute()
	if err == nil {
		c.Save("SUCCESS", value)
	} else if err != Ignore {
		for _, step := range as[[]any](c.embed["chain"]) { // those that never run [WORK-EMB-007] [WORK-EMB-008]
			options := as[object](as[object](step)["options"])
			left := Call{ID: as[string](options["task_id"]), worker: c.worker}
			left.ReplyTo = as[string](options["reply_to"])
			left.Save("FAILURE", err)
		}
		for _, errback := range as[[]any](c.embed["errbacks"]) {
			c.Send(as[object](errback), c.ID, nil) // [WORK-EMB-009]
		}
		c.Save("FAILURE", err)
	}
}

// Retry sends the message to its queue once more; the task has to end with what it returns [WORK-RTY-001..011].
func (c *Call) Retry(cause error, later time.Duration) error {
	delete(c.Headers, "redelivered")
	c.Headers["retries"], c.Headers["eta"] = int(number(c.Headers["retries"]))+1, moment(time.Now().Add(later))
	c.worker.publish(c.ConsumerTag, amqp091.Publishing{Headers: c.Headers, ContentType: c.ContentType, DeliveryMode: 2,
		ContentEncoding: c.ContentEncoding, CorrelationId: c.CorrelationId, ReplyTo: c.ReplyTo, Priority: c.Priority,
		Body: c.Body})
	c.Save("RETRY", cause)
	return Ignore
}

func (c *Call) execute() (value any, err error) { // and send what follows [WORK-EMB-001..006] [WORK-EMB-010]
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	if value, err = c.worker.Tasks[c.Name](c); err != nil {
		return nil, err
	}
	encode(value) // or it panics [WORK-STA-003]
	for _, callback := range as[[]any](c.embed["callbacks"]) {
		c.Send(as[object](callback), value, nil)
	}
	if chain := as[[]any](c.embed["chain"]); len(chain) > 0 {
		c.Send(as[object](chain[len(chain)-1]), value, chain[:len(chain)-1])
	}
	return value, nil
}

// Send sends a signature under its own id, as a child of this task [WORK-EMB-004] [WORK-EMB-011] [WORK-INH-001].
func (c *Call) Send(signature object, before any, chain []any) string {
	options, kwargs := as[object](signature["options"]), as[object](signature["kwargs"])
	args := append([]any{}, as[[]any](signature["args"])...)
	if signature["immutable"] != true {
		args = append([]any{before}, args...) // [WORK-EMB-005]
	}
	id := first(options["task_id"], uuid.NewString())
	headers := amqp091.Table{"lang": "go", "task": signature["task"], "id": id, "shadow": nil, "eta": options["eta"],
		"expires": options["expires"], "group": options["group_id"], "group_index": nil, "retries": 0, "origin": hostname,
		"timelimit": []any{nil, nil}, "ignore_result": nil, "root_id": first(c.Headers["root_id"], c.ID), "parent_id": c.ID,
		"argsrepr": fmt.Sprint(args), "kwargsrepr": fmt.Sprint(kwargs)} // [TASK2-HDR-001..043]
	embed := object{"callbacks": options["link"], "errbacks": options["link_error"], "chain": chain, "chord": nil}
	c.worker.publish(first(options["queue"], c.worker.Queues[0]), amqp091.Publishing{Headers: headers, CorrelationId: id,
		ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: 2,
		ReplyTo: first(options["reply_to"], c.ReplyTo), Body: encode([]any{args, kwargs, embed})})
	return id
}

// Save stores or sends a state, if it is wanted [WORK-IGN-001..003] [RES-DOC-001..011].
func (c *Call) Save(state string, result any) {
	w, said := c.worker, c.Headers["ignore_result"]
	ignored := said == true || said == nil && w.Options["ignore_result"] == true
	if c.ID == "" || ignored && (state != "FAILURE" || w.Options["store_errors_even_if_ignored"] != true) {
		return
	}
	document := object{"status": state, "result": result, "traceback": nil, "task_id": c.ID, "children": nil,
		"date_done": nil, "group_id": c.Headers["group"], "parent_id": c.Headers["parent_id"]}
	if err, ok := result.(error); ok { // [RES-EXC-001..003]
		module, class, _ := strings.Cut(strings.TrimLeft(fmt.Sprintf("%T", err), "*"), ".")
		document["result"] = object{"exc_type": class, "exc_message": []any{err.Error()}, "exc_module": module}
	}
	if state == "FAILURE" {
		document["traceback"] = fmt.Sprintf("%s: %v", c.Name, result)
	}
	if state == "SUCCESS" || state == "FAILURE" || state == "REVOKED" {
		document["date_done"] = moment(time.Now())
	}
	text, key := encode(document), "celery-task-meta-"+c.ID // [STRED-KEY-001]
	if w.store == nil && c.ReplyTo != "" {                  // [STRPC-SND-001..009]
		w.publish(c.ReplyTo, amqp091.Publishing{ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: 1,
			CorrelationId: first(c.CorrelationId, c.ID), Headers: amqp091.Table{}, Body: text})
	} else if w.store != nil {
		if old, _ := w.store.Get(ctx, key).Bytes(); as[object](decode(old))["status"] == "SUCCESS" {
			return // [WORK-STA-004]
		}
		w.store.Set(ctx, key, text, time.Duration(number(w.Options["result_expires"])*1e9)) // [STRED-EXP-001..002]
		w.store.Publish(ctx, key, text)                                                     // [STRED-ANN-001..004]
	}
}

func as[T any](v any) (value T) { // as is v if it is of this type, else nothing
	value, _ = v.(T)
	return value
}

func first(v any, fallback string) string { // first is v if it is a text that is not empty
	if text := as[string](v); text != "" {
		return text
	}
	return fallback
}

func number(v any) (f float64) { // number is v as a number, or 0 [TASK2-ACC-012] [TASK2-ACC-013]
	fmt.Sscan(fmt.Sprint(v), &f)
	return f
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000-07:00") }

func parse(v any, at *time.Time) bool { // ISO 8601 text, in UTC if it has no offset, or null [TASK2-ACC-008..009]
	var err error
	if *at, err = time.Parse("2006-01-02T15:04:05Z07:00", as[string](v)); err != nil {
		*at, err = time.Parse("2006-01-02T15:04:05", as[string](v))
	}
	return v == nil || err == nil
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// decode keeps numbers as they are written [SER-JSN-005]; what is no JSON in UTF-8 becomes nothing.
func decode(data []byte) (v any) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if decoder.UseNumber(); utf8.Valid(data) && json.Valid(data) {
		decoder.Decode(&v)
	}
	return v
}

func dial(url string) *redis.Client { // nothing for addresses other than redis://HOST:PORT/DB
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil
	}
	options.Protocol = 2
	return redis.NewClient(options)
}

// steps end the names of the lists, by a third of the priority [REDIS-PRI-001] [REDIS-PRI-002].
var steps = map[int]string{1: "\x06\x163", 2: "\x06\x166", 3: "\x06\x169"}

func (w *Worker) publish(queue string, m amqp091.Publishing) { // returns once the message is with the broker
	envelope := object{"body": m.Body, "content-type": m.ContentType, "content-encoding": m.ContentEncoding,
		"headers": m.Headers, "properties": object{"correlation_id": m.CorrelationId, "reply_to": m.ReplyTo,
			"delivery_mode": m.DeliveryMode, "priority": m.Priority, "body_encoding": "base64", // as Go writes bytes
			"delivery_tag": uuid.NewString(), "delivery_info": object{"exchange": "", "routing_key": queue}}}
	for trouble := true; trouble; time.Sleep(time.Millisecond) {
		if w.redis != nil { // [REDIS-ENV-001..006] [REDIS-KEY-001..002]
			trouble = w.redis.LPush(ctx, queue+steps[int(m.Priority)/3], encode(envelope)).Err() != nil
			continue
		}
		w.lock.Lock()
		if m.DeliveryMode == 2 { // the queue of a task, not one of results [AMQP-DCL-003] [STRPC-SND-007]
			w.channel.QueueDeclare(queue, true, false, false, false, nil)
		}
		trouble = w.channel.PublishWithContext(ctx, "", queue, false, false, m) != nil && w.channel.IsClosed()
		w.lock.Unlock()
	}
}

func (c *Call) settle(acknowledge bool) { // or refuse [REDIS-UNA-005] [AMQP-ACK-001..003]
	if w := c.worker; w.redis != nil {
		w.tags.Delete(c.MessageId)
		w.redis.HDel(ctx, "unacked", c.MessageId)
		w.redis.ZRem(ctx, "unacked_index", c.MessageId)
	} else if acknowledge {
		c.Ack(false)
	} else {
		c.Reject(false)
	}
}

func (w *Worker) consumeAMQP(url string) {
	for ; ; time.Sleep(100 * time.Millisecond) { // an error closes the channel [WORK-RDL-006]
		connection, err := amqp091.Dial(url)
		if err != nil {
			continue
		}
		channel, err := connection.Channel()
		if err != nil {
			continue
		}
		w.lock.Lock()
		w.channel = channel
		channel.Qos(16*w.Slots, 0, false) // [AMQP-CON-002]
		for _, queue := range w.Queues {
			channel.QueueDeclare(queue, true, false, false, false, nil)                     // [AMQP-DCL-001] [AMQP-DCL-004]
			channel.ExchangeDeclare(queue, "direct", true, false, false, false, nil)        // [AMQP-DCL-002]
			channel.QueueBind(queue, queue, queue, false, nil)                              // [AMQP-DCL-005]
			deliveries, _ := channel.Consume(queue, queue, false, false, false, false, nil) // [AMQP-CON-001]
			go func() {
				for d := range deliveries {
					w.take(d)
				}
			}()
		}
		w.lock.Unlock()
		<-channel.NotifyClose(make(chan *amqp091.Error, 1))
		connection.Close()
	}
}

func (w *Worker) consumeRedis(stop context.Context) {
	var lists []string
	for _, queue := range w.Queues {
		for step := 0; step < 4; step++ { // the smallest number first [REDIS-PRI-003] [REDIS-PRI-004]
			lists = append(lists, queue+steps[step])
		}
		w.redis.SAdd(ctx, "_kombu.binding."+queue, queue+"\x06\x16\x06\x16"+queue) // [REDIS-BND-001..003]
		w.redis.SAdd(ctx, "_kombu.binding_permanent."+queue, queue+"\x06\x16\x06\x16"+queue)
	}
	for stop.Err() == nil {
		w.lock.Lock()
		w.restore(time.Now().Unix()-int64(number(w.Options["visibility_timeout"])), false)
		popped := append(w.redis.BRPop(ctx, time.Second, lists...).Val(), "", "") // [REDIS-KEY-003]
		envelope := as[object](decode([]byte(popped[1])))
		properties := as[object](envelope["properties"])
		info := as[object](properties["delivery_info"])
		d := amqp091.Delivery{ContentType: as[string](envelope["content-type"]), Headers: as[object](envelope["headers"]),
			ContentEncoding: as[string](envelope["content-encoding"]), ReplyTo: as[string](properties["reply_to"]),
			CorrelationId: as[string](properties["correlation_id"]), Priority: uint8(number(properties["priority"])),
			Body: []byte(as[string](envelope["body"])), ConsumerTag: strings.Split(popped[0], "\x06\x16")[0],
			MessageId: fmt.Sprint(properties["delivery_tag"]), Redelivered: info["redelivered"] == true} // [REDIS-ACC-004]
		if properties["body_encoding"] == "base64" { // [REDIS-ACC-003]
			d.Body, _ = base64.StdEncoding.DecodeString(string(d.Body))
		}
		if info != nil { // keeps a copy until it is settled [REDIS-UNA-001..003] [REDIS-BAD-006]
			w.tags.Store(d.MessageId, true)
			w.redis.HSet(ctx, "unacked", d.MessageId, encode([]any{envelope, info["exchange"], info["routing_key"]}))
			w.redis.ZAdd(ctx, "unacked_index", redis.Z{Score: float64(time.Now().Unix()), Member: d.MessageId})
		}
		w.lock.Unlock()
		if info != nil {
			w.take(d)
		}
	}
}

var move = redis.NewScript(`if tonumber(redis.call('zscore', KEYS[2], ARGV[1]) or 'inf') <= tonumber(ARGV[2]) then
  redis.call('zrem', KEYS[2], ARGV[1])
  redis.call('hdel', KEYS[3], ARGV[1])
  redis.call('rpush', KEYS[1], ARGV[3])
end`)

// restore gives messages of others, or its own, back to their lists, marked as delivered before [REDIS-RST-001..005].
func (w *Worker) restore(limit int64, own bool) {
	old := &redis.ZRangeBy{Min: "-inf", Max: fmt.Sprint(limit)}
	for _, tag := range w.redis.ZRangeByScore(ctx, "unacked_index", old).Val() {
		kept := append(as[[]any](decode([]byte(w.redis.HGet(ctx, "unacked", tag).Val()))), nil, nil, nil)
		envelope, queue := as[object](kept[0]), as[string](kept[2]) // by default the routing key [REDIS-ENV-006]
		properties, headers := as[object](envelope["properties"]), as[object](envelope["headers"])
		info := as[object](properties["delivery_info"])
		if _, mine := w.tags.Load(tag); mine != own || info == nil || headers == nil {
			continue // [REDIS-BAD-007]
		}
		info["redelivered"], headers["redelivered"] = true, true
		keys := []string{queue + steps[int(number(properties["priority"]))/3], "unacked_index", "unacked"}
		move.Run(ctx, w.redis, keys, tag, limit, encode(envelope))
	}
}
