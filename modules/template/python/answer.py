"""Your module's own work. Everything else in this folder is the way to it."""

from collections.abc import Iterator


def answer(query: str) -> Iterator[str]:
    """Gives the answer to a query piece by piece."""
    for index, word in enumerate(f"You asked: {query}".split(" ")):
        yield word if index == 0 else f" {word}"


def self_assessment(query: str) -> float:
    """How sure you are of an answer, from 0 to 1."""
    return 0.8 if query.strip() else 0.0
