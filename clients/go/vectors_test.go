package foreman

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// vectors reads the cases of a file of vectors, which foreman and its other
// clients are held against too: see clients/vectors/README.md of its repository.
func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	path := filepath.Join("..", "vectors", name+".json")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("there is no %s: the fixed vectors lie beside this module in foreman's repository, "+
			"so this test needs the whole of that and not the module alone", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	var cases []T
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s has no case", path)
	}
	return cases
}

// said is a part of a stream.
type said struct {
	SSE string `json:"sse"`
	// Where to go on from behind it; empty: as before.
	Place string `json:"place"`
	// The event that it hands out; nil for none.
	Tells map[string]any `json:"tells"`
}

func sseOf(stream []said) string {
	var text strings.Builder
	for _, part := range stream {
		text.WriteString(part.SSE)
	}
	return text.String()
}

func toldBy(stream []said) []said {
	var told []said
	for _, part := range stream {
		if part.Tells != nil {
			told = append(told, part)
		}
	}
	return told
}

// byteByByte hands answers out a byte at a time.
type byteByByte struct{}

func (byteByByte) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{iotest.OneByteReader(answer.Body), answer.Body}
	}
	return answer, err
}

func TestVectorsOfEvents(t *testing.T) {
	type textPart struct {
		Channel string `json:"channel"`
		Index   int    `json:"index"`
		Text    string `json:"text"`
		Reset   bool   `json:"reset"`
	}
	for _, test := range vectors[struct {
		Name    string     `json:"name"`
		JobID   string     `json:"job_id"`
		Stream  []said     `json:"stream"`
		Text    []textPart `json:"text"`
		NotDone State      `json:"not_done"`
		Missing *struct {
			Channel     string
			Index       int
			Had, Offset int
		} `json:"missing"`
	}](t, "events") {
		for how, client := range map[string]*http.Client{"whole": {}, "byte by byte": {Transport: byteByByte{}}} {
			t.Run(how+": "+test.Name, func(t *testing.T) {
				stream := sseOf(test.Stream)
				c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					sendRaw(w, stream, len(stream))
				}), WithHTTPClient(client), WithRetryLimit(0), WithMaxOutage(0))
				checkEvents(t, c, test.JobID, "", toldBy(test.Stream))

				parts := []textPart{}
				var err error
				for part, failed := range c.Text(t.Context(), test.JobID) {
					if err = failed; err == nil {
						parts = append(parts, textPart{part.Channel, part.Index, part.Text, part.Reset})
					}
				}
				if got, want := mustJSON(t, parts), mustJSON(t, test.Text); got != want {
					t.Errorf("text\n%s, wanted\n%s", got, want)
				}
				var notDone *JobError
				if errors.As(err, &notDone) && notDone.State == test.NotDone {
					err = nil
				} else if test.NotDone != "" {
					t.Errorf("%v, wanted a job that is %s", err, test.NotDone)
				}
				var missing *TextMissingError
				if want := test.Missing; want != nil {
					if !errors.As(err, &missing) || *missing != (TextMissingError{TextKey{want.Channel, want.Index}, want.Had, want.Offset}) {
						t.Errorf("%v, wanted %+v", err, *want)
					}
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// checkEvents follows a job and holds each event, its place and its number against what a stream tells.
func checkEvents(t *testing.T, c *Client, jobID, after string, want []said) {
	t.Helper()
	n := 0
	for event, err := range c.Follow(t.Context(), jobID, FollowOptions{After: after}) {
		if err != nil || n == len(want) {
			t.Fatalf("after %d events of %d: %v %v", n, len(want), event, err)
		}
		got := fieldsOf(t, event, want[n].Tells)
		if !reflect.DeepEqual(got, want[n].Tells) || event.Place != want[n].Place {
			t.Errorf("event %d\n%s at %q, wanted\n%s at %q", n, mustJSON(t, got), event.Place, mustJSON(t, want[n].Tells), want[n].Place)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d events of %d", n, len(want))
	}
}

// fieldsOf gives the event as JSON has it. A field that is zero is there where it is wanted.
func fieldsOf(t *testing.T, event Event, wanted map[string]any) map[string]any {
	t.Helper()
	fields := map[string]any{"type": string(event.Type), "data": contentOf(event.Data)}
	set := func(name string, value any, zero bool) {
		if _, ok := wanted[name]; ok || !zero {
			fields[name] = value
		}
	}
	set("id", event.ID, event.ID == "")
	set("job_id", event.JobID, event.JobID == "")
	set("seq", float64(event.Seq), event.Seq == 0)
	set("attempt", float64(event.Attempt), event.Attempt == 0)
	set("created_at", event.CreatedAt.Format("2006-01-02T15:04:05.000Z07:00"), event.CreatedAt.IsZero())
	for name, value := range event.Extra {
		fields[name] = contentOf(value)
	}
	return fields
}

// contentOf reads JSON; what is none is itself.
func contentOf(data []byte) any {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return string(data)
	}
	return value
}

func TestVectorsOfErrors(t *testing.T) {
	for _, test := range vectors[struct {
		Name    string            `json:"name"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		Says    struct {
			Code        Code    `json:"code"`
			Detail      string  `json:"detail"`
			Retryable   bool    `json:"retryable"`
			RetryAfterS float64 `json:"retry_after_s"`
			RequestID   string  `json:"request_id"`
			Faults      []Fault `json:"faults"`
		} `json:"says"`
	}](t, "errors") {
		t.Run(test.Name, func(t *testing.T) {
			c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range test.Headers {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.Status)
				_, _ = io.WriteString(w, test.Body)
			}), WithRetryLimit(0))
			_, err := c.Queue(t.Context())
			var got *Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			says := test.Says
			after := time.Duration(says.RetryAfterS * float64(time.Second))
			want := &Error{test.Status, says.Code, says.Detail, says.Retryable, after, says.RequestID, says.Faults}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, wanted\n%+v", got, want)
			}
		})
	}
}

// signatureCase is one of signatures.json.
type signatureCase struct {
	Name       string            `json:"name"`
	Secrets    []string          `json:"secrets"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
	NowS       int64             `json:"now_s"`
	ToleranceS int               `json:"tolerance_s"`
	Verdict    string            `json:"verdict"`
	OffS       float64           `json:"off_s"`
}

func headersOf(values map[string]string) http.Header {
	header := http.Header{}
	for name, value := range values {
		header.Set(name, value)
	}
	return header
}

func TestVectorsOfSignatures(t *testing.T) {
	for _, test := range vectors[signatureCase](t, "signatures") {
		t.Run(test.Name, func(t *testing.T) {
			header := headersOf(test.Headers)
			tolerance := time.Duration(test.ToleranceS) * time.Second
			message, err := VerifyWebhook([]byte(test.Body), header, test.Secrets, time.Unix(test.NowS, 0), tolerance)
			if got := verdictOf(err); got != test.Verdict {
				t.Errorf("%s (%v), wanted %s", got, err, test.Verdict)
			}
			if err == nil && message.ID != header.Get("webhook-id") {
				t.Error(message.ID)
			}
			var off *TimestampError
			if errors.As(err, &off) && off.Off.Seconds() != test.OffS {
				t.Errorf("%s off, wanted %v s", off.Off, test.OffS)
			}
		})
	}
}

func verdictOf(err error) string {
	for verdict, is := range map[string]error{
		"headers": ErrWebhookHeader, "secret": ErrSecret, "signature": ErrSignature, "timestamp": ErrTimestamp,
	} {
		if errors.Is(err, is) {
			return verdict
		}
	}
	if err != nil {
		return "body"
	}
	return "accepted"
}
