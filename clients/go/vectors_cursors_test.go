package foreman

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// cursorCase is one of cursors.json: of a job that is followed, or of a list.
type cursorCase struct {
	Name string `json:"name"`
	Kind string `json:"kind"`

	JobID    string `json:"job_id"`
	After    int    `json:"after"`
	Requests []struct {
		Behind int    `json:"behind"`
		Status int    `json:"status"`
		Stream []said `json:"stream"`
	} `json:"requests"`

	Filter struct {
		State        []State           `json:"state"`
		Model        string            `json:"model"`
		CreatedAfter time.Time         `json:"created_after"`
		Metadata     map[string]string `json:"metadata"`
		PageSize     int               `json:"page_size"`
	} `json:"filter"`
	Pages []struct {
		Asks    map[string]string `json:"asks"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"pages"`
	Listed  []string `json:"listed"`
	Refused Code     `json:"refused"`
}

func TestVectorsOfCursors(t *testing.T) {
	for _, test := range vectors[cursorCase](t, "cursors") {
		check := test.lists
		if test.Kind == "follow" {
			check = test.goesOn
		}
		t.Run(test.Name, check)
	}
}

func (test cursorCase) goesOn(t *testing.T) {
	var told []said
	for _, request := range test.Requests {
		told = append(told, toldBy(request.Stream)...)
	}
	var requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1)) - 1
		if n >= len(test.Requests) {
			t.Errorf("request %d of %d", n+1, len(test.Requests))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer, place := test.Requests[n], r.Header.Get("Last-Event-ID")
		if want := test.place(answer.Behind); place != want {
			t.Errorf("request %d asks behind %q, wanted %q", n+1, place, want)
		}
		if answer.Status != http.StatusOK {
			w.WriteHeader(answer.Status)
			return
		}
		stream := sseOf(answer.Stream)
		sendRaw(w, stream, len(stream))
	}))
	checkEvents(t, c, test.JobID, test.place(test.After), told)
	if int(requests.Load()) != len(test.Requests) {
		t.Errorf("%d requests of %d", requests.Load(), len(test.Requests))
	}
}

func (test cursorCase) place(seq int) string {
	if seq == 0 {
		return ""
	}
	return test.JobID + ":" + strconv.Itoa(seq)
}

func (test cursorCase) lists(t *testing.T) {
	var requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1)) - 1
		if n >= len(test.Pages) {
			t.Errorf("request %d of %d", n+1, len(test.Pages))
			w.WriteHeader(http.StatusGone)
			return
		}
		page, asks := test.Pages[n], map[string]string{}
		for name, values := range r.URL.Query() {
			asks[name] = strings.Join(values, " and ")
		}
		if !reflect.DeepEqual(asks, page.Asks) {
			t.Errorf("request %d asks %v, wanted %v", n+1, asks, page.Asks)
		}
		for name, value := range page.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(page.Status)
		_, _ = w.Write(page.Body)
	}), WithRetryLimit(0))
	filter := test.Filter
	options := ListOptions{
		States: filter.State, Model: filter.Model, CreatedAfter: filter.CreatedAfter,
		Metadata: filter.Metadata, PageSize: filter.PageSize,
	}
	var listed []string
	var refused error
	for job, err := range c.List(t.Context(), options) {
		if refused = err; err == nil {
			listed = append(listed, job.ID)
		}
	}
	if test.Refused == "" && refused != nil || test.Refused != "" && !errors.Is(refused, test.Refused) {
		t.Error(refused)
	}
	if fmt.Sprint(listed) != fmt.Sprint(test.Listed) || int(requests.Load()) != len(test.Pages) {
		t.Errorf("%v by %d requests, wanted %v by %d", listed, requests.Load(), test.Listed, len(test.Pages))
	}
}
