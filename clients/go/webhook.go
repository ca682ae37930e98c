package foreman

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far the time of a message may be from this machine's.
const DefaultTolerance = 5 * time.Minute

const (
	secretPrefix    = "whsec_"
	publicKeyPrefix = "whpk_"
	shortestSecret  = 24
	longestSecret   = 64
	newSecretBytes  = 32
)

var (
	// ErrSignature: the message was not signed with any of the secrets, or was changed.
	ErrSignature = errors.New("foreman: webhook: no signature fits: another secret, or the body is not what came, byte for byte")
	// ErrTimestamp is what [errors.Is] finds in a [*TimestampError].
	ErrTimestamp = errors.New("foreman: webhook: the time is off")
	// ErrWebhookHeader: a header is missing, or is none that foreman writes.
	ErrWebhookHeader = errors.New("foreman: webhook: webhook-id, webhook-timestamp or webhook-signature is missing or wrong")
	// ErrSecret: what was given as a secret is none.
	ErrSecret = errors.New("foreman: webhook: a secret is whsec_ and 24 to 64 bytes, or whpk_ and 32, in base64")
)

// TimestampError is a message that is genuine, and too old or from the future:
// recorded, or the clocks of foreman and this machine differ.
type TimestampError struct {
	Sent time.Time
	// Off is how far Sent lies ahead of this machine's clock; behind it is below zero.
	Off       time.Duration
	Tolerance time.Duration
}

// Error tells the distance.
func (e *TimestampError) Error() string {
	way := "behind"
	if e.Off > 0 {
		way = "ahead of"
	}
	return fmt.Sprintf("foreman: webhook: it was sent at %s, %s %s this machine's clock, and %s is tolerated: "+
		"it is a recording, or one of the two clocks is wrong",
		e.Sent.UTC().Format(time.RFC3339), e.Off.Abs().Round(time.Second), way, e.Tolerance)
}

// Is holds for [ErrTimestamp].
func (e *TimestampError) Is(target error) bool { return target == ErrTimestamp }

// WebhookMessage is one message of foreman's.
type WebhookMessage struct {
	// ID is the same for each attempt: remember it, and do nothing for one that you know.
	ID        string    `json:"-"`
	Type      EventType `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	// Data of a job is the job, see [WebhookMessage.Job].
	Data  json.RawMessage `json:"data"`
	Extra Extra           `json:"-"`
}

// Job is the job as the change left it. Results above 16 KiB are not in it, and
// of an endpoint with thin payload it has little: see [Client.Get].
func (m *WebhookMessage) Job() (*Job, error) {
	if !strings.HasPrefix(string(m.Type), "job.") {
		return nil, fmt.Errorf("foreman: %s has no job", m.Type)
	}
	job := new(Job)
	return job, json.Unmarshal(m.Data, job)
}

// UnmarshalJSON keeps the fields that it does not know in Extra.
func (m *WebhookMessage) UnmarshalJSON(data []byte) error {
	type known WebhookMessage
	extra, err := decodeOpen(data, (*known)(m))
	m.Extra = extra
	return err
}

// NewWebhookSecret makes a secret: known to foreman and its receiver alone.
func NewWebhookSecret() string {
	secret := make([]byte, newSecretBytes)
	// Does not fail, as its documentation says.
	_, _ = rand.Read(secret)
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// VerifyWebhook reads a message that was signed with one of the secrets (two
// while a secret is being changed). The body is what came, byte for byte. A
// tolerance of 0 is [DefaultTolerance]. Other than genuine it is [ErrSignature],
// a [*TimestampError], [ErrWebhookHeader] or [ErrSecret].
//
// It follows Standard Webhooks 1.0.0. A secret is "whsec_…" for signatures v1, or
// the public key of foreman, "whpk_…", for signatures v1a; other versions are
// ignored.
func VerifyWebhook(
	body []byte, header http.Header, secrets []string, now time.Time, tolerance time.Duration,
) (*WebhookMessage, error) {
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" || header.Get("webhook-signature") == "" {
		return nil, ErrWebhookHeader
	}
	signed := append([]byte(id+"."+stamp+"."), body...)
	if err := checkSignature(signed, header.Get("webhook-signature"), secrets); err != nil {
		return nil, err
	}
	// After the signature: who is told that a clock is off is told so by foreman.
	sent := time.Unix(seconds, 0)
	if off := sent.Sub(now); off.Abs() > tolerance {
		return nil, &TimestampError{sent, off, tolerance}
	}
	message := &WebhookMessage{ID: id}
	if err := json.Unmarshal(body, message); err != nil {
		return nil, fmt.Errorf("foreman: webhook: %w", err)
	}
	return message, nil
}

// checkSignature holds each signature against each secret. One that fits is enough.
func checkSignature(signed []byte, signatures string, secrets []string) error {
	if len(secrets) == 0 {
		return ErrSecret
	}
	fits := false
	for _, text := range secrets {
		check, err := readSecret(text)
		if err != nil {
			return err
		}
		fits = check.anyFits(signatures, signed) || fits
	}
	if !fits {
		return ErrSignature
	}
	return nil
}

// signatureCheck is what a secret is good for: signatures of one version.
type signatureCheck struct {
	version string
	fits    func(signed, given []byte) bool
}

func (c signatureCheck) anyFits(signatures string, signed []byte) bool {
	fits := false
	for _, signature := range strings.Fields(signatures) {
		version, text, _ := strings.Cut(signature, ",")
		given, ok := fromBase64(text)
		// In constant time, whichever of them fits.
		fits = (version == c.version && ok && c.fits(signed, given)) || fits
	}
	return fits
}

func readSecret(text string) (signatureCheck, error) {
	if encoded, found := strings.CutPrefix(text, publicKeyPrefix); found {
		key, ok := fromBase64(encoded)
		if !ok || len(key) != ed25519.PublicKeySize {
			return signatureCheck{}, ErrSecret
		}
		return signatureCheck{"v1a", func(signed, given []byte) bool { return ed25519.Verify(key, signed, given) }}, nil
	}
	encoded, found := strings.CutPrefix(text, secretPrefix)
	secret, ok := fromBase64(encoded)
	if !found || !ok || len(secret) < shortestSecret || len(secret) > longestSecret {
		return signatureCheck{}, ErrSecret
	}
	return signatureCheck{"v1", func(signed, given []byte) bool {
		mac := hmac.New(sha256.New, secret)
		mac.Write(signed)
		return hmac.Equal(given, mac.Sum(nil))
	}}, nil
}

// fromBase64 takes what is written as foreman writes it: padded, and without line ends, which Go lets pass.
func fromBase64(text string) ([]byte, bool) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	return bytes, err == nil && base64.StdEncoding.EncodeToString(bytes) == text
}
