package message

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// moment takes seconds from now or ISO 8601 text and gives text with an offset, or null [TASK2-HDR-020..023].
func moment(options Object, names ...string) (at time.Time, text any, err error) {
	for _, name := range names {
		switch option := options[name].(type) {
		case json.Number:
			seconds, _ := option.Float64()
			at = time.Now().UTC().Add(time.Duration(seconds * float64(time.Second)))
		case string:
			at, err = Time(option)
		default:
			continue
		}
		return at, at.Format(Moment), err
	}
	return
}

// New makes the message that calls a task; the options are those of a signature and of door 2.
func New(task string, args []any, kwargs, options Object) (*Message, error) {
	id := Text(options["task_id"])
	if id == "" {
		id = uuid.NewString() // [TASK2-HDR-005]
	}
	host, _ := os.Hostname()
	headers := Object{"lang": "go", "task": task, "id": id, "shadow": nil, "group": options["group_id"],
		"group_index": nil, "retries": 0, "timelimit": []any{options["time_limit"], options["soft_time_limit"]},
		"root_id": id, "parent_id": nil, "argsrepr": string(Encode(args)), "kwargsrepr": string(Encode(kwargs)),
		"origin": fmt.Sprintf("gen%d@%s", os.Getpid(), host), "ignore_result": nil, "replaced_task_nesting": 0,
		"stamped_headers": nil, "stamps": Object{}}
	for name := range headers {
		if value, given := options[name]; given && name != "task" && name != "id" {
			headers[name] = value
		}
	}
	for name, value := range AsObject(options["headers"]) {
		headers[name] = value // [TASK2-HDR-012]
	}
	_, eta, err := moment(options, "eta", "countdown")
	end, expires, problem := moment(options, "expires")
	if err != nil || problem != nil {
		return nil, fmt.Errorf("a time that is none: %v %v", err, problem)
	}
	headers["eta"], headers["expires"] = eta, expires
	m := &Message{ContentType: "application/json", Encoding: "utf-8", Headers: headers, CorrelationID: id, Mode: 2}
	if left := time.Until(end).Milliseconds(); expires != nil && left > 0 {
		m.Expiration = fmt.Sprint(left) // [TASK2-PRP-008]
	} else if expires != nil {
		m.Expiration = "0" // [TASK2-PRP-009]
	}
	m.Priority, m.ReplyTo = uint8(Number(options["priority"])), Text(options["reply_to"])
	m.Body = Encode([]any{args, kwargs, Object{"callbacks": options["link"], "errbacks": options["link_error"],
		"chain": options["chain"], "chord": options["chord"]}}) // [TASK2-BDY-001]
	return m, nil
}

// Task is a task message that was read.
type Task struct {
	Message       *Message
	ID, Name      string
	Args          []any
	Kwargs, Embed Object
	ETA, Expires  time.Time
}

// Read looks at all of a message; its error says why no worker can run it.
func Read(m *Message) (t *Task, err error) {
	t = &Task{Message: m, ID: Text(m.Headers["id"]), Name: Text(m.Headers["task"])}
	if t.Name == "" || t.ID == "" {
		return t, errors.New("task and id have to be text") // [WORK-ROB-004] [WORK-ROB-007]
	}
	if m.ContentType != "application/json" {
		return t, fmt.Errorf("content type %q is not accepted", m.ContentType) // [SER-ACC-001]
	}
	if limits := m.Headers["timelimit"]; limits != nil && len(AsList(limits)) != 2 {
		return t, errors.New("timelimit has to be a list of two") // [WORK-ROB-005]
	}
	for name, at := range map[string]*time.Time{"eta": &t.ETA, "expires": &t.Expires} {
		if text := m.Headers[name]; text != nil {
			if *at, err = Time(Text(text)); err != nil {
				return t, err // [TASK2-BAD-002]
			}
		}
	}
	body, err := m.body()
	v, problem := Decode(body)
	parts := AsList(v)
	if err != nil || problem != nil || len(parts) != 3 {
		return t, errors.New("the body has to be a list of three, in JSON") // [TASK2-BAD-004] [WORK-ROB-003]
	}
	t.Args, t.Kwargs, t.Embed = AsList(parts[0]), AsObject(parts[1]), AsObject(parts[2])
	if t.Args == nil || t.Kwargs == nil || (parts[2] != nil && t.Embed == nil) { // [TASK2-ACC-007]
		return t, errors.New("the body has to hold a list, an object and an object") // [WORK-ROB-008] [WORK-ROB-009]
	}
	return t, nil
}

// body is the serialized body, not compressed and in UTF-8 [AMQP-DLV-004].
func (m *Message) body() (body []byte, err error) {
	var packed io.Reader = bytes.NewReader(m.Body)
	if m.Headers["compression"] == "application/x-gzip" {
		if packed, err = zlib.NewReader(packed); err != nil {
			return nil, err
		}
	}
	body, err = io.ReadAll(packed)
	if encoding := strings.ToLower(m.Encoding); encoding == "latin-1" || encoding == "iso-8859-1" {
		var text []byte
		for _, letter := range body {
			text = utf8.AppendRune(text, rune(letter))
		}
		body = text
	}
	return body, err
}
