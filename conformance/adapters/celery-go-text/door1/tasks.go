package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"celery-go-text/message"
	"celery-go-text/worker"
)

type call = worker.Call

var catalogue = map[string]worker.Task{
	"conf.ping":      {Parameters: "", Run: func(*call, []any) (any, error) { return "pong", nil }},
	"conf.echo":      {Parameters: "value", Run: func(_ *call, a []any) (any, error) { return a[0], nil }},
	"conf.add":       {Parameters: "x y", Run: add},
	"conf.arguments": {Parameters: "*", Run: func(c *call, _ []any) (any, error) { return []any{c.Args, c.Kwargs}, nil }},
	"conf.fail":      {Parameters: "message", Run: fail},
	"conf.sleep":     {Parameters: "seconds", Run: func(_ *call, a []any) (any, error) { sleep(a[0]); return a[0], nil }},
	"conf.mark":      {Parameters: "nonce seconds=0", Run: markAndWait},
	"conf.retry":     {Parameters: "nonce times countdown=0 limit=null", Run: retry},
	"conf.reject":    {Parameters: "nonce requeue", Run: reject},
	"conf.ignore":    {Parameters: "nonce", Run: ignore},
	"conf.request":   {Parameters: "", Run: request},
	"conf.progress":  {Parameters: "state meta", Run: progress},
	"conf.spawn":     {Parameters: "task args queue=null", Run: spawn},
	"conf.exit":      {Parameters: "nonce code", Run: exit},
}

func fail(_ *call, a []any) (any, error) { return nil, errors.New(message.Text(a[0])) }

func add(_ *call, a []any) (any, error) {
	x, ok := a[0].(json.Number)
	y, too := a[1].(json.Number)
	if !ok || !too {
		return nil, fmt.Errorf("%v and %v are no numbers", a[0], a[1])
	}
	whole, ok := new(big.Int).SetString(x.String(), 10)
	other, too := new(big.Int).SetString(y.String(), 10)
	if ok && too {
		return whole.Add(whole, other), nil
	}
	return message.Number(x) + message.Number(y), nil
}

func sleep(seconds any) { time.Sleep(time.Duration(message.Number(seconds) * float64(time.Second))) }

func mark(nonce any, what string) {
	trace, err := os.OpenFile(os.Getenv("CELERY_WIRE_TRACE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer trace.Close()
	fmt.Fprintf(trace, "%v %s %f %d\n", nonce, what, float64(time.Now().UnixNano())/1e9, os.Getpid())
}

func markAndWait(_ *call, a []any) (any, error) {
	mark(a[0], "start")
	sleep(a[1])
	mark(a[0], "end")
	return a[0], nil
}

func retry(c *call, a []any) (any, error) {
	mark(a[0], "start")
	done, times, limit := message.Number(c.Message.Headers["retries"]), message.Number(a[1]), message.Number(a[3])
	if a[3] == nil {
		limit = times
	}
	cause := fmt.Errorf("%v again", a[0])
	if done < times && done < limit {
		return nil, worker.Retry{Countdown: message.Number(a[2]), Cause: cause}
	} else if done < times {
		return nil, cause // [WORK-RTY-012]
	}
	return int64(done), nil
}

func reject(c *call, a []any) (any, error) {
	mark(a[0], "start")
	if c.Message.Redelivered {
		return a[0], nil
	}
	return nil, worker.Reject{Requeue: a[1] == true}
}

func ignore(_ *call, a []any) (any, error) {
	mark(a[0], "start")
	return nil, worker.Ignore
}

func request(c *call, _ []any) (any, error) {
	headers := c.Message.Headers
	told := message.Object{"correlation_id": c.Message.CorrelationID, "reply_to": c.Message.ReplyTo,
		"redelivered": c.Message.Redelivered, "headers": headers, "retries": int64(message.Number(headers["retries"]))}
	for _, name := range strings.Fields("id task root_id parent_id group eta expires") {
		told[name] = headers[name]
	}
	return told, nil
}

func progress(c *call, a []any) (any, error) {
	c.Progress(message.Text(a[0]), a[1])
	return a[1], nil
}

func spawn(c *call, a []any) (any, error) {
	options := message.Object{}
	if a[2] != nil {
		options["queue"] = a[2]
	}
	return c.Spawn(message.Text(a[0]), message.AsList(a[1]), options), nil
}

func exit(_ *call, a []any) (any, error) {
	mark(a[0], "start")
	os.Exit(int(message.Number(a[1])))
	return nil, nil
}
