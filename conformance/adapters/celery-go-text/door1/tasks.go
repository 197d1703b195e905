package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"celery-go-text/worker"
)

// task is one of the catalogue, called with its arguments in the order of its parameters.
type task = func(c *worker.Call, arguments []any) (any, error)

var catalogue = map[string]func(*worker.Call) (any, error){
	"conf.ping":      bound("", func(*worker.Call, []any) (any, error) { return "pong", nil }),
	"conf.echo":      bound("value", func(_ *worker.Call, a []any) (any, error) { return a[0], nil }),
	"conf.add":       bound("x y", add),
	"conf.arguments": func(c *worker.Call) (any, error) { return []any{c.Args, c.Kwargs}, nil },
	"conf.fail":      bound("message", fail),
	"conf.sleep":     bound("seconds", sleep),
	"conf.mark":      bound("nonce seconds=", markAndWait),
	"conf.retry":     bound("nonce times countdown= limit=", retry),
	"conf.ignore":    bound("nonce", ignore),
	"conf.request":   bound("", request),
	"conf.progress":  bound("state meta", progress),
	"conf.spawn":     bound("task args queue=", spawn),
	"conf.exit":      bound("nonce code", exit),
}

// bound gives a task its arguments, which come by position or by name; those with "=" may be missing.
func bound(parameters string, run task) func(*worker.Call) (any, error) {
	names := strings.Fields(parameters)
	return func(c *worker.Call) (any, error) {
		arguments, used := append([]any{}, c.Args...), len(c.Args)
		for i := len(arguments); i < len(names); i++ {
			name := strings.TrimSuffix(names[i], "=")
			value, given := c.Kwargs[name]
			if given {
				used++
			} else if name == names[i] {
				return nil, fmt.Errorf("%s lacks its argument %s", c.Name, name)
			}
			arguments = append(arguments, value)
		}
		if used < len(c.Args)+len(c.Kwargs) || len(arguments) > len(names) {
			return nil, fmt.Errorf("%s got an argument that it does not know", c.Name)
		}
		return run(c, arguments)
	}
}

func number(v any) (f float64) {
	fmt.Sscan(fmt.Sprint(v), &f)
	return f
}

func seconds(v any) time.Duration { return time.Duration(number(v) * float64(time.Second)) }

func sleep(_ *worker.Call, a []any) (any, error) {
	time.Sleep(seconds(a[0]))
	return a[0], nil
}

func fail(_ *worker.Call, a []any) (any, error) { return nil, errors.New(fmt.Sprint(a[0])) }

func add(_ *worker.Call, a []any) (any, error) {
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
	return number(x) + number(y), nil
}

func mark(nonce any, what string) {
	trace, err := os.OpenFile(os.Getenv("CELERY_WIRE_TRACE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer trace.Close()
	fmt.Fprintf(trace, "%v %s %f %d\n", nonce, what, float64(time.Now().UnixNano())/1e9, os.Getpid())
}

func markAndWait(_ *worker.Call, a []any) (any, error) {
	mark(a[0], "start")
	time.Sleep(seconds(a[1]))
	mark(a[0], "end")
	return a[0], nil
}

func retry(c *worker.Call, a []any) (any, error) {
	mark(a[0], "start")
	done, times, limit := int(number(c.Headers["retries"])), int(number(a[1])), int(number(a[3]))
	if a[3] == nil {
		limit = times
	}
	cause := fmt.Errorf("%v again", a[0])
	if done < times && done < limit {
		return nil, c.Retry(cause, seconds(a[2]))
	} else if done < times {
		return nil, cause
	}
	return done, nil
}

func ignore(_ *worker.Call, a []any) (any, error) {
	mark(a[0], "start")
	return nil, worker.Ignore
}

func request(c *worker.Call, _ []any) (any, error) {
	told := object{"correlation_id": c.CorrelationId, "reply_to": c.ReplyTo, "redelivered": c.Redelivered,
		"headers": c.Headers, "retries": int(number(c.Headers["retries"]))}
	for _, name := range strings.Fields("id task root_id parent_id group eta expires") {
		told[name] = c.Headers[name]
	}
	return told, nil
}

func progress(c *worker.Call, a []any) (any, error) {
	c.Save(fmt.Sprint(a[0]), a[1])
	return a[1], nil
}

func spawn(c *worker.Call, a []any) (any, error) {
	signature := object{"task": a[0], "args": a[1], "kwargs": object{}, "options": object{"queue": a[2]},
		"immutable": true}
	return c.Send(signature, nil, nil), nil
}

func exit(_ *worker.Call, a []any) (any, error) {
	mark(a[0], "start")
	os.Exit(int(number(a[1])))
	return nil, nil
}
