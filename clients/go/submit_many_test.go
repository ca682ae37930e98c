package foreman

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// intake makes a job of each key once, and answers at most `atOnce` lines a connection.
func intake(t *testing.T, atOnce int, made map[string]int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Error(r.Header)
		}
		lines := bufio.NewScanner(r.Body)
		for n := 0; lines.Scan(); n++ {
			if n == atOnce {
				_ = http.NewResponseController(w).Flush()
				hangUp(w)
				return
			}
			var line struct {
				Key     string `json:"idempotency_key"`
				Request struct{ Prompt string }
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Key == "" {
				t.Error(lines.Text(), err)
			}
			if line.Request.Prompt == "wrong" {
				fmt.Fprintln(w, `{"error":{"code":"validation_failed","detail":"it is wrong","pointer":"/request/prompt"}}`)
				continue
			}
			_, known := made[line.Key]
			if !known {
				made[line.Key] = len(made)
			}
			fmt.Fprintf(w, `{"id":"job_%d","replayed":%t,"new_field":1}`+"\n", made[line.Key], known)
		}
	})
}

func TestManyJobsAreAnsweredInOrderThroughCuts(t *testing.T) {
	const count = 20
	var jobs []NewJob
	for i := range count {
		jobs = append(jobs, Generate("m", fmt.Sprint("prompt ", i)))
	}
	for atOnce := 1; atOnce <= count; atOnce++ {
		made := map[string]int{}
		answers, err := quick(t, intake(t, atOnce, made)).SubmitMany(t.Context(), jobs)
		if err != nil || len(made) != count {
			t.Fatal(atOnce, err, len(made))
		}
		for i, answer := range answers {
			if answer.Err != nil || answer.ID != fmt.Sprint("job_", i) {
				t.Fatal(atOnce, i, answer)
			}
		}
	}
}

func TestALineThatIsRefusedStopsNoOther(t *testing.T) {
	jobs := []NewJob{Generate("m", "a"), Generate("m", "wrong"), Generate("m", "b")}
	jobs[2].IdempotencyKey = "k"
	made := map[string]int{"k": 7}
	answers, err := quick(t, intake(t, 10, made)).SubmitMany(t.Context(), jobs)
	if err != nil || answers[0].ID != "job_1" || !errors.Is(answers[1].Err, CodeValidationFailed) {
		t.Fatal(answers, err)
	}
	if text := answers[1].Err.Error(); text != "foreman: validation_failed: it is wrong at /request/prompt" || !answers[2].Replayed {
		t.Error(text, answers[2])
	}
}

// roomy takes so many of the new jobs of a request as room says, and refuses the
// others for want of room. The n-th request is answered to its end unless cut says
// after how many lines it is not.
type roomy struct {
	t    *testing.T
	room func(n int) int
	cut  func(n int) int
	mu   sync.Mutex
	// Lines of each request.
	requests []int
	// How often each prompt was taken.
	taken map[string]int
	keys  map[string]string
}

// heard gives how many lines each request had.
func (s *roomy) heard() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *roomy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, lines := len(s.requests), 0
	room, cut := s.room(n), s.cut(n)
	// This server reads no more once it has answered.
	body, _ := io.ReadAll(r.Body)
	for text := range bytes.Lines(body) {
		var line struct {
			Key     string `json:"idempotency_key"`
			Request struct{ Prompt string }
		}
		if err := json.Unmarshal(text, &line); err != nil {
			s.t.Error(err)
		}
		prompt, known := s.keys[line.Key]
		answer := fmt.Sprintf(`{"id":"job of %s","replayed":%t}`, line.Request.Prompt, known)
		switch {
		case known && prompt != line.Request.Prompt:
			s.t.Errorf("the key of %s came with %s", prompt, line.Request.Prompt)
		case known:
		case room > 0:
			room--
			s.keys[line.Key] = line.Request.Prompt
			s.taken[line.Request.Prompt]++
		default:
			answer = `{"error":{"code":"queue_full","detail":"no room"}}`
		}
		if lines < cut {
			fmt.Fprintln(w, answer)
		}
		lines++
	}
	s.requests = append(s.requests, lines)
	if lines > cut {
		_ = http.NewResponseController(w).Flush()
		hangUp(w)
	}
}

func newRoomy(t *testing.T, room func(n int) int) *roomy {
	whole := func(int) int { return linesAtOnce }
	return &roomy{t: t, room: room, cut: whole, taken: map[string]int{}, keys: map[string]string{}}
}

func numbered(count int) []NewJob {
	jobs := make([]NewJob, count)
	for i := range jobs {
		jobs[i] = Generate("m", fmt.Sprint(i))
	}
	return jobs
}

func TestJobsWithoutRoomAreSentAgainAndEachIsTakenOnce(t *testing.T) {
	const count = 1200
	s := newRoomy(t, func(n int) int { return n % 4 * 50 })
	s.cut = func(n int) int {
		if n%3 == 1 {
			return 70
		}
		return linesAtOnce
	}
	c, pauses := counted(t, s)
	answers, err := c.SubmitMany(t.Context(), numbered(count))
	heard := s.heard()
	if err != nil || len(answers) != count || len(s.taken) != count {
		t.Fatal(err, len(answers), len(s.taken))
	}
	for i, answer := range answers {
		if answer.Err != nil || answer.ID != fmt.Sprint("job of ", i) || s.taken[fmt.Sprint(i)] != 1 {
			t.Fatal(i, answer, s.taken[fmt.Sprint(i)])
		}
	}
	// Each batch ends with a request after which nobody has to wait.
	if len(pauses.all()) != len(heard)-3 || heard[0] != linesAtOnce || slices.Max(heard) > linesAtOnce {
		t.Error(len(pauses.all()), heard)
	}
	// What is taken ends a row of failures: the pauses begin anew.
	if longest := slices.Max(pauses.all()); longest > 8*firstPause {
		t.Errorf("a pause of %s, though jobs were taken", longest)
	}
}

func TestJobsThatStayWithoutRoomAreRefusedAfterTheLimit(t *testing.T) {
	const count, taken = 3 * linesAtOnce, 7
	s := newRoomy(t, func(n int) int { return max(0, taken-100*n) })
	c, pauses := counted(t, s)
	answers, err := c.SubmitMany(t.Context(), numbered(count))
	if err != nil || len(answers) != count {
		t.Fatal(err, len(answers))
	}
	for i, answer := range answers {
		var refused *Error
		if i < taken && answer.ID == "" || i >= taken && !(errors.As(answer.Err, &refused) && refused.Code == CodeQueueFull && refused.Retryable && answer.ID == "") {
			t.Fatal(i, answer)
		}
	}
	// One minute for all of them, not one for each batch.
	if waited := pauses.total(); waited > time.Minute || waited < 50*time.Second {
		t.Errorf("%s in all: %v", waited, pauses.all())
	}
	if heard := s.heard(); len(heard) != len(pauses.all())+3 {
		t.Errorf("%d pauses, requests of %v lines", len(pauses.all()), heard)
	}
}

func TestAContextThatEndsSaysWhichJobsWereNotAnswered(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	s := newRoomy(t, func(int) int { return 2 })
	c := quick(t, s)
	c.clock.sleep = func(ctx context.Context, pause time.Duration) error {
		leave()
		return sleep(ctx, pause)
	}
	answers, err := c.SubmitMany(ctx, numbered(2*linesAtOnce))
	if !errors.Is(err, context.Canceled) || len(s.heard()) != 1 {
		t.Fatal(err, s.heard())
	}
	for i, answer := range answers {
		switch {
		case i < 2 && answer.ID != "":
		case i >= 2 && i < linesAtOnce && errors.Is(answer.Err, CodeQueueFull):
		case i >= linesAtOnce && errors.Is(answer.Err, context.Canceled):
		default:
			t.Fatal(i, answer)
		}
	}
}

func TestWhatWasAnsweredIsToldWhereTheRestIsNot(t *testing.T) {
	var requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			fmt.Fprint(w, `{"id":"job_1"}`+"\n"+`{"error":{"code":"queue_full","detail":"no room"}}`+"\n")
			_ = http.NewResponseController(w).Flush()
		}
		hangUp(w)
	}))
	answers, err := c.SubmitMany(t.Context(), numbered(3))
	var lost *lostError
	if !errors.As(err, &lost) || len(answers) != 3 || answers[0] != (Submission{ID: "job_1"}) || requests.Load() < 3 {
		t.Fatal(answers, err, requests.Load())
	}
	// The second was refused, and has been sent again since: by the last that is known it may be there.
	if answers[1].Err != err || answers[2].Err != err {
		t.Error(answers)
	}
	if answers, err := c.SubmitMany(t.Context(), nil); err != nil || len(answers) != 0 {
		t.Error(answers, err)
	}
}

func TestListGoesThroughPagesAsTheyAreNeeded(t *testing.T) {
	var requests seen
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.take(r)
		query := r.URL.Query()
		if query.Get("state") != "done,failed" || query.Get("metadata.report") != "2026-07" || query.Get("limit") != "2" {
			t.Error(r.URL)
		}
		cursor := query.Get("cursor")
		next := map[string]string{"": "one", "one": "two", "two": ""}[cursor]
		writeJSON(w, http.StatusOK, map[string]any{
			"data": []any{job("job_a"+cursor, StateDone), job("job_b"+cursor, StateDone)}, "has_more": next != "", "next_cursor": next,
		})
	}))
	options := ListOptions{States: []State{StateDone, StateFailed}, Metadata: map[string]string{"report": "2026-07"}, PageSize: 2}
	var ids []string
	for job, err := range c.List(t.Context(), options) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, job.ID)
		if len(ids) == 3 && len(requests.all()) != 2 {
			t.Error("pages were fetched ahead")
		}
	}
	if strings.Join(ids, " ") != "job_a job_b job_aone job_bone job_atwo job_btwo" {
		t.Error(ids)
	}
}

func TestANewJobIsWrittenAsForemanReadsIt(t *testing.T) {
	n := Chat("m", Message{"user", "hi"})
	n.Priority, n.StartTimeout, n.Retention = PriorityBatch, 1, 3600e9
	n.Webhook = &Webhook{URL: "https://a/"}
	want := `{"request":{"messages":[{"role":"user","content":"hi"}],"model":"m"},"kind":"chat","priority":"batch",` +
		`"start_timeout_s":1,"retention_s":3600,"webhook":{"url":"https://a/"}}`
	if got := mustJSON(t, n); got != want {
		t.Error(got)
	}
}
