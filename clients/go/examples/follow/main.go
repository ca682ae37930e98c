// Prints the text of a job's answer as it is written: go run ./examples/follow <job id>
//
// FOREMAN_URL and FOREMAN_TOKEN say where foreman is and who asks. foreman may be
// killed and started again meanwhile. Ends with 0 where the job is done.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"

	"github.com/foreman-jobs/foreman/clients/go"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: follow <job id>")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client := foreman.New(os.Getenv("FOREMAN_URL"), os.Getenv("FOREMAN_TOKEN"), foreman.WithLogger(slog.Default()))
	for part, err := range client.Text(ctx, os.Args[1]) {
		if err != nil {
			log.Fatal(err)
		}
		if part.Reset {
			fmt.Print("\n\n--- the text begins anew ---\n\n")
		} else if part.Channel == "content" {
			fmt.Print(part.Text)
		}
	}
}
