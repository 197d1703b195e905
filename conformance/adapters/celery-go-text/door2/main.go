// Door 2: the client, driven by one JSON object a line.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"celery-go-text/client"
	"celery-go-text/message"
)

type object = message.Object

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
		if line, err := message.Decode(lines.Bytes()); err == nil {
			answer(c, message.AsObject(line))
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
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(message.Encode(object{"id": request["id"], kind: answer})))
}

func send(c *client.Client, request object) {
	given := message.AsObject(request["options"])
	for name := range given {
		if !strings.Contains(" "+strings.Join(options, " ")+" ", " "+name+" ") {
			reply(request, "unsupported", name)
			return
		}
	}
	args, kwargs := incoming(request["args"]), incoming(request["kwargs"])
	id, err := c.Send(message.Text(request["task"]), message.AsList(args), message.AsObject(kwargs), given)
	if err != nil {
		reply(request, "error", object{"type": fmt.Sprintf("%T", err), "message": err.Error()})
		return
	}
	reply(request, "ok", object{"task_id": id})
}

func result(c *client.Client, request object) {
	document := c.Result(message.Text(request["task_id"]), time.Duration(message.Number(request["timeout"])*1e9))
	answer := object{"state": document["status"]}
	switch document["status"] {
	case client.Unreadable:
		reply(request, "error", object{"type": "DecodeError", "message": "what is stored is no result document"})
		return
	case "SUCCESS":
		answer["value"] = outgoing(document["result"]) // [RES-RDR-004]
	case "FAILURE", "REVOKED": // [RES-RDR-005]
		failure := message.AsObject(document["result"]) // a class is a name here [RES-RDR-009..011]
		kind := message.Text(failure["exc_type"])
		if kind == "" {
			kind = "Exception"
		}
		answer["error"] = object{"type": kind, "message": failure["exc_message"], "module": failure["exc_module"]}
		answer["traceback"] = document["traceback"]
	}
	reply(request, "ok", answer)
}

// incoming turns values of door 2 into tagged values [SER-TAG-001].
func incoming(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = incoming(v[i])
		}
	case object:
		if text, ok := v["$bytes"].(string); ok {
			if data, err := base64.StdEncoding.DecodeString(text); err == nil && utf8.Valid(data) {
				return object{"__type__": "bytes", "__value__": string(data)}
			}
			return object{"__type__": "base64", "__value__": text}
		} else if text, ok := v["$datetime"].(string); ok {
			return object{"__type__": "datetime", "__value__": text}
		} else if text, ok := v["$integer"].(string); ok {
			return json.Number(text)
		}
		for key := range v {
			v[key] = incoming(v[key])
		}
	}
	return v
}

// outgoing turns tagged values into those of door 2, or into text [SER-TAG-004] [SER-TAG-005].
func outgoing(v any) any {
	switch v := v.(type) {
	case json.Number:
		if digits := strings.TrimLeft(v.String(), "-"); len(digits) > 15 && !strings.ContainsAny(digits, ".eE") {
			return object{"$integer": v.String()}
		}
	case []any:
		for i := range v {
			v[i] = outgoing(v[i])
		}
	case object:
		value, tagged := v["__value__"]
		if kind, ok := v["__type__"]; ok && tagged && len(v) == 2 {
			return untagged(kind, value)
		}
		for key := range v {
			v[key] = outgoing(v[key])
		}
	}
	return v
}

func untagged(kind, value any) any {
	switch kind {
	case "datetime":
		return object{"$datetime": value}
	case "bytes":
		return object{"$bytes": base64.StdEncoding.EncodeToString([]byte(message.Text(value)))}
	case "base64":
		return object{"$bytes": value}
	case "uuid":
		return message.AsObject(value)["hex"]
	}
	return value
}
