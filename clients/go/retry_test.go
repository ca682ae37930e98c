package foreman

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestA503WithRetryAfterIsMadeAgainAfterThatTime(t *testing.T) {
	var requests seen
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.take(r)
		if len(requests.all()) == 1 {
			w.Header().Set("Retry-After", "1")
			writeProblem(w, http.StatusServiceUnavailable, CodeQueueFull, true)
			return
		}
		writeJSON(w, http.StatusAccepted, job("job_1", StateQueued))
	}))
	// By the time that passes.
	c.clock = New("", "").clock
	began := time.Now()
	accepted, err := c.Submit(t.Context(), Generate("llama3.2", "Why?"))
	if err != nil || accepted.ID != "job_1" {
		t.Fatal(accepted, err)
	}
	if waited := time.Since(began); waited < time.Second {
		t.Errorf("waited %s", waited)
	}
	all := requests.all()
	first, second := all[0].header.Get("Idempotency-Key"), all[1].header.Get("Idempotency-Key")
	if len(all) != 2 || first == "" || first != second {
		t.Errorf("%d requests with the keys %q and %q", len(all), first, second)
	}
	if got := all[0].header.Get("Authorization"); got != "Bearer a-token" {
		t.Errorf("authorization %q", got)
	}
}

func TestARefusalTellsAllThatForemanSaid(t *testing.T) {
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusUnprocessableEntity, CodeValidationFailed, false, Fault{"/priority", "must be one of"})
	}))
	_, err := c.Submit(t.Context(), NewJob{Request: map[string]any{}})
	var refused *Error
	if !errors.As(err, &refused) || !errors.Is(err, CodeValidationFailed) || errors.Is(err, CodeNotFound) {
		t.Fatal(err)
	}
	if refused.Status != 422 || refused.Retryable || refused.RequestID != "req_1" || refused.Faults[0].Pointer != "/priority" {
		t.Errorf("%+v", refused)
	}
	if text := err.Error(); text != "foreman: 422 validation_failed: the words; /priority must be one of" {
		t.Error(text)
	}
}

func TestWhichFailuresAreMadeAgain(t *testing.T) {
	// The pauses are up to 250, 500 and 1000 ms, and a quarter less at most: within a second there are two of them.
	const times, limit = 3, time.Second
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		submit int
		retry  int
	}{
		"503":                     {func(w http.ResponseWriter) { writeProblem(w, 503, CodeDraining, true) }, times, times},
		"429 of a rate":           {func(w http.ResponseWriter) { writeProblem(w, 429, CodeRateLimited, true) }, times, times},
		"429 of wrong tokens":     {func(w http.ResponseWriter) { writeProblem(w, 429, "too_many_failed_logins", false) }, 1, 1},
		"409 that can be retried": {func(w http.ResponseWriter) { writeProblem(w, 409, CodeJobNotFinished, true) }, 1, 1},
		"502 of foreman's target": {func(w http.ResponseWriter) { writeProblem(w, 502, "target_unreachable", true) }, 1, 1},
		"404":                     {func(w http.ResponseWriter) { writeProblem(w, 404, CodeNotFound, false) }, 1, 1},
		"a cut connection":        {hangUp, times, 1},
		"502 of a proxy":          {func(w http.ResponseWriter) { w.WriteHeader(502) }, times, 1},
		"500":                     {func(w http.ResponseWriter) { writeProblem(w, 500, "internal", false) }, 1, 1},
		"a page, not foreman's":   {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, 1, 1},
		"an answer cut in two":    {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); _, _ = w.Write([]byte("{")) }, times, 1},
		"a redirect":              {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.2/"); w.WriteHeader(307) }, 1, 1},
		"a Retry-After of a week": {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "604800"); w.WriteHeader(503) }, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var requests seen
			c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.take(r)
				test.answer(w)
			}), WithRetryLimit(limit))
			_, err := c.Submit(t.Context(), Generate("m", "p"))
			submitted := len(requests.all())
			_, errRetry := c.Retry(t.Context(), "job_1")
			retried := len(requests.all()) - submitted
			if err == nil || errRetry == nil || submitted != test.submit || retried != test.retry {
				t.Errorf("submit %d times (%v), retry %d times (%v)", submitted, err, retried, errRetry)
			}
		})
	}
}

func TestACallIsTriedForAMinute(t *testing.T) {
	tried := func(answer func(http.ResponseWriter)) ([]time.Duration, error) {
		c, pauses := counted(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		_, err := c.Queue(t.Context())
		return pauses.all(), err
	}
	list, err := tried(hangUp)
	var lost *lostError
	if !errors.As(err, &lost) {
		t.Error(err)
	}
	longest, sum := 250*time.Millisecond, time.Duration(0)
	for _, pause := range list {
		if pause > longest || pause < longest*3/4 {
			t.Errorf("a pause of %s, wanted up to a quarter less than %s", pause, longest)
		}
		sum += pause
		longest = min(2*longest, 10*time.Second)
	}
	if sum > time.Minute || sum < 50*time.Second {
		t.Errorf("%s in all: %v", sum, list)
	}
	for after, want := range map[string]int{"30": 2, "60": 1, "61": 0} {
		list, err := tried(func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", after)
			writeProblem(w, http.StatusServiceUnavailable, CodeDraining, true)
		})
		if !errors.Is(err, CodeDraining) || len(list) != want {
			t.Errorf("Retry-After: %s gives %v after %v", after, err, list)
		}
	}
}

func TestADeadlineThatComesBeforeRetryAfterIsNotWaitedFor(t *testing.T) {
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		writeProblem(w, http.StatusServiceUnavailable, CodeDraining, true)
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.Queue(ctx)
	var refused *Error
	if !errors.As(err, &refused) || refused.RetryAfter != 30*time.Second || ctx.Err() != nil {
		t.Error(err)
	}
}

func TestAContextEndsTheWaitBetweenTries(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		writeProblem(w, http.StatusServiceUnavailable, CodeDraining, true)
		time.AfterFunc(time.Millisecond, cancel)
	}))
	c.clock = New("", "").clock
	if _, err := c.Queue(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRetryAfterAsADateIsHeldAgainstTheClockOfTheServer(t *testing.T) {
	sent := time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Second)
	header := http.Header{
		"Date":        {sent.Format(http.TimeFormat)},
		"Retry-After": {sent.Add(7 * time.Second).Format(http.TimeFormat)},
	}
	if got := retryAfter(header); got != 7*time.Second {
		t.Error(got)
	}
	for _, text := range []string{"", "soon", "-3"} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != 0 {
			t.Errorf("%q gives %s", text, got)
		}
	}
}

func TestErrorsOfTheNativeRoutesAreRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"model 'x' not found"}`:                          "model 'x' not found",
		`{"error":{"message":"no such model","type":"api_error"}}`: "no such model",
		`<html>`: "Not Found",
	} {
		c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(body))
		}))
		_, err := c.Embed(t.Context(), EmbedRequest{Model: "x"})
		var refused *Error
		if !errors.As(err, &refused) || refused.Detail != want || refused.Code != "" {
			t.Errorf("%s gives %v", body, err)
		}
	}
}

func TestABaseURLThatIsNoneIsTheErrorOfEachCall(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://a", "http://", "http://a b", "/jobs"} {
		if _, err := New(base, "").Queue(t.Context()); err == nil || !strings.Contains(err.Error(), "base URL") {
			t.Errorf("%q gives %v", base, err)
		}
	}
}

func TestATokenInTheBaseURLIsInNoError(t *testing.T) {
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hangUp(w) }), WithRetryLimit(0))
	c.base.Path = "/t/fm_secret"
	_, err := c.Get(t.Context(), "job_1")
	var lost *url.Error
	if !errors.As(err, &lost) || strings.Contains(err.Error(), "fm_secret") || !strings.Contains(err.Error(), "/jobs/job_1") {
		t.Fatal(err)
	}
}

func TestDeletingAgainAfterALostAnswerIsNoError(t *testing.T) {
	var requests seen
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.take(r)
		if len(requests.all()) == 1 {
			hangUp(w)
			return
		}
		writeProblem(w, http.StatusGone, CodeJobDataRemoved, false)
	}))
	if err := c.Delete(t.Context(), "job_1"); err != nil || len(requests.all()) != 2 {
		t.Error(err, len(requests.all()))
	}
}
