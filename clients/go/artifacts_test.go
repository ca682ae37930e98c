package foreman

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAnArtifactIsHeldAgainstItsDigest(t *testing.T) {
	const stored = "the bytes that were stored"
	sum := sha256.Sum256([]byte(stored))
	for name, test := range map[string]struct {
		send string
		size string
		want error
	}{
		"as stored":   {stored, "", nil},
		"other bytes": {strings.ToUpper(stored), "", ErrDigestMismatch},
		"cut short":   {stored[:5], "26", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Repr-Digest", reprDigest(sum[:]))
				if test.size != "" {
					w.Header().Set("Content-Length", test.size)
				}
				_, _ = io.WriteString(w, test.send)
			}))
			content, err := c.Artifact(t.Context(), "job_1", "completion")
			if err != nil {
				t.Fatal(err)
			}
			defer content.Close()
			if _, err := io.ReadAll(content); !errors.Is(err, test.want) {
				t.Errorf("%v, wanted %v", err, test.want)
			}
		})
	}
}

func TestAnUploadIsSentAnewFromItsBeginning(t *testing.T) {
	var requests seen
	c := quick(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.take(r)
		if len(requests.all()) == 1 {
			hangUp(w)
			return
		}
		writeJSON(w, http.StatusCreated, map[string]any{"id": "art_1", "name": nil, "role": "input", "size_bytes": 3})
	}))
	from := strings.NewReader("--cat")
	_, _ = from.Seek(2, io.SeekStart)
	artifact, err := c.Upload(t.Context(), from, UploadOptions{ContentType: "image/png", Filename: "cat é.png"})
	if err != nil || artifact.ID != "art_1" || artifact.SizeBytes != 3 {
		t.Fatal(artifact, err)
	}
	sum := sha256.Sum256([]byte("cat"))
	for _, a := range requests.all() {
		if string(a.body) != "cat" || a.header.Get("Repr-Digest") != reprDigest(sum[:]) || a.header.Get("Content-Type") != "image/png" {
			t.Errorf("%s %v", a.body, a.header)
		}
	}
	if got := requests.all()[1].header.Get("Content-Disposition"); got != "attachment; filename*=utf-8''cat%20%C3%A9.png" {
		t.Error(got)
	}
}
