package foreman_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/foreman-jobs/foreman/clients/go"
)

const eightWords = "tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7"

// real gives a client of the foreman that the environment names, and says where there is none.
func real(t *testing.T, options ...foreman.Option) *foreman.Client {
	t.Helper()
	url, token := environment()
	if url == "" {
		t.Skip("FOREMAN_URL names no foreman: nothing is proved against a real one")
	}
	return foreman.New(url, token, options...)
}

// listens: FOREMAN_TEST_LISTEN is an address that plugins.webhooks.allow of that foreman has.
func listens(t *testing.T) foreman.Option {
	t.Helper()
	return foreman.WithWebhookListener(os.Getenv("FOREMAN_TEST_LISTEN"), "")
}

func TestRealRunIsCalledBack(t *testing.T) {
	said := new(strings.Builder)
	logger := slog.New(slog.NewTextHandler(said, nil))
	c := real(t, listens(t), foreman.WithLogger(logger), foreman.WithWebhookPatience(20*time.Second))
	// With a context that is far from over, so that polling could not end in time unseen.
	job, err := c.Run(t.Context(), foreman.Generate("llama3.2", "count"))
	if err != nil || job.Err() != nil || job.Text() != eightWords || said.String() != "" {
		t.Error(job, err, said)
	}
}

func TestRealRunPollsWhereTheURLIsRefused(t *testing.T) {
	said := new(strings.Builder)
	c := real(t, foreman.WithLogger(slog.New(slog.NewTextHandler(said, nil))))
	job, err := c.Run(t.Context(), foreman.Chat("llama3.2", foreman.Message{Role: "user", Content: "count"}))
	if err != nil || job.Text() != eightWords || !strings.Contains(said.String(), "webhook_url_refused") {
		t.Error(job, err, said)
	}
}

func TestRealJobsAreHandedInListedAndRemoved(t *testing.T) {
	c := real(t)
	mark := map[string]string{"go-client": "many"}
	jobs := make([]foreman.NewJob, 25)
	for i := range jobs {
		jobs[i] = foreman.Generate("llama3.2", "count")
		jobs[i].Metadata = mark
	}
	jobs[3].Priority = "soon"
	answers, err := c.SubmitMany(t.Context(), jobs)
	if err != nil || !errors.Is(answers[3].Err, foreman.CodeValidationFailed) {
		t.Fatal(answers, err)
	}
	for i, answer := range answers {
		if i == 3 {
			continue
		}
		if job, err := c.Wait(t.Context(), answer.ID); err != nil || job.Err() != nil {
			t.Fatal(i, answer, err)
		}
	}
	listed := 0
	for job, err := range c.List(t.Context(), foreman.ListOptions{Metadata: mark, States: []foreman.State{foreman.StateDone}, PageSize: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
		if err := c.Delete(t.Context(), job.ID); err != nil {
			t.Error(err)
		}
		if _, err := c.Get(t.Context(), job.ID); !errors.Is(err, foreman.CodeJobDataRemoved) {
			t.Error(err)
		}
	}
	if listed != 24 {
		t.Error(listed)
	}
}

func TestRealManyJobsFindRoomInASmallQueue(t *testing.T) {
	_, token := environment()
	url := os.Getenv("FOREMAN_TEST_SMALL_URL")
	if url == "" {
		t.Skip("FOREMAN_TEST_SMALL_URL names no foreman with a small queue: nothing is proved against one")
	}
	said := new(strings.Builder)
	c := foreman.New(url, token, foreman.WithLogger(slog.New(slog.NewTextHandler(said, nil))))
	queue, err := c.Queue(t.Context())
	if err != nil || queue.MaxQueued > 10 {
		t.Fatal(queue, err)
	}
	jobs := make([]foreman.NewJob, 40)
	for i := range jobs {
		jobs[i] = foreman.Generate("llama3.2", fmt.Sprint("count ", i))
	}
	submissions, err := c.SubmitMany(t.Context(), jobs)
	if err != nil || !strings.Contains(said.String(), "queue_full") {
		t.Fatal(err, said)
	}
	ids := map[string]bool{}
	for i, submission := range submissions {
		if job, err := c.Wait(t.Context(), submission.ID); err != nil || submission.Err != nil || job.Err() != nil {
			t.Fatal(i, submission, err)
		}
		ids[submission.ID] = true
	}
	listed := 0
	for _, err := range c.List(t.Context(), foreman.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
	}
	if len(ids) != len(jobs) || listed != len(jobs) {
		t.Error(len(ids), listed)
	}
}

func TestRealKeysCancelAndRetry(t *testing.T) {
	c := real(t)
	long := foreman.NewJob{
		Request:        map[string]any{"model": "llama3.2", "prompt": "count", "options": map[string]any{"num_predict": 100_000}},
		NotBefore:      time.Now().Add(time.Hour),
		IdempotencyKey: "go-client-key",
	}
	first, err := c.Submit(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Submit(t.Context(), long); err != nil || again.ID != first.ID {
		t.Error(again, err)
	}
	if err := c.Delete(t.Context(), first.ID); !errors.Is(err, foreman.CodeJobNotFinished) {
		t.Error(err)
	}
	if canceled, err := c.Cancel(t.Context(), first.ID); err != nil || !canceled.Ended() || !errors.Is(canceled.Err(), foreman.CodeCanceled) {
		t.Error(canceled, err, canceled.Err())
	}
	retried, err := c.Retry(t.Context(), first.ID)
	if err != nil || retried.RetryOf != first.ID {
		t.Fatal(retried, err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for event, err := range c.Follow(ctx, retried.ID, foreman.FollowOptions{}) {
		if err == nil && event.Type == foreman.EventOutput {
			leave()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if job, err := c.Cancel(t.Context(), retried.ID); err != nil || job.State == foreman.StateDone {
		t.Error(job, err)
	}
}

func TestRealArtifacts(t *testing.T) {
	c := real(t)
	bytes := "\x89PNG\r\n\x1a\n, or nearly"
	upload, err := c.Upload(t.Context(), strings.NewReader(bytes), foreman.UploadOptions{Filename: "cat.png"})
	if err != nil || upload.SizeBytes != int64(len(bytes)) || upload.Filename != "cat.png" || upload.Role != "input" {
		t.Fatal(upload, err)
	}
	job, err := c.Run(t.Context(), foreman.Generate("llama3.2", "count"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Artifacts(t.Context(), job.ID)
	if err != nil || len(list) != 1 || list[0].Name != "completion" || list[0].Digest != job.Artifacts[0].Digest {
		t.Fatal(list, err)
	}
	content, err := c.Artifact(t.Context(), job.ID, "completion")
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	body, err := io.ReadAll(content)
	if err != nil || !strings.Contains(string(body), eightWords) || content.SizeBytes != int64(len(body)) || content.ContentType != "application/json" {
		t.Error(string(body), err, content.ContentType)
	}
	if _, err := c.Artifact(t.Context(), job.ID, "nothing"); !errors.Is(err, foreman.CodeNotFound) {
		t.Error(err)
	}
	why, err := c.Why(t.Context(), job.ID)
	if err != nil || why.JobID != job.ID || why.Summary == "" || len(why.Reasons) == 0 || why.Reasons[0].Sentence == "" {
		t.Error(why, err)
	}
}

func TestRealModelsQueueAndEmbeddings(t *testing.T) {
	c := real(t)
	tags, err := c.Tags(t.Context())
	if err != nil || len(tags) == 0 || tags[0].Name != "llama3.2:latest" || tags[0].Size == 0 {
		t.Error(tags, err)
	}
	models, err := c.Models(t.Context())
	if err != nil || models.Target.Status != "up" || len(models.Data) != len(tags) || models.Data[0].ParameterSize == "" {
		t.Error(models, err)
	}
	queue, err := c.Queue(t.Context())
	if err != nil || queue.MaxQueued == 0 || queue.Extra["eta"] == nil {
		t.Error(queue, err)
	}
	embedded, err := c.Embed(t.Context(), foreman.EmbedRequest{Model: "nomic-embed-text", Input: []string{"a", "b"}})
	if err != nil || len(embedded.Embeddings) != 2 || len(embedded.Embeddings[0]) == 0 {
		t.Error(embedded, err)
	}
	_, err = c.Embed(t.Context(), foreman.EmbedRequest{Model: "nobody", Input: []string{"a"}})
	var refused *foreman.Error
	if !errors.As(err, &refused) || refused.Status != 404 || !strings.Contains(refused.Detail, "not found") {
		t.Error(err)
	}
	url, _ := environment()
	if _, err := foreman.New(url, "not-a-token-of-anybody").Queue(t.Context()); !errors.Is(err, foreman.CodeUnauthorized) {
		t.Error(err)
	}
}
