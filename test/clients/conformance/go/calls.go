package main

import (
	"context"
	"encoding/json"

	"github.com/ollama/ollama/api"
)

const (
	tools = `[{"type": "function", "function": {
		"name": "get_weather",
		"description": "The weather in a city",
		"parameters": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
	}}]`
	format = `{
		"type": "object",
		"required": ["tok0", "tok1"],
		"properties": {"tok0": {"type": "integer"}, "tok1": {"type": "integer"}}
	}`
	// Of a real model, which would talk on.
	mostTokens = 32
	// Of an answer that is to be left before its end.
	manyTokens = 1500
)

// options make a real model say the same each time.
func options(tokens int) map[string]any {
	o := map[string]any{"temperature": 0, "seed": 1}
	if isReal {
		o["num_predict"] = tokens
	}
	return o
}

func embed(input any) *api.EmbedRequest { return &api.EmbedRequest{Model: embedModel, Input: input} }

// A change to the request that nearly all cases make.
type change func(*api.ChatRequest)

func whole(request *api.ChatRequest) { request.Stream = new(bool) }

func withTools(request *api.ChatRequest) {
	if err := json.Unmarshal([]byte(tools), &request.Tools); err != nil {
		panic(err)
	}
}

func chatRequest(changes ...change) *api.ChatRequest {
	request := &api.ChatRequest{
		Model:    chatModel,
		Messages: []api.Message{{Role: "user", Content: "count"}},
		Options:  options(mostTokens),
	}
	for _, change := range changes {
		change(request)
	}
	return request
}

// chat is the call whose outcome is the list of its chunks; an answer in whole is the only one of its list.
func (s *script) chat(changes ...change) call {
	return func() (any, error) {
		var chunks []api.ChatResponse
		err := s.client.Chat(ctx, chatRequest(changes...), func(chunk api.ChatResponse) error {
			chunks = append(chunks, chunk)
			return nil
		})
		return chunks, err
	}
}

func (s *script) generate(stream bool) (any, error) {
	request := &api.GenerateRequest{Model: chatModel, Prompt: "count", Stream: &stream, Options: options(mostTokens)}
	var chunks []api.GenerateResponse
	err := s.client.Generate(ctx, request, func(chunk api.GenerateResponse) error {
		chunks = append(chunks, chunk)
		return nil
	})
	return chunks, err
}

// leave cancels a call after two chunks. The fake is told to stop there, so that the answer has not ended before.
func (s *script) leave() (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var chunks []api.ChatResponse
	long := func(request *api.ChatRequest) { request.Options = options(manyTokens) }
	held := s.meeting(`{"kind": "stall", "after": 2}`)
	err := held.client.Chat(ctx, chatRequest(long), func(chunk api.ChatResponse) error {
		if chunks = append(chunks, chunk); len(chunks) == 2 {
			cancel()
		}
		return nil
	})
	// Half a line that had come before that is an error to the client, or is not, by chance.
	if ctx.Err() != nil {
		err = nil
	}
	return chunks[:min(2, len(chunks))], err
}

// management leaves everything as it was. Only the fake has a registry.
func (s *script) management() (any, error) {
	const mine, yours, pulled = "conformance-mine", "conformance-yours", "smollm2:135m"
	var steps []api.ProgressResponse
	seen := func(step api.ProgressResponse) error {
		steps = append(steps, step)
		return nil
	}
	remove := func(model string) func() error {
		return func() error { return s.client.Delete(ctx, &api.DeleteRequest{Model: model}) }
	}
	ownOnly := []func() error{
		func() error { return s.client.Pull(ctx, &api.PullRequest{Model: pulled}, seen) },
		func() error { return s.client.Push(ctx, &api.PushRequest{Model: pulled}, seen) },
		remove(pulled),
	}
	all := []func() error{
		func() error {
			return s.client.Create(ctx, &api.CreateRequest{Model: mine, From: chatModel, System: "Sing."}, seen)
		},
		func() error { return s.client.Copy(ctx, &api.CopyRequest{Source: mine, Destination: yours}) },
		remove(mine),
		remove(yours),
	}
	if !isReal {
		all = append(ownOnly, all...)
	}
	for _, step := range all {
		if err := step(); err != nil {
			return steps, err
		}
	}
	return steps, nil
}
