package foreman

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// quick makes a client whose pauses between tries are over at once, see [pauses].
func quick(t *testing.T, handler http.Handler, options ...Option) *Client {
	t.Helper()
	c, _ := counted(t, handler, options...)
	return c
}

// counted makes such a client, and gives its pauses too.
func counted(t *testing.T, handler http.Handler, options ...Option) (*Client, *pauses) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p := &pauses{began: time.Now()}
	c := New(server.URL, "a-token", options...)
	c.clock = clock{p.now, p.sleep}
	return c, p
}

// pauses is a clock that only pauses move on: how slow the machine is changes nothing.
type pauses struct {
	mu    sync.Mutex
	began time.Time
	list  []time.Duration
}

func (p *pauses) now() time.Time { return p.began.Add(p.total()) }

func (p *pauses) sleep(ctx context.Context, pause time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, pause)
	return context.Cause(ctx)
}

func (p *pauses) all() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Duration(nil), p.list...)
}

func (p *pauses) total() (sum time.Duration) {
	for _, pause := range p.all() {
		sum += pause
	}
	return sum
}

// seen remembers what a server was asked.
type seen struct {
	mu   sync.Mutex
	list []asked
}

type asked struct {
	method, path string
	header       http.Header
	body         []byte
}

func (s *seen) take(r *http.Request) asked {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := asked{r.Method, r.URL.Path, r.Header.Clone(), body}
	s.list = append(s.list, a)
	return a
}

func (s *seen) all() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.list...)
}

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	connection.Close()
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// writeProblem refuses as foreman does.
func writeProblem(w http.ResponseWriter, status int, code Code, retryable bool, faults ...Fault) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Foreman-Error-Code", string(code))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "/problems/" + code, "title": "A title", "status": status, "detail": "the words",
		"code": code, "retryable": retryable, "request_id": "req_1", "errors": faults,
	})
}

func job(id string, state State) map[string]any {
	object := map[string]any{"id": id, "state": state, "created_at": "2026-11-23T19:22:06.553Z", "finished_at": nil, "result": nil}
	if state.final() {
		object["finished_at"] = "2026-11-23T19:22:06.685Z"
	}
	return object
}
