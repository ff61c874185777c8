"""Draws pictures and has them scored, a batch at a time.

    studio = Studio(...)
    batch = studio.shoot([Shot("c0001", "a rock by candle-light", seed=7)])

The one rule that is not obvious: a batch is drawn, scored and then recorded as a whole, and it is
made up the same way whatever has been recorded before. Models promise equal results only for
equal batches, so this is what makes a resumed run the same as an undisturbed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import PIL.Image

from agent.clock import Clock
from agent.judge import Take
from agent.observer import Observer
from agent.render.base import Renderer, RenderRequest, RenderResult
from agent.store import RunStore, Shot
from scorer.base import Scorer, Scores
from scorer.profile import UserProfile


@dataclass(frozen=True)
class Batch:
    """Pictures that were drawn and scored together."""

    takes: tuple[Take, ...]
    """One a shot, in order."""
    seconds: dict[str, float]
    """By stage, of the whole batch."""


@dataclass(frozen=True)
class Studio:
    """Joins renderer, scorer and store for one person and prompt."""

    renderer: Renderer
    scorer: Scorer
    store: RunStore
    user: UserProfile
    prompt: str
    """The user's own, which is all that the scorer reads."""
    size: tuple[int, int] | None
    clock: Clock
    observer: Observer

    def shoot(self, shots: Sequence[Shot]) -> Batch:
        """Draws, keeps and scores the pictures; one that fails is a take with an error."""
        before = self._seconds()
        with self.clock.stage("render"):
            results = self._draw(shots)
            images = [
                self.store.save_image(shot, result.image) if result.image is not None else None
                for shot, result in zip(shots, results, strict=True)
            ]
        pictures = [result.image for result in results if result.image is not None]
        scores = iter(self._score(pictures))
        takes = tuple(
            Take(shot.candidate, shot.seed, image, next(scores) if image else None, result.error)
            for shot, image, result in zip(shots, images, results, strict=True)
        )
        after = self._seconds()
        return Batch(takes, {stage: after[stage] - before[stage] for stage in after})

    def _seconds(self) -> dict[str, float]:
        return {"render": self.clock.spent("render"), "score": self.clock.spent("score")}

    def _draw(self, shots: Sequence[Shot]) -> list[RenderResult]:
        width, height = self.size or (None, None)
        requests = [RenderRequest(shot.prompt, shot.seed, width, height) for shot in shots]
        results: list[RenderResult] = []
        for result in self.renderer.render(requests):
            results.append(result)
            self.observer.advance()
        return results

    def _score(self, pictures: Sequence[PIL.Image.Image]) -> list[Scores]:
        if not pictures:
            return []
        with self.clock.stage("score"):
            return self.scorer.score(pictures, [self.prompt] * len(pictures), self.user)

    def unread(self, prompt: str) -> str:
        """The end of a prompt that the renderer does not read."""
        with self.clock.stage("render"):
            return self.renderer.unread(prompt)

    def warnings(self, prompt: str) -> list[str]:
        """What of a prompt will not be drawn."""
        with self.clock.stage("render"):
            return self.renderer.warnings(prompt)
