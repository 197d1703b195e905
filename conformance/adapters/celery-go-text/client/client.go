// Package client sends tasks to Celery's workers and reads their results. It was written from spec/ and fixtures/
// alone; the ids in comments are requirements there.
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

type object = map[string]any

// Client sends to a broker, redis://… or amqp://…, and reads from a store, redis://… or rpc:// (or none).
type Client struct {
	broker         broker
	queue, replyTo string
	store          *redis.Client
	came           sync.Map // by id of task, the Result that came to the reply queue
}

// New makes a client whose tasks go to queue, unless they say otherwise.
func New(url, store, queue string) (*Client, error) {
	c := &Client{broker: &amqpBroker{url: url}, queue: queue}
	if strings.HasPrefix(url, "redis") {
		c.broker = redisBroker{dial(url)}
	}
	if strings.HasPrefix(store, "redis") {
		c.store = dial(store)
	} else if store == "rpc://" {
		c.replyTo = uuid.NewString()
		results, err := c.broker.listen(c.replyTo) // before the first task is sent [STRPC-RDR-001]
		go c.keep(results)
		return c, err
	}
	return c, nil
}

// Send calls a task and returns its id, or that of the last step of a chain, whose steps stand in the order in which
// they are to run. The options are those of a signature; moments are of type time.Time or, from now on, time.Duration.
func (c *Client) Send(task string, args []any, kwargs, options object) (string, error) {
	call := object{"task_id": uuid.NewString(), "queue": c.queue, "reply_to": c.replyTo, "ignore_result": false}
	options = with(call, options)
	id := as[string](options["task_id"])                            // [TASK2-HDR-003] [TASK2-HDR-005] [TASK2-HDR-013]
	args, kwargs = append([]any{}, args...), with(object{}, kwargs) // [TASK2-BDY-002] [TASK2-BDY-003]
	steps, last := c.chain(options["chain"], id)
	embed := object{"callbacks": signatures(options["link"]), "errbacks": signatures(options["link_error"]),
		"chain": steps, "chord": nil} // [TASK2-BDY-004..007]
	body, err := json.Marshal([]any{args, kwargs, embed}) // [TASK2-BDY-001]
	if err != nil {
		return "", err
	}
	headers := object{"lang": "go", "shadow": nil, "group_index": nil, "retries": 0, "root_id": id, "parent_id": nil,
		"ignore_result": nil, "replaced_task_nesting": 0, "stamped_headers": nil, "stamps": object{}}
	for name := range headers { // [TASK2-HDR-006..011] [TASK2-HDR-030..046]
		if value, given := options[name]; given {
			headers[name] = value
		}
	}
	host, _ := os.Hostname()
	with(headers, as[object](options["headers"]))                                    // [TASK2-HDR-012]
	headers["task"], headers["id"], headers["group"] = task, id, options["group_id"] // [TASK2-HDR-001] [TASK2-HDR-002]
	headers["timelimit"] = []any{options["time_limit"], options["soft_time_limit"]}  // [TASK2-HDR-031]
	headers["argsrepr"], headers["kwargsrepr"] = fmt.Sprint(args), fmt.Sprint(kwargs)
	headers["origin"] = fmt.Sprintf("gen%d@%s", os.Getpid(), host)
	headers["eta"], _ = moment(options["eta"], options["countdown"])
	m := amqp091.Publishing{ContentType: "application/json", ContentEncoding: "utf-8", CorrelationId: id,
		DeliveryMode: 2, Priority: uint8(as[int64](options["priority"])), ReplyTo: as[string](options["reply_to"]),
		Headers: headers, Body: body} // [TASK2-HDR-004] [TASK2-PRP-001..007]
	headers["expires"], m.Expiration = moment(options["expires"], options["expires"])
	return last, c.broker.publish(as[string](options["queue"]), m) // [TASK2-PUB-001]
}

// signatures completes each with the keys that it lacks [TASK2-BDY-009..011].
func signatures(list any) (whole []any) {
	for _, one := range as[[]any](list) {
		empty := object{"args": []any{}, "kwargs": object{}, "options": object{}, "subtask_type": nil, "immutable": false}
		whole = append(whole, with(empty, as[object](one)))
	}
	return whole
}

// chain turns the steps round, gives each an id, and names that of the last one [TASK2-BDY-008] [WORK-EMB-004].
func (c *Client) chain(steps any, last string) (reversed []any, _ string) {
	for _, step := range signatures(steps) {
		options := object{"task_id": uuid.NewString(), "reply_to": c.replyTo, "queue": c.queue}
		with(options, as[object](step.(object)["options"]))
		step.(object)["options"], last = options, as[string](options["task_id"])
		reversed = append([]any{step}, reversed...)
	}
	return reversed, last
}

// with adds the entries of another object.
func with(o, more object) object {
	for key, value := range more {
		o[key] = value
	}
	return o
}

// as is v if it is of this type, else nothing.
func as[T any](v any) (value T) {
	value, _ = v.(T)
	return value
}

// moment writes the one that is given as ISO 8601 text with an offset [TASK2-HDR-020..023], and as the milliseconds
// until then [TASK2-PRP-008] [TASK2-PRP-009].
func moment(at, countdown any) (text any, left string) {
	moment, given := at.(time.Time)
	if later, ok := countdown.(time.Duration); ok {
		moment, given = time.Now().UTC().Add(later), true
	}
	if !given {
		return nil, ""
	}
	milliseconds := math.Max(0, float64(time.Until(moment).Milliseconds()))
	return moment.Format("2006-01-02T15:04:05.000000-07:00"), fmt.Sprintf("%.0f", milliseconds)
}

// Result is what is known of a task. The last four are of the error of one that failed or was revoked, whose class is
// no more than a name here [RES-RDR-005] [RES-RDR-009..012].
type Result struct {
	State, task                      string
	Value                            any
	Type, Message, Module, Traceback any
}

// Unreadable is the state in a document that is none [RES-RDR-013].
const Unreadable = ""

func (r Result) ready() bool { // [RES-RDR-006]
	return r.State == "SUCCESS" || r.State == "FAILURE" || r.State == "REVOKED" || r.State == Unreadable
}

// Result gives the result of a task as soon as it is ready, or what is known of it after the timeout. It looks now and
// then, whether something was announced or not [STRED-RDR-003].
func (c *Client) Result(id string, timeout time.Duration) Result {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var announced <-chan *redis.Message
	if c.store != nil {
		subscription := c.store.Subscribe(waiting, metaKey+id)
		defer subscription.Close()
		subscription.Receive(waiting) // subscribed first, then read [STRED-RDR-001]
		announced = subscription.Channel()
	}
	for {
		result := c.look(id)
		if result.ready() || waiting.Err() != nil {
			return result
		}
		select {
		case <-announced:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

const metaKey = "celery-task-meta-" // and the id of the task [STRED-KEY-001]

func (c *Client) look(id string) Result {
	if c.store != nil {
		if data, err := c.store.Get(ctx, metaKey+id).Bytes(); err == nil {
			return read(data)
		}
	}
	if result, came := c.came.Load(id); came {
		return result.(Result)
	}
	return Result{State: "PENDING"} // [RES-RDR-003]
}

// keep keeps what comes to the reply queue [STRPC-RDR-004].
func (c *Client) keep(results <-chan amqp091.Delivery) {
	for d := range results {
		result := read(d.Body)
		if result.task == "" {
			result.task = d.CorrelationId
		}
		if !c.look(result.task).ready() {
			c.came.Store(result.task, result)
		}
	}
}

// read reads the document of a task [RES-RDR-004..012].
func read(data []byte) Result {
	document := as[object](decode(data))
	r := Result{State: as[string](document["status"]), task: as[string](document["task_id"])}
	if r.State == "SUCCESS" {
		r.Value = untagged(document["result"])
	} else if r.ready() {
		failure := as[object](document["result"])
		r.Type, r.Message, r.Module = failure["exc_type"], failure["exc_message"], failure["exc_module"]
		r.Traceback = document["traceback"]
	}
	return r
}

var words = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// decode keeps numbers as they are written [SER-JSN-005]; NaN becomes {"$number": "NaN"} [SER-JSN-004]; what is no JSON
// in UTF-8 becomes nothing.
func decode(data []byte) (v any) {
	data = words.ReplaceAllFunc(data, func(word []byte) []byte {
		if word[0] == '"' {
			return word
		}
		return []byte(`{"$number":"` + string(word) + `"}`)
	})
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if !utf8.Valid(data) || !json.Valid(data) || decoder.Decode(&v) != nil {
		return nil
	}
	return v
}

// Bytes and Datetime, which is ISO 8601 text with or without an offset, travel as tagged values [SER-TAG-001].
type Bytes []byte
type Datetime string

func (b Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(object{"__type__": "base64", "__value__": []byte(b)})
}

func (d Datetime) MarshalJSON() ([]byte, error) {
	return json.Marshal(object{"__type__": "datetime", "__value__": string(d)})
}

// untagged turns tagged values into those of Go, or into text [SER-TAG-004] [SER-TAG-005] [SER-TAG-008].
func untagged(v any) any {
	for i, value := range as[[]any](v) {
		v.([]any)[i] = untagged(value)
	}
	o := as[object](v)
	for key, value := range o {
		o[key] = untagged(value)
	}
	value, tagged := o["__value__"]
	if !tagged || len(o) != 2 {
		return v
	}
	text := as[string](value)
	switch o["__type__"] {
	case "datetime":
		return Datetime(text)
	case "bytes":
		return Bytes(text)
	case "base64":
		data, _ := base64.StdEncoding.DecodeString(text)
		return Bytes(data)
	case "uuid":
		return as[object](value)["hex"]
	case "date", "time", "decimal":
		return text
	}
	return v
}

// broker is Redis or RabbitMQ; both connect when they have to, and again when they were cut off.
type broker interface {
	publish(queue string, m amqp091.Publishing) error // returns once the message is with the broker
	listen(queue string) (<-chan amqp091.Delivery, error)
}

type redisBroker struct{ *redis.Client }

// dial opens a pool of connections to redis://HOST:PORT/DB.
func dial(url string) *redis.Client {
	options, err := redis.ParseURL(url)
	if err != nil {
		panic(err)
	}
	options.Protocol = 2
	return redis.NewClient(options)
}

func (b redisBroker) publish(queue string, m amqp091.Publishing) error {
	properties := object{"correlation_id": m.CorrelationId, "reply_to": m.ReplyTo, "delivery_mode": m.DeliveryMode,
		"priority": m.Priority, "body_encoding": "base64", "delivery_tag": uuid.NewString(), // [REDIS-ENV-002..004]
		"delivery_info": object{"exchange": "", "routing_key": queue}} // [REDIS-ENV-005] [REDIS-ENV-006]
	if m.Expiration != "" {
		properties["expiration"] = m.Expiration
	}
	envelope, err := json.Marshal(object{"body": m.Body, "content-type": m.ContentType, "properties": properties,
		"content-encoding": m.ContentEncoding, "headers": m.Headers}) // Go writes bytes as base64 [REDIS-ENV-001]
	if err != nil {
		return err
	}
	list := queue
	if step := m.Priority / 3 * 3; step > 0 {
		list = fmt.Sprint(queue, "\x06\x16", step) // [REDIS-PRI-001] [REDIS-PRI-002]
	}
	return b.LPush(ctx, list, envelope).Err() // [REDIS-KEY-001] [REDIS-KEY-002]
}

func (b redisBroker) listen(queue string) (<-chan amqp091.Delivery, error) {
	deliveries := make(chan amqp091.Delivery)
	go func() {
		for {
			popped, err := b.BRPop(ctx, time.Second, queue).Result() // [REDIS-KEY-003]
			var envelope struct {
				Body       []byte
				Properties object
			}
			if err == nil && json.Unmarshal([]byte(popped[1]), &envelope) == nil {
				correlation := as[string](envelope.Properties["correlation_id"])
				deliveries <- amqp091.Delivery{Body: envelope.Body, CorrelationId: correlation}
			}
		}
	}()
	return deliveries, nil
}

type amqpBroker struct {
	url  string
	lock sync.Mutex
	out  *amqp091.Channel
}

// connect opens a channel on which the broker confirms what it takes.
func (b *amqpBroker) connect() (channel *amqp091.Channel, err error) {
	connection, err := amqp091.Dial(b.url)
	if err == nil {
		channel, err = connection.Channel()
	}
	if err == nil {
		err = channel.Confirm(false)
	}
	return channel, err
}

func (b *amqpBroker) publish(queue string, m amqp091.Publishing) (err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.out == nil || b.out.IsClosed() {
		if b.out, err = b.connect(); err != nil {
			return err
		}
	}
	if _, err = b.out.QueueDeclare(queue, true, false, false, false, nil); err != nil { // [AMQP-DCL-001] [AMQP-DCL-003]
		return err
	}
	m.Headers = field(object(m.Headers)).(amqp091.Table)
	sent, err := b.out.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, m) // [AMQP-PUB-001..003]
	if err == nil && !sent.Wait() {
		err = fmt.Errorf("the broker did not take the message")
	}
	return err
}

// field is a value as one of a table [AMQP-PUB-002] [AMQP-PUB-004].
func field(v any) any {
	switch v := v.(type) {
	case object:
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
	}
	return v
}

// listen declares a queue that goes with its reader, or a day later [STRPC-RDR-001] [STRPC-RDR-002].
func (b *amqpBroker) listen(queue string) (<-chan amqp091.Delivery, error) {
	channel, err := b.connect()
	if err == nil {
		_, err = channel.QueueDeclare(queue, true, true, false, false, amqp091.Table{"x-expires": int32(86400000)})
	}
	if err != nil {
		return nil, err
	}
	return channel.Consume(queue, "", true, false, false, false, nil)
}
