// Door 2: the client, driven by one JSON object a line.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"celery-go-text/client"
)

type object = map[string]any

const version = "1.0"

var options = strings.Fields("chain countdown eta expires group_id group_index headers ignore_result link link_error " +
	"parent_id priority queue reply_to retries root_id shadow soft_time_limit task_id time_limit")

func main() {
	if len(os.Args) > 1 {
		fmt.Println(version)
		return
	}
	queue, _, _ := strings.Cut(os.Getenv("CELERY_WIRE_QUEUES"), ",")
	c, err := client.New(os.Getenv("CELERY_WIRE_BROKER_URL"), os.Getenv("CELERY_WIRE_RESULT_URL"), queue)
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Buffer(nil, 1<<26); lines.Scan(); {
		decoder, line := json.NewDecoder(bytes.NewReader(lines.Bytes())), object{}
		decoder.UseNumber()
		if decoder.Decode(&line) == nil {
			answer(c, incoming(line).(object))
		}
	}
}

func answer(c *client.Client, request object) {
	switch request["verb"] {
	case "hello":
		verbs := []string{"send", "result", "stop"}
		reply(request, "ok", object{"name": "celery-go-text", "version": version, "verbs": verbs, "options": options})
	case "send":
		send(c, request)
	case "result":
		go result(c, request)
	case "stop":
		reply(request, "ok", object{})
		os.Exit(0)
	default:
		reply(request, "unsupported", request["verb"])
	}
}

var out sync.Mutex

func reply(request object, kind string, answer any) {
	line, err := json.Marshal(object{"id": request["id"], kind: answer})
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func send(c *client.Client, request object) {
	given, _ := request["options"].(object)
	for name := range given {
		if !strings.Contains(" "+strings.Join(options, " ")+" ", " "+name+" ") {
			reply(request, "unsupported", name)
			return
		}
	}
	for _, name := range []string{"countdown", "eta", "expires"} {
		if given[name] != nil {
			given[name] = moment(given[name])
		}
	}
	task, _ := request["task"].(string)
	args, _ := request["args"].([]any)
	kwargs, _ := request["kwargs"].(object)
	id, err := c.Send(task, args, kwargs, given)
	if err != nil {
		reply(request, "error", object{"type": fmt.Sprintf("%T", err), "message": err.Error()})
		return
	}
	reply(request, "ok", object{"task_id": id})
}

func result(c *client.Client, request object) {
	id, _ := request["task_id"].(string)
	known := c.Result(id, seconds(request["timeout"]))
	answer := object{"state": known.State}
	switch known.State {
	case client.Unreadable:
		reply(request, "error", object{"type": "DecodeError", "message": "what is stored is no result document"})
		return
	case "SUCCESS":
		answer["value"] = outgoing(known.Value)
	case "FAILURE", "REVOKED":
		answer["traceback"] = known.Traceback
		answer["error"] = object{"type": known.Type, "message": known.Message, "module": known.Module}
	}
	reply(request, "ok", answer)
}

// seconds is a number of seconds as Go counts time.
func seconds(v any) time.Duration {
	switch v := v.(type) {
	case int64:
		return time.Duration(v) * time.Second
	case float64:
		return time.Duration(v * float64(time.Second))
	}
	return 0
}

// moment is ISO 8601 text as a time, or a number of seconds from now.
func moment(v any) any {
	text, ok := v.(string)
	if !ok {
		return seconds(v)
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return nil
}

// incoming turns values of door 2 into those of Go.
func incoming(v any) any {
	switch v := v.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		} else if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
	case []any:
		for i := range v {
			v[i] = incoming(v[i])
		}
	case object:
		if text, ok := v["$bytes"].(string); ok {
			data, _ := base64.StdEncoding.DecodeString(text)
			return client.Bytes(data)
		} else if text, ok := v["$datetime"].(string); ok {
			return client.Datetime(text)
		} else if text, ok := v["$integer"].(string); ok {
			return json.Number(text)
		}
		for key := range v {
			v[key] = incoming(v[key])
		}
	}
	return v
}

// outgoing turns values of Go into those of door 2.
func outgoing(v any) any {
	switch v := v.(type) {
	case json.Number:
		if digits := strings.TrimLeft(v.String(), "-"); len(digits) > 15 && !strings.ContainsAny(digits, ".eE") {
			return object{"$integer": v.String()}
		}
	case client.Bytes:
		return object{"$bytes": []byte(v)}
	case client.Datetime:
		return object{"$datetime": string(v)}
	case []any:
		for i := range v {
			v[i] = outgoing(v[i])
		}
	case object:
		for key := range v {
			v[key] = outgoing(v[key])
		}
	}
	return v
}
