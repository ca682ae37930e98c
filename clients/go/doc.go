// Package foreman is a client of foreman's jobs: calls of a language model that
// wait in a durable queue in front of one Ollama server.
//
// A job is handed in by [Client.Submit] and is on foreman's disk from then on.
// [Client.Wait] waits for its end, [Client.Follow] tells its events and
// [Client.Text] its answer as it is written. All three hold on when the
// connection breaks or foreman is started again. [Client.Run] does it in one
// call, and is told of the end by a webhook where foreman can reach it.
//
// # Errors and retries
//
// What foreman refuses is an [*Error], with the stable code of foreman's
// documentation of errors:
//
//	if errors.Is(err, foreman.CodeQueueFull) { … }
//
// A job that ended otherwise than done is no error of the call that tells so:
// ask [Job.Err].
//
// A call is made again, for 60 s ([WithRetryLimit]), after 429 and 503, as
// foreman's Retry-After says, and where it can be repeated without harm also
// after a lost connection and after a 502, 503 or 504 of a proxy. Submitting can
// be repeated, since each job has an idempotency key. What waits for a job bears
// that foreman is away for 10 minutes ([WithMaxOutage]).
//
// # Newer servers
//
// Fields, event types, states and codes that this package does not know are no
// errors. Fields are kept in Extra, events are passed on, and a job has ended
// where foreman says when.
//
// The models themselves are spoken to as always, by a client of Ollama: see
// package llm beside this one.
package foreman
