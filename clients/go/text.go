package foreman

import (
	"context"
	"fmt"
	"iter"
)

// TextKey names one text of an answer. The zero Index is the only one but for
// calls of tools.
type TextKey struct {
	// Channel is "content", "thinking" or "tool_call".
	Channel string
	Index   int
}

// TextPart is what is new in the text of an answer.
type TextPart struct {
	TextKey
	// Text goes to the end of what came before.
	Text string
	// Reset: all texts so far are void, for another attempt begins anew. Text is empty then.
	Reset bool
}

// TextMissingError is that of a piece of text that begins behind a hole: an event
// was lost, or events were followed from somewhere in the middle.
type TextMissingError struct {
	TextKey
	// Had is how many code points there are, from the beginning.
	Had int
	// Offset is where the piece begins.
	Offset int
}

// Error says which text it is, how much of it there is, and where it goes on.
func (e *TextMissingError) Error() string {
	return fmt.Sprintf("foreman: text is missing: of %s %d there are %d code points, and the next piece begins at %d",
		e.Channel, e.Index, e.Had, e.Offset)
}

// Transcript puts the text of a job together from its events. The zero one is
// ready for the first event.
type Transcript struct{ texts map[TextKey][]rune }

// Text is the text so far.
func (t *Transcript) Text(channel string, index int) string {
	return string(t.texts[TextKey{channel, index}])
}

// Take applies an event, and gives what is new; false where nothing is. The same
// event may be applied again: pieces have their places, counted in code points.
// A piece behind text that was not had is a [*TextMissingError], and changes nothing.
func (t *Transcript) Take(event Event) (TextPart, bool, error) {
	switch event.Type {
	case EventOutputReset, EventGap:
		had := len(t.texts) > 0
		t.texts = nil
		return TextPart{Reset: true}, had, nil
	case EventOutput, EventOutputSnapshot:
		piece, err := event.Piece()
		if err != nil {
			return TextPart{}, false, err
		}
		return t.place(piece)
	}
	return TextPart{}, false, nil
}

// place does text = text[:offset] + piece, and keeps what is longer than that.
func (t *Transcript) place(piece Piece) (TextPart, bool, error) {
	key := TextKey{piece.Channel, piece.Index}
	had, came := t.texts[key], []rune(piece.Text)
	if piece.Offset < 0 || piece.Offset > len(had) {
		return TextPart{}, false, &TextMissingError{key, len(had), piece.Offset}
	}
	known := len(had) - piece.Offset
	if known >= len(came) {
		return TextPart{}, false, nil
	}
	if t.texts == nil {
		t.texts = map[TextKey][]rune{}
	}
	t.texts[key] = append(had, came[known:]...)
	return TextPart{TextKey: key, Text: string(came[known:])}, true, nil
}

// Text gives the text of a job's answer as it is written, each part once, over
// lost connections and restarts as [Client.Follow] does. A part with Reset voids
// what came before. Where the job ends otherwise than done, the last thing is a
// [*JobError]; where a piece of the text was lost, a [*TextMissingError].
func (c *Client) Text(ctx context.Context, id string) iter.Seq2[TextPart, error] {
	return func(yield func(TextPart, error) bool) {
		var transcript Transcript
		for event, err := range c.Follow(ctx, id, FollowOptions{}) {
			var part TextPart
			var fresh bool
			if err == nil {
				part, fresh, err = transcript.Take(event)
			}
			if err == nil && event.Final() {
				err = jobErr(event)
			}
			if err != nil {
				yield(TextPart{}, err)
				return
			}
			if fresh && !yield(part, nil) {
				return
			}
		}
	}
}

func jobErr(final Event) error {
	job, err := final.Job()
	if err != nil {
		return err
	}
	return job.Err()
}
