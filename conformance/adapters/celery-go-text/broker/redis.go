package broker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"celery-go-text/message"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const separator = "\x06\x16"

var ctx = context.Background()

type redisBroker struct {
	*redis.Client
	visibility time.Duration
	tags       sync.Map // of the messages that are not settled
	counted    int64    // how many of them count against the limit
}

// Dial opens a pool of connections to redis://HOST:PORT/DB; those that were cut are made anew.
func Dial(url string) *redis.Client {
	options, err := redis.ParseURL(url)
	if err != nil {
		panic(err)
	}
	options.Protocol = 2
	return redis.NewClient(options)
}

// list is where a message of this priority waits [REDIS-PRI-001] [REDIS-PRI-002].
func list(queue string, priority uint8) string {
	if step := priority / 3 * 3; step > 0 {
		return fmt.Sprint(queue, separator, step)
	}
	return queue
}

func (b *redisBroker) Publish(queue string, m *message.Message, _ bool) error {
	properties := message.Object{"correlation_id": m.CorrelationID, "reply_to": m.ReplyTo, "delivery_mode": m.Mode,
		"priority": m.Priority, "body_encoding": "base64", "delivery_tag": uuid.NewString(), // [REDIS-ENV-004]
		"delivery_info": message.Object{"exchange": "", "routing_key": queue}} // [REDIS-ENV-006]
	if m.Expiration != "" {
		properties["expiration"] = m.Expiration
	}
	envelope := message.Object{"body": base64.StdEncoding.EncodeToString(m.Body), "content-type": m.ContentType,
		"content-encoding": m.Encoding, "headers": m.Headers, "properties": properties} // [REDIS-ENV-001]
	return b.LPush(ctx, list(queue, m.Priority), message.Encode(envelope)).Err() // [REDIS-KEY-002]
}

// parse reads a list item; without properties it is nothing [REDIS-BAD-006].
func parse(item []byte) (envelope, properties, info message.Object, m *message.Message) {
	v, _ := message.Decode(item)
	envelope = message.AsObject(v)
	properties = message.AsObject(envelope["properties"])
	if info = message.AsObject(properties["delivery_info"]); info == nil {
		return
	}
	m = &message.Message{ContentType: message.Text(envelope["content-type"]), Mode: 2,
		Encoding: message.Text(envelope["content-encoding"]), Headers: message.AsObject(envelope["headers"]),
		CorrelationID: message.Text(properties["correlation_id"]), ReplyTo: message.Text(properties["reply_to"]),
		Priority: uint8(message.Number(properties["priority"])), Redelivered: info["redelivered"] == true,
		Body: []byte(message.Text(envelope["body"])), Lost: func() bool { return false }} // [REDIS-ACC-003]
	if properties["body_encoding"] == "base64" {
		m.Body, _ = base64.StdEncoding.DecodeString(string(m.Body))
	}
	return
}

func (b *redisBroker) Listen(queue string, came func(*message.Message)) error {
	go b.pop([]string{queue}, func(_, item string) {
		if _, _, _, m := parse([]byte(item)); m != nil {
			came(m)
		}
	}, func() bool { return true })
	return nil
}

// pop takes items from the right end of lists [REDIS-KEY-003] as long as goOn says so, over cut connections as well.
func (b *redisBroker) pop(lists []string, take func(list, item string), goOn func() bool) {
	for goOn() {
		if popped, err := b.BRPop(ctx, time.Second, lists...).Result(); err == nil {
			take(popped[0], popped[1])
		} else if err != redis.Nil {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (b *redisBroker) Held(change int64) { atomic.AddInt64(&b.counted, -change) }

func (b *redisBroker) Consume(queues []string, limit int64, take func(*message.Message), stop, ended <-chan struct{}) {
	var lists []string
	for priority := uint8(0); priority <= 9; priority += 3 { // the smallest number first [REDIS-PRI-004]
		for _, queue := range queues {
			lists = append(lists, list(queue, priority))
		}
	}
	for _, queue := range queues { // [REDIS-BND-001] [REDIS-BND-002]
		for _, set := range []string{"_kombu.binding.", "_kombu.binding_permanent."} { // [REDIS-BND-003]
			b.SAdd(ctx, set+queue, queue+separator+separator+queue)
		}
	}
	looked := time.Time{}
	b.pop(lists, func(list, item string) { b.taken(strings.Split(list, separator)[0], item, take) }, func() bool {
		for {
			if time.Since(looked) > time.Second {
				looked = time.Now()
				b.restoreOld()
			}
			select {
			case <-stop:
				return false
			case <-time.After(5 * time.Millisecond):
				if atomic.LoadInt64(&b.counted) < limit {
					return true
				}
			}
		}
	})
	<-ended
	b.tags.Range(func(tag, _ any) bool { b.restore(tag.(string), "rpush", 1e12); return true }) // [WORK-RDL-001]
}

// taken keeps a copy of a message until it is settled [REDIS-UNA-001..005].
func (b *redisBroker) taken(queue, item string, take func(*message.Message)) {
	_, properties, info, m := parse([]byte(item))
	if m == nil {
		log.Printf("no envelope: %.200s", item)
		return
	}
	tag := fmt.Sprint(properties["delivery_tag"]) // [REDIS-ACC-004]
	kept := message.Encode([]any{json.RawMessage(item), info["exchange"], info["routing_key"]})
	for b.keep(tag, kept) != nil {
		time.Sleep(100 * time.Millisecond)
	}
	b.tags.Store(tag, true)
	atomic.AddInt64(&b.counted, 1)
	m.Queue, m.Settle = queue, func(_, requeue bool) {
		if atomic.AddInt64(&b.counted, -1); requeue {
			b.restore(tag, "lpush", 1e12) // [REDIS-RST-006]
			return
		}
		b.tags.Delete(tag)
		b.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.HDel(ctx, "unacked", tag)
			return p.ZRem(ctx, "unacked_index", tag).Err()
		})
	}
	take(m)
}

func (b *redisBroker) keep(tag string, kept []byte) error {
	_, err := b.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, "unacked", tag, kept)
		return p.ZAdd(ctx, "unacked_index", redis.Z{Score: now(), Member: tag}).Err()
	})
	return err
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

func (b *redisBroker) restoreOld() {
	limit := now() - b.visibility.Seconds()
	old, _ := b.ZRangeByScore(ctx, "unacked_index", &redis.ZRangeBy{Min: "-inf", Max: fmt.Sprint(limit)}).Result()
	for _, tag := range old {
		if _, own := b.tags.Load(tag); !own {
			b.restore(tag, "rpush", limit) // [REDIS-RST-001] [REDIS-RST-002]
		}
	}
}

var move = redis.NewScript(`local score = redis.call('zscore', 'unacked_index', ARGV[1])
if score and tonumber(score) <= tonumber(ARGV[2]) then
  redis.call('zrem', 'unacked_index', ARGV[1])
  redis.call('hdel', 'unacked', ARGV[1])
  redis.call(ARGV[4], KEYS[1], ARGV[3])
end`)

// restore gives a message back to its list, once, marked as delivered before [REDIS-RST-003..005].
func (b *redisBroker) restore(tag, push string, limit float64) {
	b.tags.Delete(tag)
	var kept []json.RawMessage
	raw, _ := b.HGet(ctx, "unacked", tag).Bytes()
	if json.Unmarshal(raw, &kept) != nil || len(kept) != 3 {
		return // [REDIS-BAD-007]
	}
	envelope, _, info, m := parse(kept[0])
	if m == nil {
		return
	}
	if info["redelivered"] = true; m.Headers != nil {
		m.Headers["redelivered"] = true
	}
	var exchange, key string
	json.Unmarshal(kept[1], &exchange)
	json.Unmarshal(kept[2], &key)
	target := list(b.queue(exchange, key), m.Priority)
	move.Run(ctx, b, []string{target}, tag, fmt.Sprintf("%f", limit), string(message.Encode(envelope)), push)
}

// queue is where exchange and routing key lead [REDIS-ENV-006] [REDIS-BND-002].
func (b *redisBroker) queue(exchange, key string) string {
	members, _ := b.SMembers(ctx, "_kombu.binding."+exchange).Result()
	for _, member := range members {
		if parts := strings.Split(member, separator); len(parts) == 3 && parts[0] == key {
			return parts[2]
		}
	}
	return key
}
