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
)

// linesAtOnce is how many jobs one request has, so that it is no more than these
// which are sent again.
const linesAtOnce = 500

// Submission is what became of one job of [Client.SubmitMany].
type Submission struct {
	// ID of the job; empty where it was refused.
	ID string
	// Replayed: its idempotency key had made this job before.
	Replayed bool
	// Err is nil where there is a job. Else it is an [*Error] that says why this job
	// was refused, or SubmitMany's own error, where it was not answered.
	Err error
}

// SubmitMany hands jobs in, 500 by one request, and gives what became of each in
// their order. One that is refused stops no other. Those that there is no room for
// ([CodeQueueFull] and the like) are sent again, with the same keys, until there is:
// they are refused where [WithRetryLimit] has passed since one was taken. Where the
// connection breaks, those that were not answered are sent again, with the same
// keys too. Its own error means that a whole request was refused, that foreman was
// away for that long, or that ctx is over: jobs that were not answered have it as
// their Err. Hand those in again, with keys of your own if none may be there twice.
func (c *Client) SubmitMany(ctx context.Context, jobs []NewJob) ([]Submission, error) {
	lines, err := linesOf(jobs)
	if err != nil {
		return nil, err
	}
	submissions := make([]Submission, len(jobs))
	// One for all: the next batch finds no more room than this one.
	waiting := patience{client: c, limit: c.retryLimit, repeatable: true}
	for batch := range slices.Chunk(lines, linesAtOnce) {
		if err = c.settle(ctx, &waiting, batch, submissions); err != nil {
			break
		}
	}
	for i := range submissions {
		if s := &submissions[i]; s.ID == "" && s.Err == nil {
			s.Err = err
		}
	}
	return submissions, err
}

// line is a job among many.
type line struct {
	// Its place among those that are handed in.
	index int
	text  []byte
}

func linesOf(jobs []NewJob) ([]line, error) {
	lines := make([]line, len(jobs))
	for i, job := range jobs {
		text, err := json.Marshal(job.withKey())
		if err != nil {
			return nil, fmt.Errorf("foreman: job %d: %w", i, err)
		}
		lines[i] = line{i, append(text, '\n')}
	}
	return lines, nil
}

// settle sends lines until each is taken, is refused for good, or is refused for
// want of room for as long as there is patience.
func (c *Client) settle(ctx context.Context, waiting *patience, open []line, submissions []Submission) error {
	for {
		answers, err := c.submitLines(ctx, open)
		rest := unsettled(open, answers, submissions)
		if len(rest) < len(open) {
			waiting.succeeded()
		}
		if len(rest) == 0 {
			return nil
		}
		open = rest
		why := err
		if why == nil {
			why = noRoom(submissions[open[0].index].Err)
		}
		if failed := waiting.again(ctx, why); failed != nil {
			if err == nil && ctx.Err() == nil {
				// They stay refused.
				return nil
			}
			return failed
		}
	}
}

// unsettled notes the answers to the first of the lines, and gives those to send again.
func unsettled(lines []line, answers, submissions []Submission) (rest []line) {
	for n, line := range lines {
		// What was told of it before does not count: it may have been taken since.
		submissions[line.index] = Submission{}
		if n < len(answers) {
			submissions[line.index] = answers[n]
		}
		if n >= len(answers) || lacksRoom(answers[n].Err) {
			rest = append(rest, line)
		}
	}
	return rest
}

// submitLines sends the lines once, and gives the answers that came before an error.
func (c *Client) submitLines(ctx context.Context, lines []line) ([]Submission, error) {
	var body []byte
	for _, line := range lines {
		body = append(body, line.text...)
	}
	answer, err := c.sendOnce(ctx, call{
		method: http.MethodPost,
		path:   jobsPath,
		header: map[string]string{"Content-Type": "application/x-ndjson"},
		body:   func() (io.Reader, error) { return bytes.NewReader(body), nil },
	})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var answers []Submission
	reader := bufio.NewReader(answer.Body)
	for range lines {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return answers, &lostError{err}
		}
		submission, err := readSubmission(line)
		if err != nil {
			return answers, &malformedError{"POST " + jobsPath, err}
		}
		answers = append(answers, submission)
	}
	return answers, nil
}

func readSubmission(line []byte) (Submission, error) {
	var told struct {
		ID       string `json:"id"`
		Replayed bool   `json:"replayed"`
		Error    *struct {
			Code    Code   `json:"code"`
			Detail  string `json:"detail"`
			Pointer string `json:"pointer"`
		} `json:"error"`
	}
	if err := json.Unmarshal(line, &told); err != nil {
		return Submission{}, err
	}
	if told.Error == nil && told.ID == "" {
		return Submission{}, errors.New("a line that says nothing")
	}
	if told.Error == nil {
		return Submission{ID: told.ID, Replayed: told.Replayed}, nil
	}
	refused := &Error{Code: told.Error.Code, Detail: told.Error.Detail, Retryable: slices.Contains(roomCodes, told.Error.Code)}
	if told.Error.Pointer != "" {
		refused.Faults = []Fault{{Pointer: told.Error.Pointer, Detail: told.Error.Detail}}
	}
	return Submission{Err: refused}, nil
}

// roomCodes are those of refusals that pass, as jobs are run.
var roomCodes = []Code{CodeQueueFull, "storage_low", CodeDraining, CodeRateLimited, CodeQueueQuotaExceeded}

func lacksRoom(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && slices.Contains(roomCodes, refused.Code)
}

// noRoom is the refusal of a line as one of a whole request, which would have a status.
func noRoom(err error) error {
	var refused *Error
	errors.As(err, &refused)
	whole := *refused
	whole.Status = http.StatusServiceUnavailable
	return &whole
}
