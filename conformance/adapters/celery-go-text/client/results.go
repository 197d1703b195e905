package client

import (
	"context"
	"sync"
	"time"

	"celery-go-text/message"

	"github.com/redis/go-redis/v9"
)

// Unreadable stands for the state in a document that is none [RES-RDR-013].
const Unreadable = ""

func ready(document object) bool { // [RES-RDR-006]
	status := document["status"]
	return status == "SUCCESS" || status == "FAILURE" || status == "REVOKED" || status == Unreadable
}

func decode(data []byte) object {
	v, _ := message.Decode(data)
	document := message.AsObject(v)
	if message.Text(document["status"]) == "" {
		return object{"status": Unreadable}
	}
	return document
}

// stored is Redis as a result store.
type stored struct{ *redis.Client }

func (s stored) wait(id string, timeout time.Duration) object {
	deadline, key := time.Now().Add(timeout), "celery-task-meta-"+id // [STRED-KEY-001]
	waiting, cancel := context.WithTimeout(context.Background(), timeout+time.Second)
	defer cancel()
	announced := s.Subscribe(waiting, key)
	defer announced.Close()
	announced.Receive(waiting) // subscribed first, then read [STRED-RDR-001]
	for document := (object{"status": "PENDING"}); ; {
		if data, err := s.Get(waiting, key).Bytes(); err == nil {
			document = decode(data)
		}
		if ready(document) || !time.Now().Before(deadline) {
			return document
		}
		select { // looks at the key now and then, whether it was announced or not [STRED-RDR-003]
		case <-announced.Channel():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// messages is the documents that came to the reply queue, by the id of their task [STRPC-RDR-004].
type messages struct {
	lock  sync.Mutex
	known map[string]object
}

func (r *messages) add(m *message.Message) {
	r.lock.Lock()
	defer r.lock.Unlock()
	document := decode(m.Body)
	id := message.Text(document["task_id"])
	if id == "" {
		id = m.CorrelationID
	}
	if known := r.known[id]; known == nil || !ready(known) {
		r.known[id] = document
	}
}

func (r *messages) wait(id string, timeout time.Duration) object {
	for deadline := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		r.lock.Lock()
		document, known := r.known[id]
		r.lock.Unlock()
		if !known {
			document = object{"status": "PENDING"} // [RES-RDR-003]
		}
		if ready(document) || !time.Now().Before(deadline) {
			return document
		}
	}
}
