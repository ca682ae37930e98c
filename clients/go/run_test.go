package foreman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// standIn speaks as foreman does to Run: one job, which ends when it was told so.
type standIn struct {
	seen
	// How a POST /jobs is answered; nil: accepted.
	refuse func(w http.ResponseWriter, withWebhook bool) bool
	// Called when the job was accepted with a webhook.
	notify func(*standIn, Webhook)
	once   sync.Once
	ended  chan struct{}
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.take(r)
	switch {
	case a.path == "/jobs":
		var body struct{ Webhook *Webhook }
		_ = json.Unmarshal(a.body, &body)
		if s.refuse != nil && s.refuse(w, body.Webhook != nil) {
			return
		}
		writeJSON(w, http.StatusAccepted, job("job_1", StateQueued))
		if s.notify != nil && body.Webhook != nil {
			go s.notify(s, *body.Webhook)
		}
	case strings.HasSuffix(a.path, "/cancel"):
		s.end()
		writeJSON(w, http.StatusOK, job("job_1", StateCanceled))
	case a.header.Get("Prefer") != "":
		select {
		case <-s.ended:
			writeJSON(w, http.StatusOK, job("job_1", StateDone))
		case <-r.Context().Done():
		}
	default:
		writeJSON(w, http.StatusOK, job("job_1", StateWorking))
	}
}

func (s *standIn) end() { s.once.Do(func() { close(s.ended) }) }

func (s *standIn) paths() string {
	var list []string
	for _, a := range s.all() {
		list = append(list, a.method+" "+a.path)
	}
	return strings.Join(list, ", ")
}

// deliver sends a message that is signed at `at`, and gives the status of the answer.
func deliver(t *testing.T, to Webhook, kind EventType, state State, at time.Time) int {
	t.Helper()
	body := []byte(mustJSON(t, map[string]any{"type": kind, "data": job("job_1", state)}))
	request, err := http.NewRequest(http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	request.Header = headerOf("evt_1", fmt.Sprint(at.Unix()), sign(to.Secret, "evt_1", at.Unix(), body))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// logged has what a client says.
func logged(level slog.Level) (Option, *lockedBuffer) {
	said := new(lockedBuffer)
	return WithLogger(slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: level}))), said
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestRunIsToldOfTheEndByAWebhook(t *testing.T) {
	var statuses []int
	told := make(chan struct{})
	s := &standIn{ended: make(chan struct{})}
	s.notify = func(s *standIn, to Webhook) {
		defer close(told)
		statuses = append(statuses, deliver(t, to, EventQueued, StateQueued, time.Now()))
		statuses = append(statuses, deliver(t, Webhook{URL: to.URL, Secret: NewWebhookSecret()}, EventDone, StateDone, time.Now()))
		statuses = append(statuses, deliver(t, Webhook{URL: to.URL + "x", Secret: to.Secret}, EventDone, StateDone, time.Now()))
		for _, a := range s.all() {
			if a.header.Get("Prefer") != "" {
				t.Error("it polls, though messages come and none was genuine and final")
			}
		}
		s.end()
		statuses = append(statuses, deliver(t, to, EventDone, StateDone, time.Now()))
	}
	c := quick(t, s, WithWebhookPatience(time.Minute))
	ended, err := c.Run(t.Context(), Generate("m", "p"))
	<-told
	if err != nil || ended.State != StateDone || fmt.Sprint(statuses) != "[204 400 404 204]" || s.paths() != "POST /jobs, GET /jobs/job_1" {
		t.Error(ended, err, statuses, s.paths())
	}
}

func TestRunPollsWhereNoWebhookIsToBeHad(t *testing.T) {
	refusing := func(status int, code Code, faults ...Fault) func(http.ResponseWriter, bool) bool {
		return func(w http.ResponseWriter, withWebhook bool) bool {
			if withWebhook {
				writeProblem(w, status, code, false, faults...)
			}
			return withWebhook
		}
	}
	for name, refuse := range map[string]func(http.ResponseWriter, bool) bool{
		"the URL is refused":   refusing(422, CodeWebhookURLRefused),
		"the scope is missing": refusing(403, CodeInsufficientScope),
		"webhooks are off":     refusing(422, CodeValidationFailed, Fault{"/webhook", "needs the plugin"}),
		"nothing comes":        nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := &standIn{refuse: refuse, ended: make(chan struct{})}
			option, said := logged(slog.LevelInfo)
			c := quick(t, s, option, WithWebhookPatience(time.Millisecond))
			s.end()
			ended, err := c.Run(t.Context(), Generate("m", "p"))
			if err != nil || ended.State != StateDone || !strings.Contains(said.String(), "polling instead") {
				t.Error(ended, err, said)
			}
		})
	}
}

func TestRunGivesOtherRefusalsBack(t *testing.T) {
	s := &standIn{ended: make(chan struct{}), refuse: func(w http.ResponseWriter, _ bool) bool {
		writeProblem(w, 422, CodeValidationFailed, false, Fault{"/priority", "must be"})
		return true
	}}
	if _, err := quick(t, s).Run(t.Context(), Generate("m", "p")); !errors.Is(err, CodeValidationFailed) || len(s.all()) != 1 {
		t.Error(err, s.paths())
	}
}

// The time of a message is in whole seconds.
var tenMinutesOff = regexp.MustCompile(`10m[01]s behind this machine's clock`)

func TestRunTakesAWebhookInSpiteOfAClockThatIsOffAndSaysSo(t *testing.T) {
	s := &standIn{ended: make(chan struct{})}
	s.notify = func(s *standIn, to Webhook) {
		s.end()
		deliver(t, to, EventDone, StateDone, time.Now().Add(-10*time.Minute))
	}
	option, said := logged(slog.LevelWarn)
	ended, err := quick(t, s, option, WithWebhookPatience(time.Minute)).Run(t.Context(), Generate("m", "p"))
	if err != nil || ended.State != StateDone || !tenMinutesOff.MatchString(said.String()) {
		t.Error(ended, err, said)
	}
}

func TestRunLooksAfterAJobWhoseLastMessageIsLost(t *testing.T) {
	s := &standIn{ended: make(chan struct{})}
	s.notify = func(s *standIn, to Webhook) { deliver(t, to, EventQueued, StateQueued, time.Now()) }
	// Answers a plain GET, which does not wait, with the end.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			writeJSON(w, http.StatusOK, job("job_1", StateDone))
			return
		}
		s.ServeHTTP(w, r)
	})
	c := quick(t, handler, WithWebhookPatience(time.Minute))
	c.webhook.safetyPause = time.Millisecond
	if ended, err := c.Run(t.Context(), Generate("m", "p")); err != nil || ended.State != StateDone {
		t.Error(ended, err)
	}
}

func TestACallerOfRunWhoLeavesCancelsItsJob(t *testing.T) {
	for name, key := range map[string]string{"with a key of Run's": "", "with a key of its own": "report-2026-07"} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			s := &standIn{ended: make(chan struct{})}
			s.notify = func(*standIn, Webhook) { leave() }
			if key != "" {
				s.refuse = func(_ http.ResponseWriter, withWebhook bool) bool {
					if withWebhook {
						t.Error("a job with a key of its own has another body each time")
					}
					time.AfterFunc(10*time.Millisecond, leave)
					return false
				}
			}
			newJob := Generate("m", "p")
			newJob.IdempotencyKey = key
			_, err := quick(t, s).Run(ctx, newJob)
			canceled := strings.Contains(s.paths(), "POST /jobs/job_1/cancel")
			if !errors.Is(err, context.Canceled) || canceled != (key == "") {
				t.Error(err, s.paths())
			}
		})
	}
}

func TestACallerOfRunWhoLeavesBeforeItsJobIsKnownCancelsItAllTheSame(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	s := &standIn{ended: make(chan struct{})}
	s.refuse = func(w http.ResponseWriter, _ bool) bool {
		first := len(s.all()) == 1
		if first {
			leave()
			hangUp(w)
		}
		return first
	}
	_, err := quick(t, s).Run(ctx, Generate("m", "p"))
	if !errors.Is(err, context.Canceled) || s.paths() != "POST /jobs, POST /jobs, POST /jobs/job_1/cancel" {
		t.Fatal(err, s.paths())
	}
	// The same key and the same body: the same job, if foreman had it.
	first, second := s.all()[0], s.all()[1]
	if key := first.header.Get("Idempotency-Key"); key == "" || key != second.header.Get("Idempotency-Key") || string(first.body) != string(second.body) {
		t.Errorf("%+v %+v", first, second)
	}
}

func TestRunAdvertisesWhatItIsTold(t *testing.T) {
	s := &standIn{ended: make(chan struct{})}
	var url string
	s.notify = func(s *standIn, to Webhook) { url = to.URL; s.end() }
	c := quick(t, s, WithWebhookListener("127.0.0.1:0", "https://hooks.example/in/"), WithWebhookPatience(10*time.Millisecond))
	if _, err := c.Run(t.Context(), Generate("m", "p")); err != nil || !strings.HasPrefix(url, "https://hooks.example/in/") || len(url) < 45 {
		t.Error(err, url)
	}
}
