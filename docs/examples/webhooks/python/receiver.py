"""Takes foreman's webhooks: WEBHOOK_SECRET=whsec_... PORT=9000 python3 receiver.py

Verifies each message (Standard Webhooks, signature v1), answers 204 where it is genuine and 400 where it is not, and
prints one line for each that is new. Listens on 127.0.0.1; PORT 0 is any that is free. It needs nothing but Python 3.8.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A message that is older, or from the future, may be one that somebody recorded.
TOLERANCE_S = 300
# foreman sends 32 KiB at most.
LONGEST_BODY_BYTES = 64 * 1024
# Ids that are remembered. A receiver of yours keeps them beside what it does with them, for a day or longer.
MOST_IDS = 100_000

seen = {}  # A dict knows which came first.
one_at_a_time = threading.Lock()


def read_secret(text):
    """The bytes behind whsec_."""
    try:
        secret = base64.b64decode(text[len("whsec_"):], validate=True)
    except ValueError:
        secret = b""
    if text.startswith("whsec_") and len(secret) >= 24:
        return secret
    sys.exit("WEBHOOK_SECRET is not a secret of foreman: whsec_ and base64")


SECRET = read_secret(os.environ.get("WEBHOOK_SECRET", ""))


def fault_of(headers, body):
    """What is wrong with a message, or None. The body is what came, byte for byte: not parsed and written anew."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not (message_id and timestamp and signatures):
        return "a header is missing"
    signed = f"{message_id}.{timestamp}.".encode("latin-1") + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest())
    # During a rotation there is a signature by each secret: one that fits is enough.
    given = [text.encode("latin-1") for text in signatures.split(" ")]
    if not any(hmac.compare_digest(text, b"v1," + expected) for text in given):
        return "no signature fits"
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return "it is too old, or the clocks differ"
    return None


def take(message_id, message):
    """What is to be done with a message that is genuine and new. Longer work belongs into a queue: foreman waits 15 s."""
    data = message["data"]
    print(message_id, message["type"], data.get("id", "-"), data.get("seq", "-"), flush=True)


def remember(message_id):
    seen[message_id] = True
    if len(seen) > MOST_IDS:
        del seen[next(iter(seen))]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            return self.refuse("it does not say how long it is")
        body = self.read_body(int(length))
        if body is None:
            return self.refuse("it is too long")
        fault = fault_of(self.headers, body)
        if fault is not None:
            return self.refuse(fault)
        message_id = self.headers["webhook-id"]
        with one_at_a_time:
            if message_id not in seen:
                take(message_id, json.loads(body))
            # Behind the work: where that raises, the message comes again.
            remember(message_id)
        self.send_response(204)
        self.end_headers()

    def read_body(self, size_bytes):
        """The body, or None where it is too long: that is read to its end, but not kept."""
        if size_bytes <= LONGEST_BODY_BYTES:
            return self.rfile.read(size_bytes)
        while size_bytes > 0:
            size_bytes -= len(self.rfile.read(min(size_bytes, LONGEST_BODY_BYTES))) or size_bytes
        return None

    def refuse(self, fault):
        print("refused:", fault, file=sys.stderr, flush=True)
        text = f"{fault}\n".encode()
        self.send_response(400)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(text)))
        self.send_header("connection", "close")  # What was not read is still in it.
        self.end_headers()
        self.wfile.write(text)

    def log_request(self, *_):
        """One line a message is enough."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
