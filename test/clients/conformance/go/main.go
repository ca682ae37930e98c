// Command conformance makes the calls of Ollama's own Go client one after another against the base URL that is its
// argument. Each is a line on stdout, {"case": …, "outcome": …}, where the outcome is what the client handed its
// caller: the whole answer, the list of the chunks of a stream, or its error. It ends with 1 where a call failed that
// was not to, or the other way round.
package main

import (
	"encoding/json"
	"os"

	"github.com/ollama/ollama/api"
)

func main() {
	s := scriptFor(os.Args[1])
	s.inventory()
	s.inference()
	s.trouble()
	if !isReal {
		s.faults()
	}
	s.plays("manage", s.management)
	s.either("wrong token", func() (any, error) { return s.with(os.Getenv("WRONG_TOKEN"), nil).List(ctx) })
	s.end()
}

func (s *script) inventory() {
	s.plays("version", func() (any, error) {
		if err := s.client.Heartbeat(ctx); err != nil {
			return nil, err
		}
		return s.client.Version(ctx)
	})
	s.plays("list", func() (any, error) { return s.client.List(ctx) })
	s.plays("show", func() (any, error) { return s.client.Show(ctx, &api.ShowRequest{Model: chatModel}) })
	s.plays("embed", func() (any, error) { return s.client.Embed(ctx, embed("one")) })
	s.plays("embed many", func() (any, error) { return s.client.Embed(ctx, embed([]string{"one", "two"})) })
	s.plays("embeddings", func() (any, error) {
		return s.client.Embeddings(ctx, &api.EmbeddingRequest{Model: embedModel, Prompt: "one"})
	})
	// Now: of several models the order is that of their last use, which is a matter of time.
	s.plays("ps", func() (any, error) { return s.client.ListRunning(ctx) })
}

func (s *script) inference() {
	thinking := func(request *api.ChatRequest) {
		request.Model, request.Think = thinkingModel, &api.ThinkValue{Value: true}
	}
	structured := func(request *api.ChatRequest) { request.Format = json.RawMessage(format) }
	s.plays("chat", s.chat(whole))
	s.plays("chat streamed", s.chat())
	s.plays("chat with tools", s.chat(whole, withTools))
	s.plays("chat with tools streamed", s.chat(withTools))
	s.plays("chat thinking", s.chat(whole, thinking))
	s.plays("chat thinking streamed", s.chat(thinking))
	s.plays("generate", func() (any, error) { return s.generate(false) })
	s.plays("generate streamed", func() (any, error) { return s.generate(true) })
	s.plays("structured output", s.chat(whole, structured))
}

func (s *script) trouble() {
	unknown := func(request *api.ChatRequest) { request.Model = "nobody" }
	badly := func(request *api.ChatRequest) { request.Think = &api.ThinkValue{Value: true} }
	s.plays("cancel", s.leave)
	s.fails("unknown model", s.chat(whole, unknown))
	s.fails("unknown model streamed", s.chat(unknown))
	s.fails("bad request", s.chat(whole, badly))
}

func (s *script) faults() {
	broken := s.meeting(`{"kind": "error_line", "after": 2, "message": "boom"}`)
	s.fails("error in the stream", broken.chat())
	// The client takes a stream that ended too early for a whole one.
	endless := s.meeting(`{"kind": "clean_end", "after": 2}`)
	s.plays("stream without its end", endless.chat())
}
