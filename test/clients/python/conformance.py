"""The Python clients through foreman. Called with foreman's base URL; exits 1 on the first thing that differs."""

import asyncio
import json
import os
import sys

import anthropic
import ollama
import openai

URL = sys.argv[1]
TOKEN = os.environ["FOREMAN_TOKEN"]
TEXT = "tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7"
SAY = [{"role": "user", "content": "count"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "required": ["city"],
            "properties": {"city": {"type": "string"}},
        },
    },
}


def client_with(**fault) -> ollama.Client:
    """A client whose calls meet this fault of the fake target."""
    return ollama.Client(host=URL, headers={"X-Fake-Fault": json.dumps(fault)})


def equal(found, expected):
    assert found == expected, f"{found!r} for {expected!r}"


def raises(kind, status, text, call):
    """The call must fail with this class, status and text."""
    try:
        call()
    except kind as error:
        equal(error.status_code, status)
        assert text in str(error), str(error)
        return
    raise AssertionError("nothing was raised")


def ollama_inference():
    client = ollama.Client(host=URL)
    equal(client.chat("llama3.2", SAY).message.content, TEXT)
    parts = list(client.chat("llama3.2", SAY, stream=True))
    equal("".join(part.message.content for part in parts), TEXT)
    equal(parts[-1].done, True)
    called = client.chat("llama3.2", SAY, tools=[TOOL])
    equal(called.message.tool_calls[0].function.name, "get_weather")
    equal(client.chat("qwen3:8b", SAY, think=True).message.thinking, "think0 think1 think2")
    equal(client.generate("llama3.2", "count", keep_alive="10m").response, TEXT)
    vectors = client.embed("nomic-embed-text", ["one", "two"]).embeddings
    equal([len(vector) for vector in vectors], [768, 768])
    equal(list(client.embeddings("nomic-embed-text", "one").embedding), list(vectors[0]))


def ollama_management():
    client = ollama.Client(host=URL)
    assert "qwen3:8b" in [model.model for model in client.list().models]
    equal(client.show("llama3.2").details.format, "gguf")
    equal(len(client.ps().models) > 0, True)
    equal([part.status for part in client.pull("smollm2:135m", stream=True)][-1], "success")
    equal(client.create("mine", from_="llama3.2", system="Sing.").status, "success")
    equal(client.copy("mine", "yours").status, "success")
    equal(client.push("yours").status, "success")
    equal(client.delete("mine").status, "success")


def ollama_errors():
    client = ollama.Client(host=URL)
    kind = ollama.ResponseError
    raises(kind, 404, "model 'nobody' not found", lambda: client.chat("nobody", SAY))
    raises(kind, 403, "leaves this machine", lambda: client.chat("kimi:cloud", SAY))
    empty = client_with(kind="empty")
    raises(kind, 503, "service unavailable", lambda: list(empty.chat("llama3.2", SAY, stream=True)))
    broken = client_with(kind="error_line", after=2, message="boom")
    raises(kind, -1, "boom", lambda: list(broken.chat("llama3.2", SAY, stream=True)))


def refused():
    """Without a good token each client says so in words."""
    wrong = {"Authorization": "Bearer wrong"}
    raises(ollama.ResponseError, 401, "unauthorized", lambda: ollama.Client(host=URL, headers=wrong).list())
    api = openai.OpenAI(base_url=f"{URL}/v1", api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, 401, "unauthorized", lambda: api.models.list())
    claude = anthropic.Anthropic(base_url=URL, api_key="wrong", max_retries=0)
    ask = lambda: claude.messages.create(model="llama3.2", max_tokens=9, messages=SAY)
    raises(anthropic.AuthenticationError, 401, "unauthorized", ask)


def ollama_separators():
    """U+2028 escaped is text; as it is, the library splits the line there and cannot read it."""
    escaped = client_with(kind="separators_escaped").chat("llama3.2", SAY, stream=True)
    assert "\u2028" in "".join(part.message.content for part in escaped)
    try:
        list(client_with(kind="separators_raw").chat("llama3.2", SAY, stream=True))
    except json.JSONDecodeError:
        return
    raise AssertionError("the library reads raw separators now: say so in docs/clients.md")


async def ollama_async():
    client = ollama.AsyncClient(host=URL)
    both = await asyncio.gather(client.chat("llama3.2", SAY), client.generate("qwen3:8b", "count"))
    equal(both[0].message.content, TEXT)
    equal(both[1].response, TEXT)


def openai_sdk():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=TOKEN, max_retries=0)
    chat = client.chat.completions
    equal(chat.create(model="llama3.2", messages=SAY).choices[0].message.content, TEXT)
    parts = list(chat.create(model="llama3.2", messages=SAY, stream=True))
    equal("".join(part.choices[0].delta.content or "" for part in parts), TEXT)
    equal(client.responses.create(model="llama3.2", input="count").output_text, TEXT)
    vectors = client.embeddings.create(model="nomic-embed-text", input=["one"]).data
    equal(len(vectors[0].embedding), 768)
    unknown = lambda: chat.create(model="nobody", messages=SAY)
    raises(openai.NotFoundError, 404, "model 'nobody' not found", unknown)


def anthropic_sdk():
    client = anthropic.Anthropic(base_url=URL, api_key=TOKEN, max_retries=0)
    request = {"model": "llama3.2", "max_tokens": 64, "messages": SAY}
    equal(client.messages.create(**request).content[0].text, TEXT)
    with client.messages.stream(**request) as stream:
        equal("".join(stream.text_stream), TEXT)
    unknown = lambda: client.messages.create(**{**request, "model": "nobody"})
    raises(anthropic.NotFoundError, 404, "model 'nobody' not found", unknown)


for check in (
    ollama_inference,
    ollama_management,
    ollama_errors,
    ollama_separators,
    lambda: asyncio.run(ollama_async()),
    openai_sdk,
    anthropic_sdk,
    refused,
):
    check()
print("ok")
