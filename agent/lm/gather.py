"""Gathers calls that come from several threads into one batch, in an order of their own.

    gatherer = Gatherer(generate, order=lambda question: question.candidate_id)
    gatherer.expect(3)
    answers = [thread.submit(gatherer.ask, question) for question in three_questions]

Whichever thread comes last, the batch is the same, so what it gives is the same. The one rule that
is not obvious: who expects a number of calls must make them; if one of them never comes, those
that came go on without it after `patience` seconds.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Batch(Generic[Question, Answer]):
    """Questions that wait for each other."""

    size: int
    questions: list[Question] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    """By the place of the question."""
    error: Exception | None = None
    finished: threading.Event = field(default_factory=threading.Event)
    full: threading.Event = field(default_factory=threading.Event)


class Gatherer(Generic[Question, Answer]):
    """Answers questions together.

    Args:
        answer_all: Answers a batch, in its order.
        order: Sorts the questions of a batch.
        patience: Seconds that a batch waits for calls that were announced.
    """

    def __init__(
        self,
        answer_all: Callable[[list[Question]], list[Answer]],
        *,
        order: Callable[[Question], Any],
        patience: float = 60.0,
    ) -> None:
        self._answer_all = answer_all
        self._order = order
        self._patience = patience
        self._lock = threading.Lock()
        self._batch: _Batch[Question, Answer] = _Batch(1)

    def expect(self, count: int) -> None:
        """Says how many calls come next and belong together."""
        with self._lock:
            self._batch = _Batch(count)

    def ask(self, question: Question) -> Answer:
        """Waits for the others of the batch and returns the answer to this question.

        Raises:
            Exception: what `answer_all` raised, in each of the waiting threads.
        """
        with self._lock:
            batch, place = self._batch, len(self._batch.questions)
            batch.questions.append(question)
            if len(batch.questions) == batch.size:
                batch.full.set()
                self._batch = _Batch(1)
        if place == 0:
            batch.full.wait(self._patience)
            self._answer(batch)
        batch.finished.wait()
        if batch.error is not None:
            raise batch.error
        return batch.answers[place]

    def _answer(self, batch: _Batch[Question, Answer]) -> None:
        with self._lock:
            if self._batch is batch:
                self._batch = _Batch(1)
            questions = list(batch.questions)
        places = sorted(range(len(questions)), key=lambda place: self._order(questions[place]))
        try:
            answers = self._answer_all([questions[place] for place in places])
            batch.answers.update(zip(places, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - raised again in every waiting thread
            batch.error = error
        finally:
            batch.finished.set()
