package foreman

import "context"

// Why tells what a job waited for, or waits for.
type Why struct {
	JobID string `json:"job_id"`
	State State  `json:"state"`
	// WaitedS is from its arrival to the begin of its last run, in seconds; until
	// now or its end where there is none.
	WaitedS float64 `json:"waited_s"`
	// Summary says it in one sentence.
	Summary string `json:"summary"`
	// Reasons, in the order in which they were first met. Those with Waiting add
	// up to WaitedS.
	Reasons []Reason `json:"reasons"`
	Extra   Extra    `json:"-"`
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (w *Why) UnmarshalJSON(data []byte) error {
	type known Why
	extra, err := decodeOpen(data, (*known)(w))
	w.Extra = extra
	return err
}

// Reason is one thing that took a part of a job's time.
type Reason struct {
	// Kind such as "behind_resident" or "swap"; there may be new ones.
	Kind string `json:"kind"`
	// Waiting: the job did not run yet.
	Waiting bool `json:"waiting"`
	// S is how long in all, in seconds, and Times how often.
	S     float64 `json:"s"`
	Times int     `json:"times"`
	// Sentence says it in words.
	Sentence string `json:"sentence"`
}

// Why explains the waiting of a job, by what foreman recorded of it.
func (c *Client) Why(ctx context.Context, id string) (*Why, error) {
	why := new(Why)
	return why, c.get(ctx, pathOf("jobs", id, "why"), why)
}
