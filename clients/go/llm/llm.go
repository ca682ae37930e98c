// Package llm calls models through foreman with Ollama's own Go client.
//
// On the wire foreman is an Ollama server, so there is nothing to learn anew: what
// [Foreman] makes delegates to the client of [github.com/ollama/ollama/api], whose
// requests have the token of foreman. A call holds its connection until foreman's
// queue has come to it; one that may wait for hours is a job, see package foreman
// in the folder above.
//
// [Provider] is the seam: a program that takes one runs against foreman, against
// Ollama itself (an *api.Client is a Provider), or against one of its own.
package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ollama/ollama/api"
)

// Provider is what a program needs of models, in the types of Ollama's client. An
// *api.Client is one.
type Provider interface {
	// Chat answers messages. fn is called for each part, or once where
	// req.Stream points to false; its error ends the call.
	Chat(ctx context.Context, req *api.ChatRequest, fn api.ChatResponseFunc) error
	// Generate answers a prompt, as Chat does.
	Generate(ctx context.Context, req *api.GenerateRequest, fn api.GenerateResponseFunc) error
	// Embed gives a vector for each text.
	Embed(ctx context.Context, req *api.EmbedRequest) (*api.EmbedResponse, error)
	// List gives the installed models.
	List(ctx context.Context) (*api.ListResponse, error)
	// Show tells what one of them is.
	Show(ctx context.Context, req *api.ShowRequest) (*api.ShowResponse, error)
}

// Foreman is the Provider of the foreman at baseURL, such as
// "http://127.0.0.1:8080". It does not connect: a baseURL that is none is the
// error of every call. An empty token sends none.
//
// Errors are those of Ollama's client: api.StatusError, and for a token that is
// not valid api.AuthorizationError. An answer that broke off, which that client
// takes for a whole one, is [io.ErrUnexpectedEOF] here. Calls are not made again.
// When ctx is over the call is canceled, in foreman too.
func Foreman(baseURL, token string, options ...Option) Provider {
	t := &transport{next: http.DefaultTransport, token: token, header: http.Header{}}
	for _, option := range options {
		option(t)
	}
	base, err := url.Parse(baseURL)
	if err == nil && ((base.Scheme != "http" && base.Scheme != "https") || base.Host == "") {
		err = fmt.Errorf("%q has no http:// or https:// and a host", baseURL)
	}
	if err != nil {
		base, t.err = &url.URL{Scheme: "http", Host: "invalid"}, fmt.Errorf("llm: the base URL: %w", err)
	}
	t.origin = originOf(base)
	return &foreman{api.NewClient(base, &http.Client{Transport: t})}
}

// foreman is Ollama's client, but for answers that break off.
type foreman struct{ *api.Client }

// Chat fails where the last part did not come.
func (f *foreman) Chat(ctx context.Context, req *api.ChatRequest, fn api.ChatResponseFunc) error {
	var done bool
	var own error
	err := f.Client.Chat(ctx, req, func(part api.ChatResponse) error {
		done = done || part.Done
		own = fn(part)
		return own
	})
	return whole(ctx, done || own != nil, err)
}

// Generate fails where the last part did not come.
func (f *foreman) Generate(ctx context.Context, req *api.GenerateRequest, fn api.GenerateResponseFunc) error {
	var done bool
	var own error
	err := f.Client.Generate(ctx, req, func(part api.GenerateResponse) error {
		done = done || part.Done
		own = fn(part)
		return own
	})
	return whole(ctx, done || own != nil, err)
}

// whole is the error of a stream that ended without its last part, which neither the client nor its caller ended.
func whole(ctx context.Context, done bool, err error) error {
	switch {
	case done:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil || halfALine(err):
		return fmt.Errorf("llm: the answer broke off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// halfALine tells the error that Ollama's client makes of a line that broke off: the line itself is its text.
func halfALine(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "{") && !json.Valid([]byte(text))
}
