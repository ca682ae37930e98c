package foreman_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

// environment tells of a foreman to run against, in front of test/fake-ollama, whose model llama3.2 says eight words.
func environment() (url, token string) {
	return os.Getenv("FOREMAN_URL"), os.Getenv("FOREMAN_TOKEN")
}

const (
	exampleJob = `{"id":"job_1","state":"%s","metadata":{"report":"2026-07"},"finished_at":%s,` +
		`"result":{"response":"tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7"}}`
	exampleEvents = `event: job.queued
data: {"type":"job.queued","seq":1,"data":{"state":"queued"}}

event: job.working
data: {"type":"job.working","seq":2,"data":{"state":"working"}}

event: job.output
data: {"type":"job.output","seq":3,"data":{"text":"tok0 tok1 tok2 ","offset":0,"channel":"content","index":0}}

event: job.output
data: {"type":"job.output","seq":4,"data":{"text":"tok3 tok4 tok5 tok6 tok7","offset":15,"channel":"content","index":0}}

event: job.done
data: {"type":"job.done","seq":5,"data":{"id":"job_1","state":"done"}}

event: stream.end
data: {"reason":"terminal"}

`
)

// standIn answers what the examples ask, as foreman would.
func standIn(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && requestWantsWebhook(r):
		w.Header().Set("Foreman-Error-Code", "webhook_url_refused")
		w.WriteHeader(http.StatusUnprocessableEntity)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, exampleJob, "queued", "null")
	case r.URL.Path == "/jobs/job_1":
		fmt.Fprintf(w, exampleJob, "done", `"2026-11-23T19:22:06Z"`)
	case r.URL.Path == "/jobs/job_1/events":
		fmt.Fprint(w, exampleEvents)
	default:
		w.Header().Set("Foreman-Error-Code", "not_found")
		w.WriteHeader(http.StatusNotFound)
	}
}

func requestWantsWebhook(r *http.Request) bool {
	body := make([]byte, 4096)
	n, _ := r.Body.Read(body)
	return strings.Contains(string(body[:n]), `"webhook"`)
}
