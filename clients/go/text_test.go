package foreman

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
)

func pieceEvent(t *testing.T, kind EventType, piece Piece) Event {
	t.Helper()
	data, err := json.Marshal(piece)
	if err != nil {
		t.Fatal(err)
	}
	return Event{Type: kind, Data: data}
}

func TestPiecesHaveTheirPlace(t *testing.T) {
	output := func(text string, offset int) Event {
		return pieceEvent(t, EventOutput, Piece{Text: text, Offset: offset, Channel: "content"})
	}
	snapshot := func(text string) Event {
		return pieceEvent(t, EventOutputSnapshot, Piece{Text: text, Channel: "content"})
	}
	reset, gap := Event{Type: EventOutputReset}, Event{Type: EventGap}
	for name, test := range map[string]struct {
		events []Event
		parts  []string
		text   string
	}{
		"one after another":       {[]Event{output("a🦙", 0), output("b", 2)}, []string{"a🦙", "b"}, "a🦙b"},
		"the same twice":          {[]Event{output("a🦙", 0), output("a🦙", 0)}, []string{"a🦙"}, "a🦙"},
		"one that overlaps":       {[]Event{output("a🦙", 0), output("🦙b", 1)}, []string{"a🦙", "b"}, "a🦙b"},
		"an older one":            {[]Event{output("a🦙b", 0), output("🦙", 1)}, []string{"a🦙b"}, "a🦙b"},
		"a snapshot of the known": {[]Event{output("a🦙", 0), snapshot("a🦙b")}, []string{"a🦙", "b"}, "a🦙b"},
		"a reset":                 {[]Event{output("ab", 0), reset, output("c", 0)}, []string{"ab", "reset", "c"}, "c"},
		"a gap":                   {[]Event{output("ab", 0), gap, snapshot("abc")}, []string{"ab", "reset", "abc"}, "abc"},
		"a reset of nothing":      {[]Event{reset, gap, output("c", 0)}, []string{"c"}, "c"},
		"other events":            {[]Event{{Type: "job.new"}, output("c", 0)}, []string{"c"}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			var transcript Transcript
			var parts []string
			for _, event := range test.events {
				part, fresh, err := transcript.Take(event)
				if err != nil {
					t.Fatal(err)
				}
				if fresh && part.Reset {
					parts = append(parts, "reset")
				} else if fresh {
					parts = append(parts, part.Text)
				}
			}
			got, want := mustJSON(t, parts), mustJSON(t, test.parts)
			if got != want || transcript.Text("content", 0) != test.text {
				t.Errorf("%s, wanted %s; %q", got, want, transcript.Text("content", 0))
			}
		})
	}
}

func TestChannelsAndCallsAreKeptApart(t *testing.T) {
	var transcript Transcript
	for _, piece := range []Piece{
		{"hm", 0, "thinking", 0}, {"yes", 0, "content", 0}, {"{}", 0, "tool_call", 0}, {"[]", 0, "tool_call", 1},
	} {
		if _, fresh, err := transcript.Take(pieceEvent(t, EventOutput, piece)); !fresh || err != nil {
			t.Error(fresh, err)
		}
	}
	if transcript.Text("thinking", 0) != "hm" || transcript.Text("content", 0) != "yes" || transcript.Text("tool_call", 1) != "[]" {
		t.Error(transcript.texts)
	}
}

func TestAPieceBehindAHoleIsAnError(t *testing.T) {
	var transcript Transcript
	for _, piece := range []Piece{{"a🦙", 0, "content", 0}, {"c", 3, "content", 0}} {
		_, fresh, err := transcript.Take(pieceEvent(t, EventOutput, piece))
		if fresh {
			continue
		}
		var missing *TextMissingError
		if !errors.As(err, &missing) || *missing != (TextMissingError{TextKey{"content", 0}, 2, 3}) {
			t.Fatal(err)
		}
		if text := err.Error(); text != "foreman: text is missing: of content 0 there are 2 code points, and the next piece begins at 3" {
			t.Error(text)
		}
	}
	if text := transcript.Text("content", 0); text != "a🦙" {
		t.Error(text)
	}
}

func TestTextEndsWithWhyTheJobIsNotDone(t *testing.T) {
	failed := `{"type":"job.failed","data":{"id":"job_1","state":"failed","finished_at":"2026-11-23T19:57:33Z",` +
		`"error":{"code":"target_error","message":"out of memory","retryable":true,"attempt":5,"target_status":500}}}`
	stream := "event: job.failed\ndata: " + failed + "\n\n"
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { sendRaw(w, stream, len(stream)) }))
	for part, err := range c.Text(t.Context(), "job_1") {
		var why *JobError
		if !errors.As(err, &why) || !errors.Is(err, Code("target_error")) || why.Attempt != 5 || *why.TargetStatus != 500 {
			t.Error(part, err)
		}
		if text := err.Error(); text != "foreman: job_1: failed: target_error: out of memory" {
			t.Error(text)
		}
	}
}

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
