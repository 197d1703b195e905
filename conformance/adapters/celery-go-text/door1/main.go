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

	"celery-go-text/worker"
)

type object = map[string]any

func main() {
	slots, _ := strconv.Atoi(os.Getenv("CELERY_WIRE_CONCURRENCY"))
	options := object{"visibility_timeout": 3600, "result_expires": 86400}
	if given := os.Getenv("CELERY_WIRE_OPTIONS"); given != "" {
		if err := json.Unmarshal([]byte(given), &options); err != nil {
			panic(err)
		}
	}
	queues := strings.Split(os.Getenv("CELERY_WIRE_QUEUES"), ",")
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	w := worker.Worker{Tasks: catalogue, Queues: queues, Slots: slots, Options: options}
	w.Run(stop, os.Getenv("CELERY_WIRE_BROKER_URL"), os.Getenv("CELERY_WIRE_RESULT_URL"))
}
