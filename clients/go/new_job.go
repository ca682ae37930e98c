package foreman

import (
	"crypto/rand"
	"encoding/json"
	"time"
)

// NewJob is a job to hand in. What is left zero is foreman's default.
type NewJob struct {
	// Request is the body of Ollama's own /api/chat, /api/generate or /api/embed:
	// anything that is marshaled to such an object.
	Request any
	// Kind is "chat", "generate" or "embed". Defaults to what the request looks like.
	Kind string
	// Priority defaults to [PriorityNormal].
	Priority Priority
	// MaxAttempts is how often it is tried, 1 to 100. foreman's own default is 5.
	MaxAttempts int
	// StartTimeout ends a job as expired that could not start in time: up to 30
	// days. Defaults to none. Whole seconds, as the other two; a rest counts as one.
	StartTimeout time.Duration
	// RunTimeout is for one attempt, up to 7 days. foreman's own default is 30 minutes.
	RunTimeout time.Duration
	// Retention is how long the job is kept after its end: a minute to 30 days.
	// foreman's own default is a day.
	Retention time.Duration
	// NotBefore has it wait until then, at most 7 days ahead.
	NotBefore time.Time
	// Metadata has up to 16 pairs, which come back with the job: names of up to
	// 64 and values of up to 512 characters.
	Metadata map[string]string
	// Webhook is told what becomes of the job.
	Webhook *Webhook
	// IdempotencyKey has the same job handed in once, whatever breaks in between,
	// and by several programs: 1 to 255 printable ASCII characters. Defaults to
	// a random one for each call of Submit.
	IdempotencyKey string
}

// Webhook is where the events of a job are sent. A token needs the scope
// "webhooks" for it.
type Webhook struct {
	URL string `json:"url"`
	// Events are types and patterns such as "job.*". Defaults to every change of state.
	Events []string `json:"events,omitempty"`
	// Secret is "whsec_" and 24 to 64 bytes in base64, see [NewWebhookSecret].
	// Defaults to the one that foreman has for the owner of the token.
	Secret string `json:"secret,omitempty"`
}

// Message is one of a chat. For images and calls of tools give [NewJob] a request
// of your own.
type Message struct {
	// Role is "system", "user" or "assistant".
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Chat is a job that answers messages.
func Chat(model string, messages ...Message) NewJob {
	return NewJob{Kind: "chat", Request: map[string]any{"model": model, "messages": messages}}
}

// Generate is a job that answers a prompt.
func Generate(model, prompt string) NewJob {
	return NewJob{Kind: "generate", Request: map[string]any{"model": model, "prompt": prompt}}
}

// MarshalJSON gives the body of POST /jobs, or with a key a line of many.
func (n NewJob) MarshalJSON() ([]byte, error) {
	var notBefore *time.Time
	if !n.NotBefore.IsZero() {
		utc := n.NotBefore.UTC()
		notBefore = &utc
	}
	return json.Marshal(struct {
		Request        any               `json:"request"`
		Kind           string            `json:"kind,omitempty"`
		Priority       Priority          `json:"priority,omitempty"`
		MaxAttempts    int               `json:"max_attempts,omitempty"`
		StartTimeoutS  int64             `json:"start_timeout_s,omitempty"`
		RunTimeoutS    int64             `json:"run_timeout_s,omitempty"`
		RetentionS     int64             `json:"retention_s,omitempty"`
		NotBefore      *time.Time        `json:"not_before,omitempty"`
		Metadata       map[string]string `json:"metadata,omitempty"`
		Webhook        *Webhook          `json:"webhook,omitempty"`
		IdempotencyKey string            `json:"idempotency_key,omitempty"`
	}{
		n.Request, n.Kind, n.Priority, n.MaxAttempts,
		wholeSeconds(n.StartTimeout), wholeSeconds(n.RunTimeout), wholeSeconds(n.Retention),
		notBefore, n.Metadata, n.Webhook, n.IdempotencyKey,
	})
}

func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// withKey gives it a key of its own where it has none.
func (n NewJob) withKey() NewJob {
	if n.IdempotencyKey == "" {
		n.IdempotencyKey = "go-" + rand.Text()
	}
	return n
}
