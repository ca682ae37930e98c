package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/ollama/ollama/api"
)

var (
	ctx = context.Background()
	// A target that is not the fake cannot be told to fail, and has no models to pull.
	isReal        = os.Getenv("REAL") == "1"
	chatModel     = cmp.Or(os.Getenv("CHAT_MODEL"), "llama3.2")
	thinkingModel = cmp.Or(os.Getenv("THINKING_MODEL"), "qwen3:8b")
	embedModel    = cmp.Or(os.Getenv("EMBED_MODEL"), "nomic-embed-text")
)

// call gives what the client handed its caller, and its error.
type call func() (any, error)

// script makes calls and tells what came of them.
type script struct {
	base       *url.URL
	client     *api.Client
	unexpected *[]string
}

func scriptFor(baseURL string) *script {
	base, err := url.Parse(baseURL)
	if err != nil {
		log.Fatal(err)
	}
	s := &script{base: base, unexpected: new([]string)}
	s.client = s.with(os.Getenv("CLIENT_TOKEN"), nil)
	return s
}

// with is the client that shows this token and sends these headers.
func (s *script) with(token string, headers http.Header) *api.Client {
	return api.NewClient(s.base, &http.Client{Transport: transport{"Bearer " + token, headers}})
}

// meeting is the script whose calls meet a fault of the fake.
func (s *script) meeting(fault string) *script {
	headers := http.Header{"X-Fake-Fault": {fault}}
	return &script{s.base, s.with(os.Getenv("CLIENT_TOKEN"), headers), s.unexpected}
}

// transport adds to requests what the client has no parameter for.
type transport struct {
	authorization string
	headers       http.Header
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", t.authorization)
	for name, values := range t.headers {
		request.Header[name] = values
	}
	return http.DefaultTransport.RoundTrip(request)
}

// plays makes a call that is to succeed.
func (s *script) plays(name string, do call) { s.expect(name, s.tell(name, do) == nil) }

// fails makes a call that is to fail.
func (s *script) fails(name string, do call) { s.expect(name, s.tell(name, do) != nil) }

// either makes a call that may succeed or fail.
func (s *script) either(name string, do call) { _ = s.tell(name, do) }

// expect notes what did not come as it was to: a mistake of this script, which is the same on both sides, would pass
// for agreement otherwise.
func (s *script) expect(name string, met bool) {
	if !met {
		*s.unexpected = append(*s.unexpected, name)
	}
}

// end ends the process.
func (s *script) end() {
	if len(*s.unexpected) > 0 {
		log.Fatalf("not as they were to be: %s", strings.Join(*s.unexpected, ", "))
	}
}

// tell makes the call, prints its outcome and gives its error.
func (s *script) tell(name string, do call) error {
	answer, err := do()
	outcome := answer
	if err != nil {
		outcome = map[string]any{"chunks": answer, "error": s.told(err)}
	}
	line, failure := json.Marshal(map[string]any{"case": name, "outcome": outcome})
	if failure != nil {
		log.Fatal(failure)
	}
	fmt.Println(string(line))
	return err
}

// told is an error by its type, status and text, without the address, which is the caller's own.
func (s *script) told(err error) map[string]any {
	told := map[string]any{
		"class":   fmt.Sprintf("%T", err),
		"status":  nil,
		"message": strings.ReplaceAll(err.Error(), s.base.String(), "<base url>"),
	}
	var status api.StatusError
	var authorization api.AuthorizationError
	if errors.As(err, &status) {
		told["status"] = status.StatusCode
	} else if errors.As(err, &authorization) {
		told["status"] = authorization.StatusCode
	}
	return told
}
