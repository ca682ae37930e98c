package foreman

import (
	"encoding/json"
	"fmt"
	"time"
)

// State of a job. A newer foreman may have others: whether a job has ended is
// told by [Job.Ended].
type State string

// The states of a job.
const (
	StateQueued    State = "queued"
	StateLoading   State = "loading"
	StateWorking   State = "working"
	StateCanceling State = "canceling"
	StateDone      State = "done"
	StateFailed    State = "failed"
	StateCanceled  State = "canceled"
	StateExpired   State = "expired"
)

// final tells the states that have no next one.
func (s State) final() bool {
	return s == StateDone || s == StateFailed || s == StateCanceled || s == StateExpired
}

// Priority says how soon a job is due.
type Priority string

// The priorities, the most urgent first.
const (
	PriorityInteractive Priority = "interactive"
	PriorityNormal      Priority = "normal"
	PriorityBatch       Priority = "batch"
)

// Job is one accepted unit of work, as foreman shows it. Times are nil until
// they are known.
type Job struct {
	ID string `json:"id"`
	// Kind is "chat", "generate" or "embed".
	Kind string `json:"kind"`
	// Model as the caller wrote it.
	Model string `json:"model"`
	State State  `json:"state"`
	// PreviousState is empty for a job that has had one state only.
	PreviousState State `json:"previous_state"`
	// Version counts every change.
	Version int `json:"version"`
	// Seq is that of its last event.
	Seq      int      `json:"seq"`
	Priority Priority `json:"priority"`
	// Attempt counts the tries that have begun: 0 before the first.
	Attempt     int       `json:"attempt"`
	MaxAttempts int       `json:"max_attempts"`
	CreatedAt   time.Time `json:"created_at"`
	// AvailableAt: it is not started before.
	AvailableAt time.Time `json:"available_at"`
	// StartedAt and FirstTokenAt are those of the last attempt.
	StartedAt    *time.Time `json:"started_at"`
	FirstTokenAt *time.Time `json:"first_token_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	// ExpiresAt is when foreman removes the job and all that it left.
	ExpiresAt *time.Time `json:"expires_at"`
	// Queue is nil unless the job is queued.
	Queue *QueuePlace `json:"queue"`
	// Progress is nil unless a long list of texts is being embedded.
	Progress *Progress `json:"progress"`
	// Result is the target's answer in the shape of a call that does not stream:
	// nil before the end, above 256 KiB, and in lists. Then the artifact
	// "completion" has it.
	Result json.RawMessage `json:"result"`
	// Artifacts are what it made; none before the end.
	Artifacts []ArtifactRef `json:"artifacts"`
	// Usage is nil without an answer.
	Usage   *Usage  `json:"usage"`
	Timings Timings `json:"timings"`
	// Failure is nil for a job that is done, and until something went wrong.
	Failure *Failure `json:"error"`
	// RetryOf is the id of the job that this one does again; empty for none.
	RetryOf  string            `json:"retry_of"`
	Metadata map[string]string `json:"metadata"`
	Extra    Extra             `json:"-"`
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (j *Job) UnmarshalJSON(data []byte) error {
	type known Job
	extra, err := decodeOpen(data, (*known)(j))
	if string(j.Result) == "null" {
		j.Result = nil
	}
	j.Extra = extra
	return err
}

// Ended tells whether nothing becomes of the job any more.
func (j *Job) Ended() bool { return j.FinishedAt != nil || j.State.final() }

// Err is nil for a job that is done or has not ended, else a [*JobError].
func (j *Job) Err() error {
	if !j.Ended() || j.State == StateDone {
		return nil
	}
	err := &JobError{ID: j.ID, State: j.State}
	if j.Failure != nil {
		err.Failure = *j.Failure
	}
	return err
}

// Text is the text of the answer of a chat or generate job, without what it
// thought: empty without a Result, and for embeddings.
func (j *Job) Text() string {
	var result struct {
		Response string `json:"response"`
		Message  struct {
			Content string `json:"content"`
		} `json:"message"`
	}
	if json.Unmarshal(j.Result, &result) != nil {
		return ""
	}
	return result.Response + result.Message.Content
}

// QueuePlace is what foreman thinks of the wait of a queued job. It moves without
// a new version of the job.
type QueuePlace struct {
	// Position counts the jobs that are likely to run before it.
	Position int `json:"position"`
	// StartP50At: as likely as not it has started by then. Nil while nobody can tell.
	StartP50At *time.Time `json:"start_p50_at"`
	// StartP90At: nine of ten such jobs have started by then.
	StartP90At *time.Time `json:"start_p90_at"`
}

// Progress counts the texts of a long list: embedded, and all of them.
type Progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Usage counts tokens. They are nil where the target did not tell.
type Usage struct {
	InputTokens  *int `json:"input_tokens"`
	OutputTokens *int `json:"output_tokens"`
	// Estimated: the answer broke off, so its pieces were counted.
	Estimated bool `json:"estimated"`
}

// Timings are in seconds, and nil where they are not known.
type Timings struct {
	// In the queue, and while the target loaded the model: over all attempts.
	QueueS *float64 `json:"queue_s"`
	LoadS  *float64 `json:"load_s"`
	// By the target's own clock: reading the prompt, and writing the answer.
	PromptEvalS *float64 `json:"prompt_eval_s"`
	GenerationS *float64 `json:"generation_s"`
	// From the arrival of the job to the first byte of its answer, and to its end.
	TTFTS  *float64 `json:"ttft_s"`
	TotalS *float64 `json:"total_s"`
}

// Failure says why a job failed, expired, or is tried again.
type Failure struct {
	Code Code `json:"code"`
	// Message says it in words.
	Message string `json:"message"`
	// Retryable tells whether the same job can succeed later, see [Client.Retry].
	Retryable bool `json:"retryable"`
	// Attempt that met it; 0 when none ran.
	Attempt int `json:"attempt"`
	// TargetStatus is nil where the target did not answer.
	TargetStatus *int `json:"target_status"`
}

// JobError is the end of a job that is not done. [errors.Is] finds its code.
type JobError struct {
	ID    string
	State State
	Failure
}

// Error says which job, how it ended, and why.
func (e *JobError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("foreman: %s: %s", e.ID, e.State)
	}
	return fmt.Sprintf("foreman: %s: %s: %s: %s", e.ID, e.State, e.Code, e.Message)
}

// Is holds for the [Code] of its failure. A job that was canceled has none, and is [CodeCanceled].
func (e *JobError) Is(target error) bool {
	code, ok := target.(Code)
	return ok && (code == e.Code || (code == CodeCanceled && e.State == StateCanceled))
}
