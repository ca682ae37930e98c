"""The Python package `ollama`: each call it has for a server, its asynchronous client, and what it makes of errors."""

import ollama

import cases
from cases import REAL, case, ended, fails, left, waited


def client_with(headers: dict[str, str], **more) -> ollama.Client:
    """A client that sends more, such as a fault that its calls are to meet."""
    return ollama.Client(host=cases.URL, headers=cases.authorization() | headers, **more)


client = client_with({})


def chat(model: str = cases.CHAT_MODEL, by: ollama.Client = client, options: dict = cases.OPTIONS, **more):
    """What nearly all cases ask."""
    return by.chat(model, cases.SAY, options=options, **more)


def inventory() -> None:
    case("list", client.list)
    case("show", lambda: client.show(cases.CHAT_MODEL))
    case("embed", lambda: client.embed(cases.EMBED_MODEL, "one"))
    case("embed many", lambda: client.embed(cases.EMBED_MODEL, ["one", "two"]))
    case("embeddings", lambda: client.embeddings(cases.EMBED_MODEL, "one"))
    # Now: of several models the order is that of their last use, which is a matter of time.
    case("ps", client.ps)


def inference() -> None:
    case("chat", chat)
    case("chat streamed", lambda: chat(stream=True))
    case("chat with tools", lambda: chat(tools=[cases.TOOL]))
    case("chat with tools streamed", lambda: chat(tools=[cases.TOOL], stream=True))
    case("chat thinking", lambda: chat(cases.THINKING_MODEL, think=True))
    asked = {"model": cases.CHAT_MODEL, "prompt": "count", "options": cases.OPTIONS, "keep_alive": "10m"}
    generate = lambda **more: client.generate(**asked, **more)
    case("generate", generate)
    case("generate streamed", lambda: generate(stream=True))
    case("structured output", lambda: chat(format=cases.Count.model_json_schema()))


def asynchronous() -> None:
    ask = lambda **more: chat(by=ollama.AsyncClient(host=cases.URL, headers=cases.authorization()), **more)
    case("chat async", lambda: waited(ask()))
    case("chat async streamed", lambda: waited(ask(stream=True)))


def trouble() -> None:
    long = cases.OPTIONS | {"num_predict": cases.MANY_TOKENS}
    left("cancel", lambda: chat(by=client_with(cases.HOLD), options=long, stream=True))
    fails("unknown model", lambda: chat("nobody"))
    fails("unknown model streamed", lambda: chat("nobody", stream=True))
    fails("bad request", lambda: chat(think=True))


def faults() -> None:
    fails("error in the stream", lambda: chat(by=client_with(cases.ERROR_IN_THE_STREAM), stream=True))
    case("stream without its end", lambda: chat(by=client_with(cases.NO_END), stream=True))
    # The library splits a stream at every line separator of Unicode, so it can read the escaped ones alone: where this
    # no longer fails, docs/clients.md is to say so. Read whole first, as else it leaves the stream at that line.
    escaped = client_with(cases.fault("separators_escaped"))
    raw = client_with(cases.fault("separators_raw"), event_hooks={"response": [lambda answer: answer.read()]})
    case("separators escaped", lambda: chat(by=escaped, stream=True))
    fails("separators raw", lambda: chat(by=raw, stream=True))


def management() -> list:
    """Leaves everything as it was. The registry is one that the fake alone has."""
    mine, yours, pulled = "conformance-mine", "conformance-yours", "smollm2:135m"
    return [
        *([] if REAL else client.pull(pulled, stream=True)),
        client.create(mine, from_=cases.CHAT_MODEL, system="Sing."),
        client.copy(mine, yours),
        *([] if REAL else [client.push(yours), client.delete(pulled)]),
        client.delete(mine),
        client.delete(yours),
    ]


inventory()
inference()
asynchronous()
trouble()
if not REAL:
    faults()
case("manage", management)
case("wrong token", ollama.Client(host=cases.URL, headers=cases.authorization(cases.WRONG_TOKEN)).list, fails=None)
ended()
