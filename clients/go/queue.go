package foreman

import (
	"context"
	"time"
)

// Depth counts waiting jobs, those that wait for a retry or their time included.
type Depth struct {
	Total       int `json:"total"`
	Interactive int `json:"interactive"`
	Normal      int `json:"normal"`
	Batch       int `json:"batch"`
}

// Queue is what waits. What this package does not know is in Extra: how good
// the estimates were, what swaps cost, and what a new job would wait.
type Queue struct {
	Depth Depth `json:"depth"`
	// MaxQueued is how many may wait.
	MaxQueued int `json:"max_queued"`
	// Runners: the loaded one first, then the deepest.
	Runners []Runner `json:"runners"`
	// Resident is the runner that has the worker; empty for none.
	Resident string `json:"resident"`
	// Busy: a job runs.
	Busy bool `json:"busy"`
	// Paused: nothing is started. Draining: nothing is accepted.
	Paused   bool `json:"paused"`
	Draining bool `json:"draining"`
	// OldestAgeS is that of the waiting jobs that may run, in seconds; nil for none.
	OldestAgeS *float64 `json:"oldest_age_s"`
	Extra      Extra    `json:"-"`
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (q *Queue) UnmarshalJSON(data []byte) error {
	type known Queue
	extra, err := decodeOpen(data, (*known)(q))
	q.Extra = extra
	return err
}

// Runner is what must be in the target's memory for a job.
type Runner struct {
	Key      string   `json:"runner"`
	Models   []string `json:"models"`
	Resident bool     `json:"resident"`
	Depth    Depth    `json:"depth"`
	// What a load and a run of it took lately: in seconds, and nil where nothing
	// was measured.
	LoadS *float64 `json:"load_s"`
	RunS  *float64 `json:"run_s"`
}

// Queue tells what waits. It names no job.
func (c *Client) Queue(ctx context.Context) (*Queue, error) {
	queue := new(Queue)
	return queue, c.get(ctx, "/queue", queue)
}

// Models is what the target has installed.
type Models struct {
	Data []Model `json:"data"`
	// Stale: the target does not give a newer list than that of PolledAt.
	Stale    bool       `json:"stale"`
	PolledAt *time.Time `json:"polled_at"`
	Target   Target     `json:"target"`
}

// Target is the Ollama server.
type Target struct {
	// Status is "up", "down" or "unknown".
	Status  string     `json:"status"`
	Since   *time.Time `json:"since"`
	Version string     `json:"version"`
}

// Model is one installed model. Numbers are nil where the target does not tell.
type Model struct {
	Name          string   `json:"name"`
	Digest        string   `json:"digest"`
	SizeBytes     int64    `json:"size_bytes"`
	Family        string   `json:"family"`
	ParameterSize string   `json:"parameter_size"`
	Quantization  string   `json:"quantization"`
	Capabilities  []string `json:"capabilities"`
	ContextLength *int     `json:"context_length"`
	// Loaded: it is in the target's memory.
	Loaded bool  `json:"loaded"`
	Depth  Depth `json:"depth"`
	Extra  Extra `json:"-"`
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (m *Model) UnmarshalJSON(data []byte) error {
	type known Model
	extra, err := decodeOpen(data, (*known)(m))
	m.Extra = extra
	return err
}

// Models tells what the target has, as foreman saw it last.
func (c *Client) Models(ctx context.Context) (*Models, error) {
	models := new(Models)
	return models, c.get(ctx, "/models", models)
}
