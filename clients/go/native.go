package foreman

import (
	"context"
	"time"
)

// Tag is a model in Ollama's own list.
type Tag struct {
	Name string `json:"name"`
	// Size in bytes.
	Size       int64     `json:"size"`
	Digest     string    `json:"digest"`
	ModifiedAt time.Time `json:"modified_at"`
}

// Tags is Ollama's GET /api/tags, the plainest way to know what models there are.
// [Client.Models] tells more of them.
func (c *Client) Tags(ctx context.Context) ([]Tag, error) {
	var list struct {
		Models []Tag `json:"models"`
	}
	return list.Models, c.get(ctx, "/api/tags", &list)
}

// EmbedRequest is the body of Ollama's POST /api/embed.
type EmbedRequest struct {
	Model string   `json:"model"`
	Input []string `json:"input"`
	// Truncate defaults to true: texts that are too long are cut.
	Truncate *bool `json:"truncate,omitempty"`
	// Dimensions of the vectors. Defaults to all that the model has.
	Dimensions int `json:"dimensions,omitempty"`
	// Options of the model, such as "num_ctx".
	Options map[string]any `json:"options,omitempty"`
}

// EmbedResponse has a vector for each text, in their order.
type EmbedResponse struct {
	Model      string      `json:"model"`
	Embeddings [][]float32 `json:"embeddings"`
	// PromptEvalCount is the number of tokens that were read.
	PromptEvalCount int `json:"prompt_eval_count"`
}

// Embed is Ollama's POST /api/embed. It waits in foreman's queue with its
// connection open, and leaving cancels it. Where thousands of texts can wait,
// hand in a job with an [EmbedRequest] as its request.
func (c *Client) Embed(ctx context.Context, request EmbedRequest) (*EmbedResponse, error) {
	what, err := jsonCall("/api/embed", request)
	if err != nil {
		return nil, err
	}
	// The same texts have the same vectors.
	what.repeatable = true
	response := new(EmbedResponse)
	return response, c.ask(ctx, what, response)
}
