package foreman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// call is one request, which may be sent several times.
type call struct {
	method string
	// With its query.
	path   string
	header map[string]string
	// Gives the body from its beginning; nil for none.
	body func() (io.Reader, error)
	// Bytes of the body; 0 where they are not known beforehand.
	size int64
	// Sending it twice does no more than sending it once.
	repeatable bool
}

// try makes the call until it is answered below 300 and read without an error,
// or it is of no use to make it again. read closes the body.
func (c *Client) try(ctx context.Context, what call, read func(*http.Response) error) error {
	waiting := patience{client: c, limit: c.retryLimit, repeatable: what.repeatable}
	for {
		answer, err := c.sendOnce(ctx, what)
		if err == nil {
			err = read(answer)
		}
		if err == nil {
			return nil
		}
		if err := waiting.again(ctx, err); err != nil {
			return err
		}
	}
}

func (c *Client) sendOnce(ctx context.Context, what call) (*http.Response, error) {
	request, err := c.request(ctx, what)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, &lostError{c.withoutBasePath(err, what)}
	}
	if answer.StatusCode >= 300 {
		return nil, refusal(answer)
	}
	return answer, nil
}

// withoutBasePath takes the path of the base out of an error of package http: it may hold the token.
func (c *Client) withoutBasePath(err error, what call) error {
	var named *url.Error
	if errors.As(err, &named) {
		named.URL = c.base.Scheme + "://" + c.base.Host + what.path
	}
	return err
}

func (c *Client) request(ctx context.Context, what call) (*http.Request, error) {
	if c.baseErr != nil {
		return nil, c.baseErr
	}
	var body io.Reader
	if what.body != nil {
		var err error
		if body, err = what.body(); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, what.method, c.base.String()+what.path, body)
	if err != nil {
		return nil, err
	}
	if what.size > 0 {
		request.ContentLength = what.size
	}
	request.Header.Set("User-Agent", userAgent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range what.header {
		request.Header.Set(name, value)
	}
	return request, nil
}

// ask makes the call and reads its answer into `into`, unless that is nil.
func (c *Client) ask(ctx context.Context, what call, into any) error {
	return c.try(ctx, what, readJSON(what, into))
}

func readJSON(what call, into any) func(*http.Response) error {
	return func(answer *http.Response) error {
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return &lostError{err}
		}
		if into == nil {
			return nil
		}
		if err := json.Unmarshal(body, into); err != nil {
			return &malformedError{what.method + " " + what.path, err}
		}
		return nil
	}
}

// get reads the JSON at the path.
func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.ask(ctx, call{method: http.MethodGet, path: path, repeatable: true}, into)
}

// jsonCall is a POST of a value.
func jsonCall(path string, value any) (call, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return call{}, fmt.Errorf("foreman: the request: %w", err)
	}
	return call{
		method: http.MethodPost,
		path:   path,
		header: map[string]string{"Content-Type": "application/json"},
		body:   func() (io.Reader, error) { return bytes.NewReader(body), nil },
		size:   int64(len(body)),
	}, nil
}

// pathOf joins segments, which may have any characters.
func pathOf(segments ...string) string {
	var path strings.Builder
	for _, segment := range segments {
		path.WriteString("/" + url.PathEscape(segment))
	}
	return path.String()
}

// lostError is a connection that was not made, or that broke.
type lostError struct{ err error }

func (e *lostError) Error() string { return "foreman: " + e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }

// malformedError is an answer that is not what its address answers with: most likely no foreman is there.
type malformedError struct {
	of  string
	err error
}

func (e *malformedError) Error() string {
	return fmt.Sprintf("foreman: the answer to %s is not foreman's, so the base URL may be another's: %v", e.of, e.err)
}

func (e *malformedError) Unwrap() error { return e.err }
