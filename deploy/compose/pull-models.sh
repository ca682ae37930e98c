#!/bin/sh
# Runs in Ollama's image, as the service `models`: fetches each model of FOREMAN_MODELS that the server does not have yet.
# A model that is there is not looked up again, so a start without a network is fine. Ends with 1 where one cannot be had.
set -u
until ollama list > /dev/null 2>&1; do sleep 2; done
failed=0
for model in $(echo "$FOREMAN_MODELS" | tr ',' ' '); do
  ollama show "$model" > /dev/null 2>&1 || ollama pull "$model" || failed=1
done
exit "$failed"
