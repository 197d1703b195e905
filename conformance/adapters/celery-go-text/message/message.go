// Package message holds task messages, whatever the broker, and the JSON in them.
//
// It and its neighbours were written from spec/ and fixtures/ alone; the ids in comments are requirements there.
package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

type Object = map[string]any

// Message is a task or a result on its way. The last four are of one that was taken from a broker: Settle tells the
// broker what became of it, and Lost whether the broker has meanwhile given it to somebody else.
type Message struct {
	ContentType, Encoding, CorrelationID, ReplyTo, Expiration string
	Headers                                                   Object
	Mode, Priority                                            uint8
	Body                                                      []byte

	Queue       string
	Redelivered bool
	Settle      func(acknowledge, requeue bool)
	Lost        func() bool
}

// Moment is how a moment is written: ISO 8601 with the offset from UTC.
const Moment = "2006-01-02T15:04:05.000000-07:00"

var words = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// Decode keeps numbers as they are written [SER-JSN-005]; NaN becomes {"$number": "NaN"} [SER-JSN-004].
func Decode(data []byte) (v any, err error) {
	data = words.ReplaceAllFunc(data, func(word []byte) []byte {
		if word[0] == '"' {
			return word
		}
		return []byte(`{"$number":"` + string(word) + `"}`)
	})
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("this is no JSON in UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return v, decoder.Decode(&v)
}

func Encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// AsObject is v if it is an object, else nothing.
func AsObject(v any) Object { o, _ := v.(Object); return o }

// AsList is v if it is a list, else nothing.
func AsList(v any) []any { l, _ := v.([]any); return l }

// Text is v if it is text, else nothing.
func Text(v any) string { s, _ := v.(string); return s }

// Number is v if it is a number, else 0 [TASK2-ACC-012] [TASK2-ACC-013].
func Number(v any) float64 {
	n, _ := v.(json.Number)
	f, _ := n.Float64()
	return f
}

// Time reads ISO 8601 text; without an offset it is UTC [TASK2-ACC-008] [TASK2-ACC-009].
func Time(text string) (moment time.Time, err error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		for _, zone := range []string{"", "Z07:00", "Z0700"} {
			if moment, err = time.Parse(layout+zone, strings.Replace(text, " ", "T", 1)); err == nil {
				return moment, nil
			}
		}
	}
	return moment, err
}
