package foreman

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultRetryLimit = time.Minute
	defaultMaxOutage  = 10 * time.Minute
	userAgent         = "foreman-go/0.1"
)

// Client speaks to one foreman. It is made by [New] and may be used by several
// goroutines at once.
type Client struct {
	base       *url.URL
	baseErr    error
	token      string
	http       *http.Client
	log        *slog.Logger
	retryLimit time.Duration
	maxOutage  time.Duration
	// Longest silence of a stream.
	silence time.Duration
	webhook webhookSettings
	clock   clock
}

// Option changes what [New] makes.
type Option func(*Client)

// New makes a client of the foreman at baseURL, such as
// "http://127.0.0.1:8080". An empty token sends none, for a foreman without
// tokens; space around it, such as the line end of a file, is dropped. It does not
// connect: a baseURL that is none is the error of every call.
//
// Redirects are not followed, so that the token goes to that address alone.
func New(baseURL, token string, options ...Option) *Client {
	c := &Client{
		token:      strings.TrimSpace(token),
		http:       &http.Client{},
		log:        slog.New(slog.DiscardHandler),
		retryLimit: defaultRetryLimit,
		maxOutage:  defaultMaxOutage,
		silence:    45 * time.Second,
		webhook:    webhookSettings{listen: "127.0.0.1:0", patience: 5 * time.Second, safetyPause: time.Minute},
		clock:      clock{time.Now, sleep},
	}
	c.base, c.baseErr = parseBase(baseURL)
	for _, option := range options {
		option(c)
	}
	// A copy: the caller's own client is left as it is.
	withoutRedirects := *c.http
	withoutRedirects.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &withoutRedirects
	return c
}

// WithHTTPClient has calls made by client, for a proxy or certificates of your
// own. Its Timeout should be 0: some calls last as long as a job. Its
// CheckRedirect is not used.
func WithHTTPClient(client *http.Client) Option { return func(c *Client) { c.http = client } }

// WithLogger is told of tries that failed and are made again, and of webhooks
// that do not come. The default tells nobody.
func WithLogger(logger *slog.Logger) Option { return func(c *Client) { c.log = logger } }

// WithRetryLimit sets for how long one call is tried again. The default is 60 s;
// 0 is never. The first pause is a quarter of a second, and each is twice the
// last, up to 10 s; a Retry-After that is longer holds. A pause that would end
// beyond the limit is not made: the error is returned at once.
func WithRetryLimit(longest time.Duration) Option { return func(c *Client) { c.retryLimit = longest } }

// WithMaxOutage sets how long [Client.Wait], [Client.Follow] and [Client.Text]
// bear that foreman is away: it is their [WithRetryLimit], and begins anew with
// each answer. The default is 10 minutes; 0 never tries again.
func WithMaxOutage(longest time.Duration) Option { return func(c *Client) { c.maxOutage = longest } }

// WithWebhookListener sets where [Client.Run] listens, "host:port", and by which
// URL foreman reaches that. The default listens on a free port of 127.0.0.1. An
// empty advertise is "http://" and the address that is listened on. With a fixed
// port one Run at a time gets webhooks; others poll.
func WithWebhookListener(listen, advertise string) Option {
	return func(c *Client) { c.webhook.listen, c.webhook.advertise = listen, advertise }
}

// WithWebhookPatience sets how long [Client.Run] waits for the first message,
// which tells that the job was accepted, before it polls. The default is 5 s.
func WithWebhookPatience(longest time.Duration) Option {
	return func(c *Client) { c.webhook.patience = longest }
}

func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("foreman: the base URL, which is such as http://127.0.0.1:8080: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("foreman: the base URL %q has no http:// or https:// and a host, such as http://127.0.0.1:8080", text)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}
