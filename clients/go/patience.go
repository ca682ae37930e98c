package foreman

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// The pause before the second try; it doubles with each.
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
)

// clock is the time by which tries are made again.
type clock struct {
	now func() time.Time
	// Gives why the context is over, where that is before the end of the pause.
	sleep func(context.Context, time.Duration) error
}

// patience decides whether what failed is tried again, and waits until then.
type patience struct {
	client *Client
	// How long a row of failures may last, with the pause behind it.
	limit time.Duration
	// Whether a connection that is lost may be made anew.
	repeatable bool
	failed     int
	since      time.Time
}

// succeeded ends a row of failures.
func (p *patience) succeeded() { p.failed = 0 }

// again waits and gives nil, or gives the error that ends it: err, or why ctx is over.
func (p *patience) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := p.client.clock.now()
	if p.failed == 0 {
		p.since = now
	}
	p.failed++
	pause, worthIt := p.pause(err)
	if !worthIt || now.Sub(p.since)+pause > p.limit {
		return err
	}
	// What went wrong says more than a deadline that was met by sleeping.
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		return err
	}
	p.client.log.Info("foreman: trying again", "err", err, "after", pause)
	return p.client.clock.sleep(ctx, pause)
}

// pause is how long to wait, and whether another try can help at all.
func (p *patience) pause(err error) (time.Duration, bool) {
	// Doubled each time, within bounds; up to a quarter is taken off, so that those who failed together come back apart.
	pause := min(longestPause, firstPause<<min(p.failed-1, 10))
	pause -= time.Duration(rand.Int64N(int64(pause)/4 + 1))
	var refused *Error
	if !errors.As(err, &refused) {
		var lost *lostError
		return pause, errors.As(err, &lost) && p.repeatable
	}
	// A refusal of foreman's own did nothing; what a proxy's error stands for is not known.
	harmless := p.repeatable || refused.Code != ""
	return max(pause, refused.RetryAfter), refused.Retryable && harmless && mayPass(refused)
}

// mayPass tells the errors that time mends. Others are retryable when something was done first.
func mayPass(refused *Error) bool {
	switch refused.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		// Not foreman's, which knows that its target is away.
		return refused.Code == ""
	}
	return false
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
