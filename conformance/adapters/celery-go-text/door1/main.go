// Door 1: the worker with the catalogue of tasks, driven by environment variables.
package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"celery-go-text/message"
	"celery-go-text/worker"
)

func main() {
	slots, _ := strconv.Atoi(os.Getenv("CELERY_WIRE_CONCURRENCY"))
	options := message.Object{"prefetch": json.Number("4"), "visibility_timeout": json.Number("3600"),
		"result_expires": json.Number("86400")}
	given, _ := message.Decode([]byte(os.Getenv("CELERY_WIRE_OPTIONS")))
	for name, value := range message.AsObject(given) {
		options[name] = value
	}
	queues := strings.Split(os.Getenv("CELERY_WIRE_QUEUES"), ",")
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	w := worker.Worker{Tasks: catalogue, Queues: queues, Slots: slots, Options: options}
	w.Run(ctx, os.Getenv("CELERY_WIRE_BROKER_URL"), os.Getenv("CELERY_WIRE_RESULT_URL"))
}
