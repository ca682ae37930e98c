package foreman_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/foreman-jobs/foreman/clients/go"
)

// A job is handed in, and its end is waited for.
func Example() {
	url, token, done := aForeman()
	defer done()

	client := foreman.New(url, token)
	ctx := context.Background()

	job, err := client.Submit(ctx, foreman.NewJob{
		Request:  map[string]any{"model": "llama3.2", "prompt": "Why is the sky blue?"},
		Priority: foreman.PriorityBatch,
		Metadata: map[string]string{"report": "2026-07"},
	})
	if err != nil {
		log.Fatal(err)
	}
	job, err = client.Wait(ctx, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.State, job.Metadata["report"])
	fmt.Println(job.Text())
	// Output:
	// done 2026-07
	// tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7
}

// One call does it all, and cancels the job when its context is over.
func ExampleClient_Run() {
	url, token, done := aForeman()
	defer done()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	job, err := foreman.New(url, token).Run(ctx, foreman.Generate("llama3.2", "Why is the sky blue?"))
	if err == nil {
		err = job.Err()
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Text())
	// Output: tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7
}

// The answer is printed as it is written.
func ExampleClient_Text() {
	url, token, done := aForeman()
	defer done()

	client := foreman.New(url, token)
	ctx := context.Background()
	job, err := client.Submit(ctx, foreman.Generate("llama3.2", "Why is the sky blue?"))
	if err != nil {
		log.Fatal(err)
	}
	for part, err := range client.Text(ctx, job.ID) {
		if err != nil {
			log.Fatal(err)
		}
		if part.Reset {
			fmt.Println("\n(once more, from the beginning)")
		}
		if part.Channel == "content" {
			fmt.Print(part.Text)
		}
	}
	// Output: tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7
}

// What happens to a job is told event by event.
func ExampleClient_Follow() {
	url, token, done := aForeman()
	defer done()

	client := foreman.New(url, token)
	ctx := context.Background()
	job, err := client.Submit(ctx, foreman.Generate("llama3.2", "Why is the sky blue?"))
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.Follow(ctx, job.ID, foreman.FollowOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Type {
		case foreman.EventQueued, foreman.EventWorking, foreman.EventDone:
			fmt.Println(event.Type)
		}
	}
	// Output:
	// job.queued
	// job.working
	// job.done
}

// Errors have a code.
func ExampleError() {
	url, token, done := aForeman()
	defer done()

	_, err := foreman.New(url, token).Get(context.Background(), "job_00000000000000000000000000")
	fmt.Println(errors.Is(err, foreman.CodeNotFound))
	var refused *foreman.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Retryable)
	}
	// Output:
	// true
	// 404 false
}

// A receiver of webhooks verifies what comes before it reads it.
func ExampleVerifyWebhook() {
	secrets := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	receive := func(header http.Header, body []byte) error {
		message, err := foreman.VerifyWebhook(body, header, secrets, time.Now(), foreman.DefaultTolerance)
		if err != nil {
			return err
		}
		fmt.Println(message.ID, message.Type)
		return nil
	}

	forged := http.Header{}
	forged.Set("webhook-id", "evt_1")
	forged.Set("webhook-timestamp", fmt.Sprint(time.Now().Unix()))
	forged.Set("webhook-signature", "v1,AAAA")
	err := receive(forged, []byte(`{"type":"job.done"}`))
	fmt.Println(errors.Is(err, foreman.ErrSignature))
	// Output: true
}

// aForeman is the one that the environment names, or a stand-in.
func aForeman() (url, token string, done func()) {
	if url, token = environment(); url != "" {
		return url, token, func() {}
	}
	server := httptest.NewServer(http.HandlerFunc(standIn))
	return server.URL, "", server.Close
}
