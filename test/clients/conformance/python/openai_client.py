"""The Python SDK of OpenAI: chat, completions, responses, embeddings and models, and what it makes of errors."""

import openai

import cases
from cases import REAL, case, ended, fails, left, waited

SAMPLING = {"temperature": 0, "seed": 1} | ({"max_tokens": cases.MOST_TOKENS} if REAL else {})


def settings(token: str = cases.TOKEN) -> dict:
    """Without retries: each case is one request."""
    return {"base_url": f"{cases.URL}/v1", "api_key": token, "max_retries": 0}


client = openai.OpenAI(**settings())


def chat(model: str = cases.CHAT_MODEL, by=client, **more):
    """What nearly all cases ask."""
    return by.chat.completions.create(**{"model": model, "messages": cases.SAY} | SAMPLING | more)


def responses(**more):
    """The same of the newer API, which has no seed."""
    limit = {"max_output_tokens": cases.MOST_TOKENS} if REAL else {}
    return client.responses.create(model=cases.CHAT_MODEL, input="count", temperature=0, **limit, **more)


def inventory() -> None:
    case("models", client.models.list)
    case("one model", lambda: client.models.retrieve(cases.CHAT_MODEL))
    case("embed", lambda: client.embeddings.create(model=cases.EMBED_MODEL, input="one"))
    case("embed many", lambda: client.embeddings.create(model=cases.EMBED_MODEL, input=["one", "two"]))


def inference() -> None:
    case("chat", chat)
    case("chat streamed", lambda: chat(stream=True, stream_options={"include_usage": True}))
    case("chat with tools", lambda: chat(tools=[cases.TOOL]))
    case("chat with tools streamed", lambda: chat(tools=[cases.TOOL], stream=True))
    case("chat thinking", lambda: chat(cases.THINKING_MODEL, reasoning_effort="high"))
    completions = lambda **more: client.completions.create(model=cases.CHAT_MODEL, prompt="count", **SAMPLING, **more)
    case("completions", completions)
    case("completions streamed", lambda: completions(stream=True))
    case("responses", responses)
    case("responses streamed", lambda: responses(stream=True))
    structured = {"type": "json_schema", "json_schema": {"name": "count", "schema": cases.Count.model_json_schema()}}
    case("structured output", lambda: chat(response_format=structured))


def asynchronous() -> None:
    ask = lambda **more: chat(by=openai.AsyncOpenAI(**settings()), **more)
    case("chat async", lambda: waited(ask()))
    case("chat async streamed", lambda: waited(ask(stream=True)))


def trouble() -> None:
    left("cancel", lambda: chat(stream=True, max_tokens=cases.MANY_TOKENS, extra_headers=cases.HOLD))
    fails("unknown model", lambda: chat("nobody"))
    fails("unknown model streamed", lambda: chat("nobody", stream=True))
    fails("bad request", lambda: chat(reasoning_effort="high"))


def faults() -> None:
    case("error in the stream", lambda: chat(stream=True, extra_headers=cases.ERROR_IN_THE_STREAM))
    case("stream without its end", lambda: chat(stream=True, extra_headers=cases.NO_END))


inventory()
inference()
asynchronous()
trouble()
if not REAL:
    faults()
case("wrong token", openai.OpenAI(**settings(cases.WRONG_TOKEN)).models.list, fails=None)
ended()
