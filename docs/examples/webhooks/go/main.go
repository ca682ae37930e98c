// Takes foreman's webhooks: WEBHOOK_SECRET=whsec_… PORT=9000 go run .
//
// Verifies each message (Standard Webhooks, signature v1), answers 204 where it is genuine and 400 where it is not, and
// prints one line for each that is new. Listens on 127.0.0.1; PORT 0 is any that is free. It needs nothing but Go 1.21.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A message that is older, or from the future, may be one that somebody recorded.
	tolerance = 300 * time.Second
	// foreman sends 32 KiB at most.
	longestBodyBytes = 64 * 1024
	// Ids that are remembered. A receiver of yours keeps them beside what it does with them, for a day or longer.
	mostIDs = 100_000
)

type message struct {
	Type string `json:"type"`
	Data struct {
		ID  string `json:"id"`
		Seq int    `json:"seq"`
	} `json:"data"`
}

type receiver struct {
	secret []byte

	mu   sync.Mutex
	seen map[string]bool
	// The ids in the order in which they came.
	order []string
}

// readSecret gives the bytes behind whsec_.
func readSecret(text string) ([]byte, error) {
	encoded, found := strings.CutPrefix(text, "whsec_")
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(secret) < 24 {
		return nil, errors.New("WEBHOOK_SECRET is not a secret of foreman: whsec_ and base64")
	}
	return secret, nil
}

// verify tells what is wrong with a message. The body is what came, byte for byte: not parsed and written anew.
func verify(secret []byte, header http.Header, body []byte, now time.Time) error {
	id, timestamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return errors.New("a header is missing")
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	if !anyFits(signatures, mac.Sum(nil)) {
		return errors.New("no signature fits")
	}
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if sent := time.Unix(at, 0); err != nil || sent.Before(now.Add(-tolerance)) || sent.After(now.Add(tolerance)) {
		return errors.New("it is too old, or the clocks differ")
	}
	return nil
}

// anyFits: during a rotation there is a signature by each secret, and one that fits is enough.
func anyFits(signatures string, expected []byte) bool {
	for _, signature := range strings.Split(signatures, " ") {
		version, text, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(given, expected) {
			return true
		}
	}
	return false
}

// take does what is to be done with a message that is genuine and new. Longer work belongs into a queue: foreman waits 15 s.
func take(id string, body []byte) error {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	fmt.Println(id, m.Type, m.Data.ID, m.Data.Seq)
	return nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, longestBodyBytes))
	if err == nil {
		err = verify(r.secret, req.Header, body, time.Now())
	}
	if err != nil {
		log.Print("refused: ", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := r.once(req.Header.Get("webhook-id"), body); err != nil {
		log.Print(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) once(id string, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] {
		return nil
	}
	// Before it is remembered: where the work fails, the message comes again.
	if err := take(id, body); err != nil {
		return err
	}
	r.seen[id] = true
	r.order = append(r.order, id)
	if len(r.order) > mostIDs {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
	return nil
}

func main() {
	secret, err := readSecret(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "9000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: &receiver{secret: secret, seen: map[string]bool{}}, ReadTimeout: 30 * time.Second}
	log.Fatal(server.Serve(listener))
}
