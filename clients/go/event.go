package foreman

import (
	"encoding/json"
	"fmt"
	"time"
)

// EventType names what an event tells. A newer foreman may have others.
type EventType string

// The types of events of a job.
const (
	EventQueued    EventType = "job.queued"
	EventLoading   EventType = "job.loading"
	EventWorking   EventType = "job.working"
	EventRetrying  EventType = "job.retrying"
	EventCanceling EventType = "job.canceling"
	EventDone      EventType = "job.done"
	EventFailed    EventType = "job.failed"
	EventCanceled  EventType = "job.canceled"
	EventExpired   EventType = "job.expired"
	// EventOutput is a piece of the answer, see [Event.Piece].
	EventOutput EventType = "job.output"
	// EventOutputSnapshot is a piece in the place of all before it.
	EventOutputSnapshot EventType = "job.output_snapshot"
	// EventOutputReset voids the text so far: another attempt begins anew.
	EventOutputReset EventType = "job.output_reset"
	// EventProgress and EventPosition tell how things stand now. They are not kept.
	EventProgress EventType = "job.progress"
	EventPosition EventType = "queue.position"
	// EventGap tells that something before the next event is missing for good. The
	// text comes anew, so begin with nothing.
	EventGap EventType = "stream.gap"
)

// Event is what happened to a job.
type Event struct {
	// Place is where to go on from, see [FollowOptions]. Empty for events that
	// nobody keeps.
	Place string `json:"-"`
	// ID is the same in every stream and in webhooks.
	ID    string    `json:"id"`
	Type  EventType `json:"type"`
	JobID string    `json:"job_id"`
	// Seq counts the events of the job from 1 without a gap; 0 for those that
	// nobody keeps.
	Seq       int       `json:"seq"`
	Attempt   int       `json:"attempt"`
	CreatedAt time.Time `json:"created_at"`
	// Data depends on the type. Of types that this package does not know it is as
	// it came.
	Data  json.RawMessage `json:"data"`
	Extra Extra           `json:"-"`
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (e *Event) UnmarshalJSON(data []byte) error {
	type known Event
	extra, err := decodeOpen(data, (*known)(e))
	e.Extra = extra
	return err
}

// Final tells whether it is the last event of its job, which has the job in it.
func (e *Event) Final() bool {
	switch e.Type {
	case EventDone, EventFailed, EventCanceled, EventExpired:
		return true
	}
	return false
}

// Job is the job that a final event has. Results above 16 KiB are not in it: see
// [Client.Get].
func (e *Event) Job() (*Job, error) {
	if !e.Final() {
		return nil, fmt.Errorf("foreman: %s has no job", e.Type)
	}
	job := new(Job)
	return job, e.decode(job)
}

// Piece is a part of the text of an answer.
type Piece struct {
	Text string `json:"text"`
	// Offset counts the code points before it, of its channel and index.
	Offset int `json:"offset"`
	// Channel is "content", "thinking" or "tool_call".
	Channel string `json:"channel"`
	// Index tells calls of tools apart.
	Index int `json:"index"`
}

// Piece is that of an output or a snapshot.
func (e *Event) Piece() (Piece, error) {
	var piece Piece
	if e.Type != EventOutput && e.Type != EventOutputSnapshot {
		return piece, fmt.Errorf("foreman: %s has no piece", e.Type)
	}
	return piece, e.decode(&piece)
}

func (e *Event) decode(into any) error {
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("foreman: the data of %s: %w", e.Type, err)
	}
	return nil
}

// readEvent makes an event of a frame. What is not shaped as foreman's events are has its data as it came.
func readEvent(f frame) Event {
	var e Event
	if json.Unmarshal(f.data, &e) != nil || e.Type == "" {
		e = Event{Type: EventType(firstOf(f.event, "message")), Data: f.data}
	}
	e.Place = f.id
	return e
}
