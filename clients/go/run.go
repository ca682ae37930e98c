package foreman

import (
	"context"
	"errors"
	"time"
)

// How long Run takes at most to cancel a job that nobody waits for any more.
const farewell = 5 * time.Second

// Run hands a job in and gives it when it has ended, however that is: see
// [Job.Err]. A webhook tells it of the end: it listens for the time of the call,
// at a path and with a secret made for this job. Where foreman refuses the
// URL, the token has not the scope "webhooks", or no message comes within a while
// ([WithWebhookPatience]), it waits as [Client.Wait] does.
//
// When ctx is over it cancels the job, as a call that holds its connection
// would. A job with an IdempotencyKey of the caller's own goes on: call Run with
// the same job again to wait for the same one. Such a job, and one with a Webhook
// of its own, is waited for without a webhook of Run's.
func (c *Client) Run(ctx context.Context, job NewJob) (*Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if job.IdempotencyKey != "" {
		return c.submitAndWait(ctx, job)
	}
	r := &run{client: c, job: job.withKey()}
	ended, err := r.untilEnd(ctx)
	if err != nil && ctx.Err() != nil {
		r.leave(ctx)
	}
	return ended, err
}

func (c *Client) submitAndWait(ctx context.Context, job NewJob) (*Job, error) {
	accepted, err := c.Submit(ctx, job)
	if err != nil {
		return nil, err
	}
	return c.Wait(ctx, accepted.ID)
}

// run is one call of Run.
type run struct {
	client *Client
	// As it was sent last.
	job NewJob
	// Empty until it is known.
	id string
	// Nil where nobody will call.
	calls *callbacks
}

func (r *run) untilEnd(ctx context.Context) (*Job, error) {
	if r.job.Webhook == nil {
		r.calls = r.client.listen()
		defer r.calls.close()
	}
	if err := r.submit(ctx); err != nil {
		return nil, err
	}
	if r.calls != nil {
		r.awaitCalls(ctx)
	}
	// A webhook is a hint, and has no large result: the job is asked for in any case.
	return r.client.Wait(ctx, r.id)
}

// submit hands it in with a webhook, or without where foreman wants none.
func (r *run) submit(ctx context.Context) error {
	plain := r.job
	if r.calls != nil {
		r.job.Webhook = &Webhook{URL: r.calls.url, Secret: r.calls.secret}
	}
	accepted, err := r.client.Submit(ctx, r.job)
	if r.calls != nil && refusesWebhook(err) {
		r.client.log.Info("foreman: no webhook, polling instead", "err", err)
		r.calls.close()
		r.calls = nil
		// The same key: what was refused is not remembered.
		r.job = plain
		accepted, err = r.client.Submit(ctx, r.job)
	}
	if err == nil {
		r.id = accepted.ID
	}
	return err
}

// leave cancels the job, whose caller has left.
func (r *run) leave(ctx context.Context) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	var err error
	if r.id == "" {
		// Whether it was accepted is not known. By the same key it is the same job.
		var accepted *Job
		if accepted, err = r.client.Submit(limited, r.job); err == nil {
			r.id = accepted.ID
		}
	}
	if err == nil {
		_, err = r.client.Cancel(limited, r.id)
	}
	if err != nil {
		r.client.log.Warn("foreman: a job was left and could not be canceled", "job", r.id, "err", err)
	}
}

// refusesWebhook tells whether it is the webhook that is refused: its URL, the
// scope for it, or any at all.
func refusesWebhook(err error) bool {
	var refused *Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case CodeWebhookURLRefused, CodeInsufficientScope:
		return true
	case CodeValidationFailed:
		for _, fault := range refused.Faults {
			if fault.Pointer == "/webhook" || fault.Pointer == "/webhook/url" {
				return true
			}
		}
	}
	return false
}

// awaitCalls returns when the job is likely to have ended, or nobody calls.
func (r *run) awaitCalls(ctx context.Context) {
	settings := r.client.webhook
	// The first message tells that the job was accepted, and comes at once.
	timer := time.NewTimer(settings.patience)
	defer timer.Stop()
	heard := false
	for {
		select {
		case <-r.calls.ended:
			return
		case <-r.calls.heard:
			heard = true
			timer.Reset(settings.safetyPause)
		case <-timer.C:
			if !heard {
				r.client.log.Warn("foreman: no webhook came, polling instead", "job", r.id, "url", r.calls.url)
				return
			}
			// Messages come; the last one may have been given up all the same.
			if job, err := r.client.Get(ctx, r.id); err == nil && job.Ended() {
				return
			}
			timer.Reset(settings.safetyPause)
		case <-ctx.Done():
			return
		}
	}
}
