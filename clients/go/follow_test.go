package foreman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// recorded is a stream of foreman's: a job that was tried twice, with letters of several bytes.
func recorded(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/stream.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const recordedText = "wörd🦙0 wörd🦙1 wörd🦙2"

// after gives what comes behind the event of that place.
func after(stream, place string) string {
	if place == "" {
		return stream
	}
	_, rest, found := strings.Cut(stream, "id: "+place+"\n")
	if !found {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "\n\n")
	return rest
}

// sendRaw answers with a stream that is cut behind so many bytes, as a connection is that dies.
func sendRaw(w http.ResponseWriter, stream string, bytes int) {
	connection, buffer, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	fmt.Fprint(buffer, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", stream[:bytes])
	buffer.Flush()
}

func TestAStreamThatIsCutAtAnyByteIsToldWholeAndOnce(t *testing.T) {
	stream := recorded(t)
	var whole []string
	var at, requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest := after(stream, r.Header.Get("Last-Event-ID"))
		if requests.Add(1) == 1 {
			sendRaw(w, rest, int(at.Load()))
		} else {
			sendRaw(w, rest, len(rest))
		}
	}))
	for cut := len(stream); cut >= 0; cut-- {
		at.Store(int32(cut))
		requests.Store(0)
		places, text, err := followed(t.Context(), c)
		if cut == len(stream) {
			whole = places
		}
		if err != nil || text != recordedText || strings.Join(places, " ") != strings.Join(whole, " ") {
			t.Fatalf("cut at %d: %v %q %v", cut, err, text, places)
		}
	}
	if len(whole) != strings.Count(stream, "\nid: ") {
		t.Errorf("%d events of %d", len(whole), strings.Count(stream, "\nid: "))
	}
}

// followed gives the places of all events that are kept, and the text.
func followed(ctx context.Context, c *Client) (places []string, text string, err error) {
	var transcript Transcript
	for event, err := range c.Follow(ctx, "job_1", FollowOptions{}) {
		if err == nil {
			_, _, err = transcript.Take(event)
		}
		if err != nil {
			return places, "", err
		}
		if event.Place != "" {
			places = append(places, event.Place)
		}
	}
	return places, transcript.Text("content", 0), nil
}

func TestTheEndsOfAStream(t *testing.T) {
	stream := recorded(t)
	begin := stream[:strings.Index(stream, "event: job.working")]
	begin = begin[:strings.LastIndex(begin, "id: ")]
	for _, reason := range []string{"max_duration", "shutdown"} {
		var requests atomic.Int32
		c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 {
				first := begin + "event: stream.end\ndata: {\"reason\":\"" + reason + "\"}\n\n"
				sendRaw(w, first, len(first))
				return
			}
			rest := after(stream, r.Header.Get("Last-Event-ID"))
			sendRaw(w, rest, len(rest))
		}))
		places, text, err := followed(t.Context(), c)
		if err != nil || text != recordedText || requests.Load() != 2 || len(places) == 0 {
			t.Errorf("%s: %v %q after %d requests", reason, err, text, requests.Load())
		}
	}
}

func TestAJobOfWhichAllIsKnownEndsAtOnce(t *testing.T) {
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") == "job_1:9" {
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	for event, err := range c.Follow(t.Context(), "job_1", FollowOptions{After: "job_1:9"}) {
		t.Error(event, err)
	}
}

func TestAStreamOfANewerServer(t *testing.T) {
	stream := "retry: 2000\n\nid: job_1:1\nevent: job.levitating\n" +
		`data: {"id":"evt_1","type":"job.levitating","job_id":"job_1","seq":1,"mood":"high","data":{"height_m":2}}` + "\n\n" +
		"event: weather\ndata: sunny\ndata: and warm\n\n" +
		"shape: round\nid: job_1:2\nevent: job.evaporated\n" + `data: {"type":"job.evaporated","seq":2,"data":{}}` + "\n\n" +
		"event: stream.end\ndata: {\"reason\":\"terminal\",\"why\":[]}\n\n"
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { sendRaw(w, stream, len(stream)) }))
	var got []Event
	for event, err := range c.Follow(t.Context(), "job_1", FollowOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, event)
	}
	if len(got) != 3 || got[0].Type != "job.levitating" || string(got[0].Extra["mood"]) != `"high"` || string(got[0].Data) != `{"height_m":2}` {
		t.Errorf("%+v", got)
	}
	if got[1].Type != "weather" || string(got[1].Data) != "sunny\nand warm" || got[1].Place != "" || got[2].Place != "job_1:2" {
		t.Errorf("%+v", got[1:])
	}
}

func TestASilentStreamIsLeftAndComesAgain(t *testing.T) {
	stream := recorded(t)
	var requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		sendRaw(w, stream, len(stream))
	}))
	c.silence = 20 * time.Millisecond
	if _, text, err := followed(t.Context(), c); err != nil || text != recordedText || requests.Load() < 2 {
		t.Error(err, text, requests.Load())
	}
}

func TestFollowGivesUpWhatWillNotGetBetter(t *testing.T) {
	var requests atomic.Int32
	refusing := func(status int, code Code) *Client {
		requests.Store(0)
		return quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			writeProblem(w, status, code, false)
		}))
	}
	for status, code := range map[int]Code{401: CodeUnauthorized, 404: CodeNotFound, 410: CodeJobDataRemoved, 400: "invalid_event_id"} {
		_, _, err := followed(t.Context(), refusing(status, code))
		if !errors.Is(err, code) || requests.Load() != 1 {
			t.Error(err, requests.Load())
		}
	}
}

func TestAnOutageIsHeldOutForSoLong(t *testing.T) {
	stream := recorded(t)
	var requests atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			sendRaw(w, stream, len(stream)/2)
			return
		}
		hangUp(w)
	})
	c, pauses := counted(t, handler, WithRetryLimit(0), WithMaxOutage(time.Hour))
	for name, answered := range map[string]int32{"that was answered": 0, "that never was": 1} {
		requests.Store(answered)
		before := pauses.total()
		_, _, err := followed(t.Context(), c)
		var lost *lostError
		// What is missing to the limit is less than the next pause.
		if waited := pauses.total() - before; !errors.As(err, &lost) || waited > time.Hour || waited < time.Hour-longestPause {
			t.Errorf("one %s: %v after %s", name, err, waited)
		}
	}
	if _, err := c.Wait(t.Context(), "job_1"); err == nil || pauses.total() < 3*(time.Hour-longestPause) {
		t.Error(err, pauses.total())
	}
}

func TestLeavingTheLoopClosesTheStream(t *testing.T) {
	stream := recorded(t)
	left := make(chan struct{})
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, stream[:len(stream)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	}))
	for _, err := range c.Follow(t.Context(), "job_1", FollowOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	<-left
}

func TestWaitHoldsOnUntilTheJobHasEnded(t *testing.T) {
	var requests atomic.Int32
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Prefer") != "wait="+strconv.Itoa(int(longPoll.Seconds())) {
			t.Error(r.Header)
		}
		switch n := requests.Add(1); {
		case n == 1:
			writeJSON(w, http.StatusOK, job("job_1", StateQueued))
		case n < 10:
			hangUp(w)
		default:
			writeJSON(w, http.StatusOK, job("job_1", StateDone))
		}
	}), WithRetryLimit(0)) // that is for one call alone
	ended, err := c.Wait(t.Context(), "job_1")
	if err != nil || ended.State != StateDone || requests.Load() != 10 {
		t.Error(ended, err, requests.Load())
	}
}
