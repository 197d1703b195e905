package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"celery-go-text/message"
)

// Call is a run of a task.
type Call struct {
	*message.Task
	children []any
	worker   *Worker
}

// The ways in which a task ends other than with a value.
type (
	Retry struct { // Retry calls it again, so many seconds later
		Countdown float64
		Cause     error
	}
	Reject struct{ Requeue bool } // Reject does not want the message
)

// Ignore ends a task without a result.
var Ignore = errors.New("no result")

// failure is an error with a class of Celery's.
type failure struct{ kind, module, message string }

func (e failure) Error() string { return e.message }
func (e Retry) Error() string   { return "again" }
func (e Reject) Error() string  { return "rejected" }

// execute calls the task, whatever happens in it.
func (c *Call) execute() (value any, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	task := c.worker.Tasks[c.Name]
	arguments, err := c.bind(strings.Fields(task.Parameters))
	if err != nil {
		return nil, err
	}
	return task.Run(c, arguments)
}

// bind puts the arguments in the order of the parameters [TASK2-ACC-014]; the parameter "*" stands for any.
func (c *Call) bind(names []string) (values []any, err error) {
	if len(names) == 1 && names[0] == "*" {
		return c.Args, nil
	}
	if len(c.Args) > len(names) {
		return nil, fmt.Errorf("%s takes %d arguments, %d came", c.Name, len(names), len(c.Args))
	}
	used := 0
	for _, parameter := range names[len(c.Args):] {
		name, fallback, optional := strings.Cut(parameter, "=")
		value, given := c.Kwargs[name]
		if given {
			used++
		} else if value, _ = message.Decode([]byte(fallback)); !optional {
			return nil, fmt.Errorf("%s lacks its argument %s", c.Name, name)
		}
		values = append(values, value)
	}
	if used < len(c.Kwargs) {
		return nil, fmt.Errorf("%s got an argument that it does not know", c.Name)
	}
	return append(append([]any{}, c.Args...), values...), nil
}

// follow sends callbacks and the next step of the chain [WORK-EMB-001..006].
func (c *Call) follow(value any) {
	for _, callback := range message.AsList(c.Embed["callbacks"]) {
		c.send(message.AsObject(callback), value, nil)
	}
	if chain := message.AsList(c.Embed["chain"]); len(chain) > 0 {
		last := len(chain) - 1
		c.send(message.AsObject(chain[last]), value, chain[:last])
	}
}

// fail stores the failure, also for the steps that never run, and calls the errbacks [WORK-EMB-007..009].
func (c *Call) fail(err error) {
	for _, step := range message.AsList(c.Embed["chain"]) {
		options := message.AsObject(message.AsObject(step)["options"])
		if id := message.Text(options["task_id"]); id != "" {
			m := &message.Message{ReplyTo: message.Text(options["reply_to"]), CorrelationID: id}
			c.worker.save(&Call{Task: &message.Task{ID: id, Message: m}}, "FAILURE", exception(err), nil)
		}
	}
	for _, errback := range message.AsList(c.Embed["errbacks"]) {
		c.send(message.AsObject(errback), c.ID, nil)
	}
	c.worker.save(c, "FAILURE", exception(err), fmt.Sprintf("%s: %v", c.Name, err))
}

// Spawn sends a task from within this one, to the worker's queue by default, and returns its id.
func (c *Call) Spawn(task string, args []any, options object) string {
	return c.send(object{"task": task, "args": args, "options": options, "immutable": true}, nil, nil)
}

// send sends a signature under its own id, as a child of this task [WORK-EMB-004] [WORK-EMB-011].
func (c *Call) send(signature object, before any, chain []any) string {
	root := c.Message.Headers["root_id"]
	if root == nil {
		root = c.ID
	}
	options := object{"reply_to": c.Message.ReplyTo, "queue": c.worker.Queues[0], "root_id": root, "parent_id": c.ID}
	for name, value := range message.AsObject(signature["options"]) {
		options[name] = value
	}
	if chain != nil {
		options["chain"] = chain
	}
	args, kwargs := append([]any{}, message.AsList(signature["args"])...), message.AsObject(signature["kwargs"])
	if signature["immutable"] != true {
		args = append([]any{before}, args...) // [WORK-EMB-005]
	}
	if kwargs == nil {
		kwargs = object{}
	}
	m, err := message.New(message.Text(signature["task"]), args, kwargs, options)
	if err == nil {
		err = c.worker.broker.Publish(message.Text(options["queue"]), m, true)
	}
	if err != nil {
		panic(err)
	}
	c.children = append(c.children, []any{[]any{m.CorrelationID, nil}, nil}) // [RES-DOC-006]
	return m.CorrelationID
}

// again sends the message once more as it came, to the queue it came from [WORK-RTY-001..009].
func (c *Call) again(e Retry) {
	m := *c.Message
	m.Headers, m.Mode, m.Expiration = object{}, 2, ""
	for name, value := range c.Message.Headers {
		m.Headers[name] = value
	}
	delete(m.Headers, "redelivered")
	m.Headers["retries"], m.Headers["eta"] = int64(message.Number(m.Headers["retries"]))+1, nil
	if e.Countdown > 0 {
		at := time.Now().UTC().Add(time.Duration(e.Countdown * float64(time.Second)))
		m.Headers["eta"] = at.Format(message.Moment)
	}
	if err := c.worker.broker.Publish(m.Queue, &m, true); err != nil {
		panic(err)
	}
}
