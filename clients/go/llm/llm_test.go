package llm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"

	"github.com/foreman-jobs/foreman/clients/go/llm"
)

// Ollama's own client is a provider: a program can be moved to foreman by one line.
var _ llm.Provider = (*api.Client)(nil)

const eightWords = "tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7"

// aForeman is the one that the environment names, in front of a target whose llama3.2 says eight words, or a stand-in.
func aForeman() (url, token string, done func()) {
	if url = os.Getenv("FOREMAN_URL"); url != "" {
		return url, os.Getenv("FOREMAN_TOKEN"), func() {}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"message":{"role":"assistant","content":"tok0 tok1 tok2 tok3"},"done":false}`)
		fmt.Fprintln(w, `{"message":{"role":"assistant","content":" tok4 tok5 tok6 tok7"},"done":true}`)
	}))
	return server.URL, "", server.Close
}

// A program that takes a Provider does not know whether foreman is in between.
func ExampleForeman() {
	url, token, done := aForeman()
	defer done()

	var models llm.Provider = llm.Foreman(url, token, llm.WithPriority("batch"))
	request := &api.ChatRequest{
		Model:    "llama3.2",
		Messages: []api.Message{{Role: "user", Content: "Why is the sky blue?"}},
	}
	err := models.Chat(context.Background(), request, func(part api.ChatResponse) error {
		fmt.Print(part.Message.Content)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7
}

func TestEachRequestHasTokenAndPriority(t *testing.T) {
	t.Setenv("OLLAMA_API_KEY", "another")
	var seen []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		fmt.Fprint(w, `{"done":true}`)
	}))
	defer server.Close()
	p := llm.Foreman(server.URL, "a-token", llm.WithPriority("batch"))
	_, errList := p.List(t.Context())
	_, errEmbed := p.Embed(t.Context(), &api.EmbedRequest{Model: "m", Input: "a"})
	_, errShow := p.Show(t.Context(), &api.ShowRequest{Model: "m"})
	errGenerate := p.Generate(t.Context(), &api.GenerateRequest{Model: "m"}, func(api.GenerateResponse) error { return nil })
	if err := errors.Join(errList, errEmbed, errShow, errGenerate); err != nil || len(seen) != 4 {
		t.Fatal(err, seen)
	}
	for _, header := range seen {
		if header.Get("Authorization") != "Bearer a-token" || header.Get("Foreman-Priority") != "batch" {
			t.Error(header)
		}
	}
}

func TestARedirectTakesNoTokenElsewhere(t *testing.T) {
	var leaked []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = append(leaked, r.Header.Get("Authorization"))
		fmt.Fprint(w, `{}`)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	if _, err := llm.Foreman(server.URL, "a-token").List(t.Context()); err != nil || len(leaked) != 1 || leaked[0] != "" {
		t.Error(err, leaked)
	}
}

func TestAnAnswerThatIsCutAnywhereIsAnError(t *testing.T) {
	chat := `{"message":{"content":"tok0"},"done":false}` + "\n" + `{"message":{"content":""},"done":true}` + "\n"
	generate := `{"response":"tok0","done":false}` + "\n" + `{"response":"","done":true}` + "\n"
	answer, at := "", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = io.WriteString(w, answer[:at])
	}))
	defer server.Close()
	p := llm.Foreman(server.URL, "")
	ask := map[*string]func() error{
		&chat: func() error {
			return p.Chat(t.Context(), &api.ChatRequest{Model: "m"}, func(api.ChatResponse) error { return nil })
		},
		&generate: func() error {
			return p.Generate(t.Context(), &api.GenerateRequest{Model: "m"}, func(api.GenerateResponse) error { return nil })
		},
	}
	for text, call := range ask {
		answer = *text
		// Without its last line end it is whole.
		for at = range len(answer) {
			if err := call(); (err == nil) != (at == len(answer)-1) {
				t.Errorf("cut at %d of %s: %v", at, answer, err)
			}
		}
		at = len(answer)
		if err := call(); err != nil {
			t.Error(err)
		}
	}
}

func TestABaseURLThatIsNoneIsTheErrorOfEachCall(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://a", "http://", "::"} {
		p := llm.Foreman(base, "a-token")
		_, err := p.List(t.Context())
		_, errEmbed := p.Embed(t.Context(), &api.EmbedRequest{Model: "m", Input: "a"})
		if err == nil || errEmbed == nil || !strings.Contains(err.Error(), "the base URL") {
			t.Errorf("%q: %v, %v", base, err, errEmbed)
		}
	}
}

func TestRealForeman(t *testing.T) {
	url, token, done := aForeman()
	defer done()
	if os.Getenv("FOREMAN_URL") == "" {
		t.Skip("FOREMAN_URL names no foreman: nothing is proved against a real one")
	}
	p := llm.Foreman(url, token)
	list, err := p.List(t.Context())
	if err != nil || list.Models[0].Name != "llama3.2:latest" {
		t.Error(list, err)
	}
	show, err := p.Show(t.Context(), &api.ShowRequest{Model: "llama3.2"})
	if err != nil || show.Details.Family != "llama" {
		t.Error(show, err)
	}
	whole := false
	err = p.Generate(t.Context(), &api.GenerateRequest{Model: "llama3.2", Prompt: "count", Stream: &whole}, func(r api.GenerateResponse) error {
		if r.Response != eightWords {
			t.Error(r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	embedded, err := p.Embed(t.Context(), &api.EmbedRequest{Model: "nomic-embed-text", Input: []string{"a", "b"}})
	if err != nil || len(embedded.Embeddings) != 2 {
		t.Error(embedded, err)
	}
	var status api.StatusError
	_, err = p.Show(t.Context(), &api.ShowRequest{Model: "nobody"})
	if !errors.As(err, &status) || status.StatusCode != 404 {
		t.Error(err)
	}
	var unauthorized api.AuthorizationError
	if _, err = llm.Foreman(url, "not-a-token-of-anybody").List(t.Context()); !errors.As(err, &unauthorized) {
		t.Error(err)
	}
}

// Ollama's client takes the half of a line that came before the end for the text of an error.
func TestAnAnswerThatBreaksOffWithinALineIsNotTakenForAnError(t *testing.T) {
	request := &api.ChatRequest{Model: "m"}
	cut := breakingOff(t, func(*http.Request) {})
	err := cut.Chat(t.Context(), request, func(api.ChatResponse) error { return nil })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %T %v", err, err)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := breakingOff(t, func(r *http.Request) { <-r.Context().Done() })
	err = left.Chat(ctx, request, func(api.ChatResponse) error {
		leave()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("left: %T %v", err, err)
	}
}

// breakingOff answers a line and a half, and closes the connection after wait.
func breakingOff(t *testing.T, wait func(*http.Request)) llm.Provider {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"message":{"content":"a"},"done":false}`+"\n"+`{"message":{"ro`)
		w.(http.Flusher).Flush()
		wait(r)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	return llm.Foreman(server.URL, "")
}
