"""The Python SDK of Anthropic: messages in whole and streamed, models, and what it makes of errors."""

import anthropic

import cases
from cases import REAL, case, ended, fails, left, waited

TOOL = {"name": "get_weather", "description": "The weather in a city", "input_schema": cases.PARAMETERS}
# The temperature is not among the SDK's own parameters, as its models have none.
REQUEST = {
    "model": cases.CHAT_MODEL,
    "max_tokens": cases.MOST_TOKENS,
    "messages": cases.SAY,
    "extra_body": {"temperature": 0},
}
# A budget of less than the tokens that are allowed is a rule of the SDK's service.
THINKING = {"type": "enabled", "budget_tokens": 1024}


def settings(token: str = cases.TOKEN) -> dict:
    """Without retries: each case is one request."""
    return {"base_url": cases.URL, "api_key": token, "max_retries": 0}


client = anthropic.Anthropic(**settings())


def messages(model: str = cases.CHAT_MODEL, by=client, **more):
    """What nearly all cases ask."""
    return by.messages.create(**REQUEST | {"model": model} | more)


def inventory() -> None:
    case("models", client.models.list)
    case("one model", lambda: client.models.retrieve(cases.CHAT_MODEL))


def inference() -> None:
    case("chat", messages)
    case("chat streamed", lambda: messages(stream=True))
    case("chat by events", events)
    case("chat with tools", lambda: messages(tools=[TOOL]))
    case("chat with tools streamed", lambda: messages(tools=[TOOL], stream=True))
    case("chat thinking", lambda: messages(cases.THINKING_MODEL, thinking=THINKING))


def events():
    """The events of the SDK's own stream, the last of which has the whole message."""
    with client.messages.stream(**REQUEST) as stream:
        yield from stream


def asynchronous() -> None:
    ask = lambda **more: messages(by=anthropic.AsyncAnthropic(**settings()), **more)
    case("chat async", lambda: waited(ask()))
    case("chat async streamed", lambda: waited(ask(stream=True)))


def trouble() -> None:
    left("cancel", lambda: messages(stream=True, max_tokens=cases.MANY_TOKENS, extra_headers=cases.HOLD))
    fails("unknown model", lambda: messages("nobody"))
    fails("unknown model streamed", lambda: messages("nobody", stream=True))
    fails("bad request", lambda: messages(max_tokens=0))


def faults() -> None:
    case("error in the stream", lambda: messages(stream=True, extra_headers=cases.ERROR_IN_THE_STREAM))
    case("stream without its end", lambda: messages(stream=True, extra_headers=cases.NO_END))


inventory()
inference()
asynchronous()
trouble()
if not REAL:
    faults()
case("wrong token", lambda: messages(by=anthropic.Anthropic(**settings(cases.WRONG_TOKEN))), fails=None)
ended()
