package foreman

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// foreman sends 32 KiB at most.
const longestMessageBytes = 64 << 10

type webhookSettings struct {
	listen, advertise string
	// Longest wait for the first message.
	patience time.Duration
	// Pause between looks at the job while messages come.
	safetyPause time.Duration
}

// callbacks takes the webhooks of one job, for as long as one call of Run lasts.
type callbacks struct {
	client *Client
	// Where foreman reaches it.
	url    string
	path   string
	secret string
	server *http.Server
	// One place each: news, of which the last is enough.
	heard, ended chan struct{}
}

// listen opens it. One whose address cannot be listened on gives nil.
func (c *Client) listen() *callbacks {
	listener, err := net.Listen("tcp", c.webhook.listen)
	if err != nil {
		c.log.Warn("foreman: cannot listen for webhooks, polling instead", "err", err)
		return nil
	}
	base := c.webhook.advertise
	if base == "" {
		base = "http://" + listener.Addr().String()
	}
	k := &callbacks{
		client: c,
		path:   "/" + rand.Text(),
		secret: NewWebhookSecret(),
		heard:  make(chan struct{}, 1),
		ended:  make(chan struct{}, 1),
	}
	k.url = strings.TrimRight(base, "/") + k.path
	k.server = &http.Server{Handler: k, ReadTimeout: 15 * time.Second}
	// Ends by close.
	go func() { _ = k.server.Serve(listener) }()
	return k
}

// close answers what is being taken, and stops. Nil is closed.
func (k *callbacks) close() {
	if k == nil {
		return
	}
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if k.server.Shutdown(limited) != nil {
		_ = k.server.Close()
	}
}

// ServeHTTP takes a message. A URL advertised with a path in front is told by its end.
func (k *callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, k.path) {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestMessageBytes))
	var message *WebhookMessage
	if err == nil {
		message, err = k.verify(body, r.Header)
	}
	if err != nil {
		k.client.log.Warn("foreman: a webhook was refused", "err", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	job, err := message.Job()
	if err == nil && job.Ended() {
		signal(k.ended)
	} else {
		signal(k.heard)
	}
}

// verify takes a message whatever the time: its secret is as young as the job, so
// that nobody has a recording. A clock that is off is told of.
func (k *callbacks) verify(body []byte, header http.Header) (*WebhookMessage, error) {
	now := k.client.clock.now()
	message, err := VerifyWebhook(body, header, []string{k.secret}, now, DefaultTolerance)
	var off *TimestampError
	if errors.As(err, &off) {
		k.client.log.Warn("foreman: a webhook was taken in spite of its time", "err", off)
		return VerifyWebhook(body, header, []string{k.secret}, off.Sent, DefaultTolerance)
	}
	return message, err
}

// signal leaves word, unless there is some.
func signal(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}
