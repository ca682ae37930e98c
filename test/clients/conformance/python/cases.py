"""
What the scripts of this folder share: how a call is made and told, and what all of them ask.

A script is called with a base URL and makes its calls one after another. Each is a line on stdout,
`{"case": …, "outcome": …}`, where the outcome is what the library handed its caller: the whole answer, the list of
the chunks of a stream, or what it threw. It ends with 1 where a call failed that was not to, or the other way round.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator

from pydantic import BaseModel

URL = sys.argv[1].rstrip("/")
TOKEN = os.environ["CLIENT_TOKEN"]
WRONG_TOKEN = os.environ["WRONG_TOKEN"]
# A target that is not the fake cannot be told to fail, and its models would talk on.
REAL = os.environ.get("REAL") == "1"
CHAT_MODEL = os.environ.get("CHAT_MODEL", "llama3.2")
THINKING_MODEL = os.environ.get("THINKING_MODEL", "qwen3:8b")
EMBED_MODEL = os.environ.get("EMBED_MODEL", "nomic-embed-text")

SAY = [{"role": "user", "content": "count"}]
MOST_TOKENS = 32
# Of an answer that is to be left before its end.
MANY_TOKENS = 1500
# The same text twice of a real model.
OPTIONS = {"temperature": 0, "seed": 1} | ({"num_predict": MOST_TOKENS} if REAL else {})


def fault(kind: str, **more: object) -> dict[str, str]:
    """The header that makes the fake fail in one way; a real target does not mind it."""
    return {"X-Fake-Fault": json.dumps({"kind": kind} | more)}


# Holds a stream that is to be left, so that it is not at its end before that.
HOLD = fault("stall", after=2)
ERROR_IN_THE_STREAM = fault("error_line", after=2, message="boom")
NO_END = fault("clean_end", after=2)

PARAMETERS = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city", "parameters": PARAMETERS},
}

unexpected: list[str] = []


class Count(BaseModel):
    """What a structured answer holds, of the fake too."""

    tok0: int
    tok1: int


def authorization(token: str = TOKEN) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def case(name: str, call: Callable[[], object], fails: bool | None = False) -> None:
    """Makes a call and tells what came of it. `fails` is whether it is to: None is for either."""
    outcome = outcome_of(call)
    print(json.dumps({"case": name, "outcome": outcome}), flush=True)
    # Else a mistake of a script, which is the same on both sides, would pass for agreement.
    error = outcome.get("error") if isinstance(outcome, dict) else None
    if fails not in (None, error is not None):
        unexpected.append(f"{name}: {error or 'did not fail'}")


def fails(name: str, call: Callable[[], object]) -> None:
    """Makes a call that is to fail."""
    case(name, call, fails=True)


def left(name: str, call: Callable[[], Iterator]) -> None:
    """Makes a call and closes its stream after two chunks."""
    case(name, lambda: first_two(call()))


def ended() -> None:
    """Ends the script."""
    sys.exit("\n".join(unexpected) or None)


def first_two(stream: Iterator) -> Iterator:
    """Two chunks of a stream that is closed then. What closing throws is thrown here."""
    yield next(stream)
    yield next(stream)
    stream.close()


def outcome_of(call: Callable[[], object]) -> object:
    """What a call gave its caller: chunks that came before an error are told with it."""
    chunks = []
    try:
        answer = call()
        if not isinstance(answer, Iterator):
            return plain(answer)
        for chunk in answer:
            chunks.append(plain(chunk))
        return chunks
    except Exception as error:
        thrown = {"error": told(error)}
        return {"chunks": chunks, **thrown} if chunks else thrown


def waited(answer: object) -> object:
    """What an asynchronous call gives, in whole: its answer, or all chunks of its stream."""

    async def wait() -> object:
        given = await answer if asyncio.iscoroutine(answer) else answer
        return [chunk async for chunk in given] if isinstance(given, AsyncIterator) else given

    return asyncio.run(wait())


def told(error: Exception) -> dict[str, object]:
    """
    An error by its class, status and text. Not told are the address, which is the caller's own, and the place in a
    line that is no JSON, which depends on the digits of the time before it.
    """
    message = str(getattr(error, "msg", error)).replace(URL, "<base url>")
    return {"class": type(error).__name__, "status": getattr(error, "status_code", None), "message": message}


def plain(value: object) -> object:
    """A value as JSON has it, with every field of the library's types."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", warnings=False)
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, Exception):
        return told(value)
    return value
