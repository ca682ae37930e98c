package foreman

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Code is a stable code of foreman's errors, and a target of [errors.Is]: an
// [*Error] or [*JobError] with that code is one. Codes that have no constant here
// are written as Code("input_gone").
type Code string

// The codes that programs ask for most. What each means and what to do about it
// is told in foreman's documentation of errors.
const (
	CodeUnauthorized         Code = "unauthorized"
	CodeInsufficientScope    Code = "insufficient_scope"
	CodeNotFound             Code = "not_found"
	CodeModelNotFound        Code = "model_not_found"
	CodeModelNotAllowed      Code = "model_not_allowed"
	CodeValidationFailed     Code = "validation_failed"
	CodeIdempotencyKeyReused Code = "idempotency_key_reused"
	CodeJobNotFinished       Code = "job_not_finished"
	CodeJobNotRetryable      Code = "job_not_retryable"
	CodeJobDataRemoved       Code = "job_data_removed"
	CodeWebhookURLRefused    Code = "webhook_url_refused"
	CodeQueueFull            Code = "queue_full"
	CodeQueueQuotaExceeded   Code = "queue_quota_exceeded"
	CodeRateLimited          Code = "rate_limited"
	CodeDraining             Code = "draining"
	CodeCanceled             Code = "canceled"
)

// Error is the code itself.
func (c Code) Error() string { return string(c) }

// Error is an answer with a status of 300 or above.
type Error struct {
	// Status of the answer; 0 for a line of [Client.SubmitMany].
	Status int
	// Code is empty where the answer is not foreman's own: the target's, or a proxy's.
	Code Code
	// Detail says it in words.
	Detail string
	// Retryable tells whether the same call can succeed later.
	Retryable bool
	// RetryAfter is how long to wait before that; 0 where foreman does not say.
	RetryAfter time.Duration
	// RequestID finds the call in foreman's log.
	RequestID string
	// Faults are the places of the body that are wrong.
	Faults []Fault
}

// Fault is one place of a body that breaks the rules.
type Fault struct {
	// Pointer is a JSON pointer into the body (RFC 6901).
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error says status, code, and what is wrong.
func (e *Error) Error() string {
	text := "foreman:"
	if e.Status != 0 {
		text += " " + strconv.Itoa(e.Status)
	}
	if e.Code != "" {
		text += " " + string(e.Code)
	} else {
		// The address of something else is the most likely reason.
		text += " (not foreman's own answer)"
	}
	text += ": " + e.Detail
	for _, fault := range e.Faults {
		switch place := fault.Pointer + " " + fault.Detail; e.Detail {
		case place:
			// Told already: the first fault is the detail.
		case fault.Detail:
			text += " at " + fault.Pointer
		default:
			text += "; " + place
		}
	}
	return text
}

// Is holds for the [Code] of the error.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// What is read of an error's body at most. foreman's own are far below.
const longestProblemBytes = 64 << 10

// What proxies say can be long.
const longestDetail = 500

// problem is any of the bodies of an error: RFC 9457, Ollama's or OpenAI's.
type problem struct {
	Code      Code            `json:"code"`
	Title     string          `json:"title"`
	Detail    string          `json:"detail"`
	Retryable *bool           `json:"retryable"`
	RequestID string          `json:"request_id"`
	Errors    []Fault         `json:"errors"`
	Error     json.RawMessage `json:"error"`
}

// passing are the statuses of what came too early, not wrongly.
var passing = map[int]bool{408: true, 429: true, 502: true, 503: true, 504: true}

// lasting has such a status and is the same the next time.
var lasting = map[Code]bool{"run_timeout": true, "target_incomplete": true, "too_many_failed_logins": true}

// refusal reads the error of an answer, and closes it.
func refusal(answer *http.Response) *Error {
	defer answer.Body.Close()
	// What cannot be read is told by its status.
	body, _ := io.ReadAll(io.LimitReader(answer.Body, longestProblemBytes))
	e := &Error{
		Status:     answer.StatusCode,
		Code:       Code(answer.Header.Get("Foreman-Error-Code")),
		RetryAfter: retryAfter(answer.Header),
	}
	var p problem
	_ = json.Unmarshal(body, &p)
	if e.Code == "" && strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") {
		e.Code = p.Code
	}
	e.Detail = firstOf(p.Detail, nativeText(p.Error), p.Title, redirect(answer), words(body), http.StatusText(e.Status), "no reason given")
	e.RequestID, e.Faults = p.RequestID, p.Errors
	// For bodies that do not say.
	e.Retryable = passing[e.Status] && !lasting[e.Code]
	if p.Retryable != nil {
		e.Retryable = *p.Retryable
	}
	return e
}

// words are a body that is no JSON that is known; empty for a page, which is to be looked at.
func words(body []byte) string {
	text := []rune(strings.TrimSpace(string(body)))
	if len(text) == 0 || text[0] == '<' {
		return ""
	}
	return string(text[:min(len(text), longestDetail)])
}

// nativeText is the text of {"error":"text"} and of {"error":{"message":"text"}}.
func nativeText(raw json.RawMessage) string {
	var text string
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	_ = json.Unmarshal(raw, &object)
	return object.Message
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3). A date is held
// against the Date of the answer: the clock of this machine may be off.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	until, err := http.ParseTime(text)
	sent, errSent := http.ParseTime(header.Get("Date"))
	if err != nil || errSent != nil {
		return 0
	}
	return max(0, until.Sub(sent))
}

// redirect says where to; empty for none. Nobody follows it, since the token would go along.
func redirect(answer *http.Response) string {
	to, err := answer.Location()
	if err != nil || answer.StatusCode >= 400 {
		return ""
	}
	return fmt.Sprintf("it leads to %s://%s, and redirects are not followed", to.Scheme, to.Host)
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
