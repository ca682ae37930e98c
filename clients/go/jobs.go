package foreman

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

const (
	jobsPath = "/jobs"
	// The longest wait that foreman holds an answer back for is 60 s.
	longPoll       = 50 * time.Second
	longPollHeader = "wait=50"
	// What a held answer may be late by before the connection counts as lost.
	longPollSlack = 15 * time.Second
)

// Submit hands a job in, and gives it as it was accepted. When it returns without
// an error the job is on foreman's disk. A call that broke is made again with the
// same key and is one job; a key of your own has that hold over a crash of your
// program. The same key with another job is [CodeIdempotencyKeyReused].
func (c *Client) Submit(ctx context.Context, job NewJob) (*Job, error) {
	job = job.withKey()
	key := job.IdempotencyKey
	// In the body it is for lines alone.
	job.IdempotencyKey = ""
	what, err := jsonCall(jobsPath, job)
	if err != nil {
		return nil, err
	}
	what.header["Idempotency-Key"] = key
	what.repeatable = true
	return c.askJob(ctx, what)
}

// Get gives the job as it is now. One that there is not, or that is another
// owner's, is [CodeNotFound]; one whose data was removed is [CodeJobDataRemoved].
func (c *Client) Get(ctx context.Context, id string) (*Job, error) {
	return c.askJob(ctx, call{method: http.MethodGet, path: pathOf("jobs", id), repeatable: true})
}

// Wait gives the job when it has ended, however that is: see [Job.Err]. It asks
// by requests that foreman holds open, and holds on over lost connections and
// restarts of foreman, see [WithMaxOutage]. When ctx is over the job goes on.
func (c *Client) Wait(ctx context.Context, id string) (*Job, error) {
	waiting := patience{client: c, limit: c.maxOutage, repeatable: true}
	for {
		job, err := c.poll(ctx, id)
		switch {
		case err == nil && job.Ended():
			return job, nil
		case err == nil:
			waiting.succeeded()
		default:
			if err := waiting.again(ctx, err); err != nil {
				return nil, err
			}
		}
	}
}

// poll gives the job when it has ended, or after a while.
func (c *Client) poll(ctx context.Context, id string) (*Job, error) {
	limited, cancel := context.WithTimeout(ctx, longPoll+longPollSlack)
	defer cancel()
	what := call{method: http.MethodGet, path: pathOf("jobs", id), header: map[string]string{"Prefer": longPollHeader}}
	job := new(Job)
	answer, err := c.sendOnce(limited, what)
	if err == nil {
		err = readJSON(what, job)(answer)
	}
	if err != nil && limited.Err() != nil {
		return nil, &lostError{err}
	}
	return job, err
}

// Cancel has the job ended. The state of the job that it gives tells whether it
// came too late; "canceling" is followed by "canceled".
func (c *Client) Cancel(ctx context.Context, id string) (*Job, error) {
	return c.askJob(ctx, call{method: http.MethodPost, path: pathOf("jobs", id, "cancel"), repeatable: true})
}

// Retry makes a new job of the request of one that failed, expired or was
// canceled, else it is [CodeJobNotRetryable]. It is not made again where the
// connection is lost, since there might be two then.
func (c *Client) Retry(ctx context.Context, id string) (*Job, error) {
	return c.askJob(ctx, call{method: http.MethodPost, path: pathOf("jobs", id, "retry")})
}

// Delete removes all that an ended job left; before its end it is
// [CodeJobNotFinished]. Deleting what was deleted is no error.
func (c *Client) Delete(ctx context.Context, id string) error {
	err := c.ask(ctx, call{method: http.MethodDelete, path: pathOf("jobs", id), repeatable: true}, nil)
	if errors.Is(err, CodeJobDataRemoved) {
		return nil
	}
	return err
}

func (c *Client) askJob(ctx context.Context, what call) (*Job, error) {
	job := new(Job)
	if err := c.ask(ctx, what, job); err != nil {
		return nil, err
	}
	return job, nil
}

// withQuery adds a query, unless it is empty.
func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
