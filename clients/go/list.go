package foreman

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ListOptions narrow [Client.List]. What is zero does not.
type ListOptions struct {
	// States of which a job has one.
	States []State
	// Model as its caller wrote it.
	Model string
	// Kind is "chat", "generate" or "embed".
	Kind     string
	Priority Priority
	// Both exclusive.
	CreatedAfter  time.Time
	CreatedBefore time.Time
	// Metadata that a job must have, all of it.
	Metadata map[string]string
	// PageSize is how many are fetched at a time, 1 to 100. Defaults to 100.
	PageSize int
}

// List gives jobs, the newest first, without their results. Pages are fetched as
// they are needed. An error is the last thing that it gives.
func (c *Client) List(ctx context.Context, options ListOptions) iter.Seq2[*Job, error] {
	return func(yield func(*Job, error) bool) {
		query := options.query()
		for more := true; more; {
			var page struct {
				Data       []*Job `json:"data"`
				HasMore    bool   `json:"has_more"`
				NextCursor string `json:"next_cursor"`
			}
			if err := c.get(ctx, withQuery(jobsPath, query), &page); err != nil {
				yield(nil, err)
				return
			}
			for _, job := range page.Data {
				if !yield(job, nil) {
					return
				}
			}
			query.Set("cursor", page.NextCursor)
			more = page.HasMore && page.NextCursor != ""
		}
	}
}

func (o ListOptions) query() url.Values {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	states := make([]string, len(o.States))
	for i, state := range o.States {
		states[i] = string(state)
	}
	set("state", strings.Join(states, ","))
	set("model", o.Model)
	set("kind", o.Kind)
	set("priority", string(o.Priority))
	set("created_after", timeText(o.CreatedAfter))
	set("created_before", timeText(o.CreatedBefore))
	for name, value := range o.Metadata {
		query.Set("metadata."+name, value)
	}
	size := o.PageSize
	if size == 0 {
		size = 100
	}
	query.Set("limit", strconv.Itoa(size))
	return query
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
