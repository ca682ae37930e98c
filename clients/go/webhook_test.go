package foreman

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// documented is the message that foreman's documentation shows, and the first of the vectors.
func documented(t *testing.T) (body []byte, header http.Header, secret string, sent time.Time) {
	t.Helper()
	message := vectors[signatureCase](t, "signatures")[0]
	return []byte(message.Body), headersOf(message.Headers), message.Secrets[0], time.Unix(message.NowS, 0)
}

func headerOf(id, at, signature string) http.Header {
	header := http.Header{}
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", signature)
	return header
}

// sign is the other side, written anew from the standard.
func sign(secret, id string, at int64, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTheDocumentedMessageIsRead(t *testing.T) {
	body, header, secret, sent := documented(t)
	message, err := VerifyWebhook(body, header, []string{secret}, sent, 0)
	if err != nil {
		t.Fatal(err)
	}
	job, err := message.Job()
	if err != nil || message.ID != header.Get("webhook-id") || message.Type != EventDone {
		t.Fatal(message, err)
	}
	if !job.Ended() || job.Err() != nil || job.Text() != "Because of Rayleigh scattering." || job.Metadata["report"] != "2026-07" {
		t.Errorf("%+v", job)
	}
	if *job.Timings.TotalS != 0.132 || *job.Usage.OutputTokens != 5 || job.Artifacts[0].SizeBytes != 311 || len(job.Extra) != 1 {
		t.Errorf("%+v", job)
	}
}

// What else is not genuine, the vectors have.
func TestAMessageWithoutItsHeadersIsTold(t *testing.T) {
	body, header, secret, sent := documented(t)
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		without := header.Clone()
		without.Del(name)
		if _, err := VerifyWebhook(body, without, []string{secret}, sent, 0); !errors.Is(err, ErrWebhookHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASecretWithALineEndIsNone(t *testing.T) {
	body, header, secret, sent := documented(t)
	for _, text := range []string{secret + "\n", secret[:20] + "\r\n" + secret[20:], " " + secret} {
		if _, err := VerifyWebhook(body, header, []string{text}, sent, 0); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAClockThatIsOffIsToldWithItsDistance(t *testing.T) {
	body, header, secret, sent := documented(t)
	for off, words := range map[time.Duration]string{
		-10 * time.Minute: "10m0s behind this machine's clock, and 5m0s is tolerated",
		10 * time.Minute:  "10m0s ahead of this machine's clock, and 5m0s is tolerated",
	} {
		now := sent.Add(-off)
		_, err := VerifyWebhook(body, header, []string{secret}, now, 0)
		var told *TimestampError
		if !errors.Is(err, ErrTimestamp) || !errors.As(err, &told) || told.Off != off || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", off, err)
		}
		if _, err := VerifyWebhook(body, header, []string{secret}, now, 10*time.Minute); err != nil {
			t.Errorf("tolerated, and yet: %v", err)
		}
		// A forger is not told of clocks.
		if _, err := VerifyWebhook(body, header, []string{NewWebhookSecret()}, now, 0); !errors.Is(err, ErrSignature) {
			t.Error(err)
		}
	}
}

func TestAMessageOfANewerServer(t *testing.T) {
	body := []byte(`{"type":"job.evaporated","version":7,"data":{"id":"job_1","state":"evaporated","finished_at":"2027-01-01T00:00:00Z","colour":"red"}}`)
	secret := NewWebhookSecret()
	now := time.Unix(1795461726, 0)
	header := headerOf("evt_1", "1795461726", sign(secret, "evt_1", now.Unix(), body))
	message, err := VerifyWebhook(body, header, []string{secret}, now, 0)
	if err != nil || string(message.Extra["version"]) != "7" {
		t.Fatal(message, err)
	}
	job, err := message.Job()
	if err != nil || !job.Ended() || job.Err() == nil || string(job.Extra["colour"]) != `"red"` {
		t.Errorf("%+v %v", job, err)
	}
}
