"""Answers a question from the text files of a folder: python ask.py "What does the contract say about rent?"

The files are embedded and the answer is streamed, both through foreman. OLLAMA_HOST and OLLAMA_API_KEY are read by the
library itself; CHAT_MODEL, EMBED_MODEL and DOCUMENTS say the rest.
"""

import os
import sys
from pathlib import Path

from langchain_core.vectorstores import InMemoryVectorStore
from langchain_ollama import ChatOllama, OllamaEmbeddings


def main() -> None:
    question = " ".join(sys.argv[1:]) or sys.exit("usage: ask.py QUESTION")
    passages = read_passages(Path(os.environ["DOCUMENTS"]))
    if not passages:
        sys.exit("no .txt or .md file with text in " + os.environ["DOCUMENTS"])
    store = InMemoryVectorStore(OllamaEmbeddings(model=os.environ["EMBED_MODEL"]))
    store.add_texts(passages)
    found = "\n\n".join(hit.page_content for hit in store.similarity_search(question, k=4))
    prompt = f"Answer from this text alone:\n\n{found}\n\nQuestion: {question}"
    # No time limit: the call waits its turn in foreman's queue, which has a limit of its own.
    for part in ChatOllama(model=os.environ["CHAT_MODEL"]).stream(prompt):
        print(part.content, end="", flush=True)
    print()


def read_passages(folder: Path) -> list[str]:
    """The paragraphs of the text files below `folder`, in the order of their names."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".md"))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
    return [part.strip() for text in texts for part in text.split("\n\n") if part.strip()]


main()
