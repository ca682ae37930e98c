package foreman

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"
)

// FollowOptions tell [Client.Follow] where to begin.
type FollowOptions struct {
	// After is the Place of the last event that is known. Empty: from the first.
	After string
}

// Follow gives the events of a job, from the first to the last, each once. Where
// the connection breaks or foreman is started again, it goes on behind the last
// event that it gave, see [WithMaxOutage]. It ends after the last event of the
// job, with an error as the last thing, or when the loop does. ctx bounds it.
func (c *Client) Follow(ctx context.Context, id string, options FollowOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{client: c, path: pathOf("jobs", id, "events"), place: options.After, yield: yield}
		f.waiting = patience{client: c, limit: c.maxOutage, repeatable: true}
		for !f.ended {
			err := f.connect(ctx)
			if f.ended || err == nil {
				continue
			}
			if err := f.waiting.again(ctx, err); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// follower is one loop over Follow.
type follower struct {
	client *Client
	path   string
	yield  func(Event, error) bool
	// Where to go on from.
	place string
	// Seq of the last event that was told.
	seq     int
	waiting patience
	// Nothing is to come any more, or nobody wants it.
	ended bool
}

// connect follows for as long as one connection holds. Its error tells why that
// ended, unless the job has.
func (f *follower) connect(ctx context.Context) error {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	// A living stream says something every 15 s. One that says nothing hangs.
	silence := time.AfterFunc(f.client.silence, cancel)
	defer silence.Stop()
	answer, err := f.client.sendOnce(limited, f.call())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		f.ended = true
		return nil
	}
	frames := newFrameReader(answer.Body, func() { silence.Reset(f.client.silence) })
	for !f.ended {
		next, err := frames.next()
		if err != nil {
			return &lostError{fmt.Errorf("the stream broke: %w", err)}
		}
		if next.event == "stream.end" {
			return f.end(next)
		}
		// Only what comes ends a row of failures: a stream that begins and says nothing is one more.
		f.waiting.succeeded()
		// What the caller does meanwhile is no silence of the stream.
		silence.Stop()
		f.tell(next)
		silence.Reset(f.client.silence)
	}
	return nil
}

func (f *follower) call() call {
	header := map[string]string{"Accept": "text/event-stream"}
	if f.place != "" {
		header["Last-Event-ID"] = f.place
	}
	return call{method: http.MethodGet, path: f.path, header: header}
}

// tell hands one event on, unless it was told before. One whose reader leaves was had all the same.
func (f *follower) tell(next frame) {
	event := readEvent(next)
	switch {
	case event.Type == EventGap:
		// The store may have been put back to a time before: its numbers begin there anew.
		f.seq = 0
	case event.Seq != 0 && event.Seq <= f.seq:
		return
	case event.Seq != 0:
		f.seq = event.Seq
	}
	if next.id != "" {
		f.place = next.id
	}
	f.ended = !f.yield(event, nil) || event.Final()
}

// end reads why foreman ended the stream. But for the end of the job it is a reason to come back.
func (f *follower) end(last frame) error {
	var why struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(last.data, &why); err != nil {
		return &lostError{err}
	}
	f.ended = why.Reason == "terminal"
	if f.ended {
		return nil
	}
	return &lostError{fmt.Errorf("foreman ended the stream: %s", why.Reason)}
}
