"""LangChain's package for Ollama: the chat model, the language model and the embeddings of it."""

from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM

import cases
from cases import REAL, case, ended, fails, left, waited


def settings(model: str, token: str = cases.TOKEN, headers: dict[str, str] = {}) -> dict:
    """An address, and the headers of each call."""
    shown = cases.authorization(token) | headers
    return {"model": model, "base_url": cases.URL, "client_kwargs": {"headers": shown}}


def sampled(model: str, most: int = cases.MOST_TOKENS, **more) -> dict:
    """The same for what writes text."""
    return settings(model, **more) | {"temperature": 0, "seed": 1} | ({"num_predict": most} if REAL else {})


def chat(model: str = cases.CHAT_MODEL, reasoning: bool | None = None, **more) -> ChatOllama:
    """The chat model."""
    return ChatOllama(**sampled(model, **more), reasoning=reasoning)


def inference() -> None:
    case("chat", lambda: chat().invoke("count"))
    case("chat streamed", lambda: chat().stream("count"))
    case("chat with tools", lambda: chat().bind_tools([cases.TOOL]).invoke("count"))
    case("chat with tools streamed", lambda: chat().bind_tools([cases.TOOL]).stream("count"))
    case("chat thinking", lambda: chat(cases.THINKING_MODEL, reasoning=True).invoke("count"))
    case("chat async", lambda: waited(chat().ainvoke("count")))
    case("chat async streamed", lambda: waited(chat().astream("count")))
    case("structured output", lambda: chat().with_structured_output(cases.Count, include_raw=True).invoke("count"))


def others() -> None:
    model = OllamaLLM(**sampled(cases.CHAT_MODEL))
    case("generate", lambda: model.invoke("count"))
    case("generate streamed", lambda: model.stream("count"))
    embeddings = OllamaEmbeddings(**settings(cases.EMBED_MODEL))
    case("embed", lambda: embeddings.embed_query("one"))
    case("embed many", lambda: embeddings.embed_documents(["one", "two"]))


def trouble() -> None:
    left("cancel", lambda: chat(most=cases.MANY_TOKENS, headers=cases.HOLD).stream("count"))
    fails("unknown model", lambda: chat("nobody").invoke("count"))
    fails("unknown model streamed", lambda: chat("nobody").stream("count"))
    fails("bad request", lambda: chat(reasoning=True).invoke("count"))


def faults() -> None:
    fails("error in the stream", lambda: chat(headers=cases.ERROR_IN_THE_STREAM).stream("count"))
    case("stream without its end", lambda: chat(headers=cases.NO_END).stream("count"))


inference()
others()
trouble()
if not REAL:
    faults()
case("wrong token", lambda: chat(token=cases.WRONG_TOKEN).invoke("count"), fails=None)
ended()
