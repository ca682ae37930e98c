package llm

import (
	"net/http"
	"net/url"
)

// Option changes how [Foreman] calls.
type Option func(*transport)

// WithPriority asks for a class for each call: "interactive", which is foreman's
// default, "normal" or "batch".
func WithPriority(priority string) Option {
	return func(t *transport) { t.header.Set("Foreman-Priority", priority) }
}

// WithTransport has requests sent by next, for a proxy or certificates of your own.
// The default is [http.DefaultTransport].
func WithTransport(next http.RoundTripper) Option { return func(t *transport) { t.next = next } }

// transport adds what foreman wants to know to requests that Ollama's client made.
type transport struct {
	next   http.RoundTripper
	token  string
	origin string
	header http.Header
	// Why no request can be sent.
	err error
}

// RoundTrip sends a copy of the request, which is not its own to change.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, t.err
	}
	// A redirect may lead to another host, which has no business with the token.
	if originOf(request.URL) != t.origin {
		return t.next.RoundTrip(request)
	}
	request = request.Clone(request.Context())
	if t.token != "" {
		request.Header.Set("Authorization", "Bearer "+t.token)
	}
	for name, values := range t.header {
		request.Header[name] = values
	}
	return t.next.RoundTrip(request)
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }
