package foreman

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// ArtifactRef is an artifact as its job names it.
type ArtifactRef struct {
	// Name within its job: "completion" is the answer. Empty for an upload.
	Name        string `json:"name"`
	ID          string `json:"id"`
	SizeBytes   int64  `json:"size_bytes"`
	ContentType string `json:"content_type"`
	// Digest is "sha256:" and the hash in hex.
	Digest string `json:"digest"`
}

// Artifact is what a job left behind, or an upload for jobs to use. Its bytes
// never change.
type Artifact struct {
	ArtifactRef
	// Role is "output" of a job, or "input".
	Role     string `json:"role"`
	JobID    string `json:"job_id"`
	Filename string `json:"filename"`

	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is nil while a job holds it whose own end is not known.
	ExpiresAt *time.Time `json:"expires_at"`
}

// Content is the bytes of an artifact. Close it.
type Content struct {
	// Reads as [ErrDigestMismatch] at the end where other bytes came than were
	// stored, and as [io.ErrUnexpectedEOF] where the connection broke.
	io.ReadCloser
	// SizeBytes is -1 where it is not known.
	SizeBytes   int64
	ContentType string
}

// ErrDigestMismatch: other bytes came than were stored.
var ErrDigestMismatch = errors.New("foreman: the bytes are not those of the digest")

// Artifacts lists what a job made, and the uploads it refers to.
func (c *Client) Artifacts(ctx context.Context, jobID string) ([]Artifact, error) {
	var list struct {
		Data []Artifact `json:"data"`
	}
	return list.Data, c.get(ctx, pathOf("jobs", jobID, "artifacts"), &list)
}

// Artifact opens an artifact of a job, "completion" for its answer. Before the end
// of the job it is [CodeJobNotFinished].
func (c *Client) Artifact(ctx context.Context, jobID, name string) (*Content, error) {
	var content *Content
	what := call{method: http.MethodGet, path: pathOf("jobs", jobID, "artifacts", name), repeatable: true}
	err := c.try(ctx, what, func(answer *http.Response) error {
		content = &Content{
			ReadCloser:  verified(answer),
			SizeBytes:   answer.ContentLength,
			ContentType: answer.Header.Get("Content-Type"),
		}
		return nil
	})
	return content, err
}

// UploadOptions describe what is uploaded.
type UploadOptions struct {
	// ContentType is kept where the bytes agree with it. Defaults to "application/octet-stream".
	ContentType string
	// Filename is for display only.
	Filename string
}

// Upload stores the bytes from where `from` stands to its end, for jobs to refer to:
// {"artifact_id": id} stands where the base64 text of an image goes. It reads
// them twice, as their digest is sent along. The same bytes are stored once.
func (c *Client) Upload(ctx context.Context, from io.ReadSeeker, options UploadOptions) (*Artifact, error) {
	start, err := from.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("foreman: the upload: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(sum, from)
	if err != nil {
		return nil, fmt.Errorf("foreman: the upload: %w", err)
	}
	what := call{
		method:     http.MethodPost,
		path:       "/artifacts",
		header:     options.header(sum.Sum(nil)),
		size:       size,
		repeatable: true,
		body: func() (io.Reader, error) {
			_, err := from.Seek(start, io.SeekStart)
			// Without its Close, which is the caller's to call.
			return io.MultiReader(from), err
		},
	}
	artifact := new(Artifact)
	if err := c.ask(ctx, what, artifact); err != nil {
		return nil, err
	}
	return artifact, nil
}

func (o UploadOptions) header(sum []byte) map[string]string {
	header := map[string]string{
		"Content-Type": firstOf(o.ContentType, "application/octet-stream"),
		"Repr-Digest":  reprDigest(sum),
	}
	if o.Filename != "" {
		header["Content-Disposition"] = mime.FormatMediaType("attachment", map[string]string{"filename": o.Filename})
	}
	return header
}

// reprDigest is the field of RFC 9530.
func reprDigest(sum []byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}

// verified reads the body of an answer, and holds it against its digest where it has one.
func verified(answer *http.Response) io.ReadCloser {
	wanted := answer.Header.Get("Repr-Digest")
	if !strings.HasPrefix(wanted, "sha-256=:") {
		return answer.Body
	}
	return &verifiedBody{answer.Body, sha256.New(), wanted}
}

type verifiedBody struct {
	io.ReadCloser
	sum    hash.Hash
	wanted string
}

func (b *verifiedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.sum.Write(into[:n])
	if errors.Is(err, io.EOF) && reprDigest(b.sum.Sum(nil)) != b.wanted {
		err = ErrDigestMismatch
	}
	return n, err
}
