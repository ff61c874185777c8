"""What a language model is asked in a run, made for the tuning of its instructions.

    studio = Bench(renderer, scorer, config)
    situations = make_situations(prompts, people, studio)
    situations[0].request           # a `ProposalRequest`, as in a run

Every prompt and person make two: the beginning of a run, where nothing is known yet, and how it
stands after the catalogue has proposed once, with the edits that went well and badly. The one rule
that is not obvious: both ask for `branching` edits of one prompt, so that all answers cost the same
to judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.asking import Asker, candidate_id, drawable_values, leanings_of, stray_rule
from agent.config import RunConfig
from agent.errors import RunError
from agent.judge import Draft, Take, adherence_floor, judged
from agent.proposer import ProposalRequest, Proposer
from agent.records import INITIAL_ID
from agent.render.base import Renderer, RenderRequest
from agent.screen import Rules, screen
from agent.search.base import Expansion
from agent.search.beam import ranked
from agent.seeds import derive_seeds
from agent.stray import OwnWords
from agent.trajectory import Candidate, Edit
from scorer.base import Scorer
from scorer.minilm import embed_spans
from scorer.profile import UserProfile


@dataclass(frozen=True)
class Shot:
    """A picture that is wanted."""

    candidate: str
    prompt: str
    seed: int


class Bench:
    """Draws and scores pictures that no run keeps; for one caller at a time.

    Args:
        renderer: What draws.
        scorer: What judges.
        config: The settings of the runs that the instructions are tuned for.
    """

    def __init__(self, renderer: Renderer, scorer: Scorer, config: RunConfig) -> None:
        self.config = config
        self.pictures = 0
        self.search_seeds = derive_seeds(config.seed, "search", config.seeds)
        self.heldout_seeds = derive_seeds(
            config.seed, "heldout", config.heldout_seeds, avoid=self.search_seeds
        )
        self.encoder = scorer.describe().get("encoder", "")
        self._renderer = renderer
        self._scorer = scorer

    def takes(self, shots: Sequence[Shot], prompt: str, user: UserProfile) -> list[Take]:
        """The shots drawn, and scored as pictures of the user's own prompt."""
        if not shots:
            return []
        width, height = self.config.size or (None, None)
        wanted = [RenderRequest(shot.prompt, shot.seed, width, height) for shot in shots]
        results = list(self._renderer.render(wanted))
        drawn = [result.image for result in results if result.image is not None]
        scores = iter(self._scorer.score(drawn, [prompt] * len(drawn), user) if drawn else [])
        self.pictures += len(drawn)
        return [
            Take(
                candidate=shot.candidate,
                seed=shot.seed,
                scores=None if result.image is None else next(scores),
                error=result.error,
            )
            for shot, result in zip(shots, results, strict=True)
        ]

    def leanings(self, prompt: str, user: UserProfile) -> dict[str, float]:
        """What the scorer expects before anything is drawn."""
        return leanings_of(self._scorer, prompt, user, drawable_values(self.config.renderer))

    def unread(self, prompt: str) -> str:
        """The end of a prompt that the renderer does not read."""
        return self._renderer.unread(prompt)


@dataclass(frozen=True)
class Situation:
    """A request, and all that an answer to it is judged by."""

    name: str
    request: ProposalRequest
    user: UserProfile
    tried: Mapping[str, Candidate]
    rules: Rules
    floor: float | None
    """The least adherence of an edit's pictures."""

    @property
    def parent(self) -> Candidate:
        """What the edits are edits of."""
        return self.tried[self.request.candidate_id]

    def draft(self, edits: Sequence[Edit]) -> list[Draft]:
        """The edits with the ids that they get in a run."""
        first, iteration = len(self.tried), self.request.iteration
        return [
            Draft(candidate_id(first + n), self.parent.id, iteration, edit.prompt, edit)
            for n, edit in enumerate(edits)
        ]


def try_edits(situation: Situation, edits: Sequence[Edit], bench: Bench) -> list[Candidate]:
    """What becomes of edits on the seeds of the search, in the order of their ids."""
    screened = screen(situation.draft(edits), situation.tried, {}, situation.rules)
    drawn = _drawn(screened.fresh, situation, bench)
    return sorted((*screened.undrawn, *drawn), key=lambda candidate: candidate.id)


def _drawn(drafts: Sequence[Draft], situation: Situation, bench: Bench) -> list[Candidate]:
    shots = [Shot(draft.id, draft.prompt, seed) for draft in drafts for seed in bench.search_seeds]
    takes = bench.takes(shots, situation.request.user_prompt, situation.user)
    return [
        judged(
            draft, [t for t in takes if t.candidate == draft.id], floor=situation.floor, seconds={}
        )
        for draft in drafts
    ]


def make_situations(
    prompts: Sequence[str], people: Sequence[UserProfile], bench: Bench, catalogue: Proposer
) -> list[Situation]:
    """Two for each prompt and person.

    Raises:
        RunError: a prompt could not be drawn and scored.
    """
    made: list[Situation] = []
    for prompt in prompts:
        for user in people:
            first = _beginning(prompt, user, bench)
            (answer,) = catalogue.propose([first.request])
            made += [first, _after(first, try_edits(first, answer.edits, bench), bench)]
    return made


def _asker(
    prompt: str, user: UserProfile, config: RunConfig, leanings: Mapping[str, float]
) -> Asker:
    return Asker(
        user,
        prompt,
        config.seed,
        drawable_values(config.renderer),
        stray_rule(config.stray),
        leanings=leanings,
    )


def _beginning(prompt: str, user: UserProfile, bench: Bench) -> Situation:
    config = bench.config
    takes = bench.takes([Shot(INITIAL_ID, prompt, s) for s in bench.search_seeds], prompt, user)
    own = Draft(INITIAL_ID, None, 0, prompt, None)
    initial = judged(own, takes, floor=None, seconds={})
    if initial.status != "scored":
        raise RunError(f"the prompt {prompt!r} could not be drawn and scored: {initial.error}")
    tried = {INITIAL_ID: initial}
    wanted = [Expansion(INITIAL_ID, config.branching)]
    asker = _asker(prompt, user, config, bench.leanings(prompt, user))
    (request,) = asker.requests(wanted, tried, iteration=1)
    return Situation(
        name=f"{prompt} | {user.user_id} | first",
        request=request,
        user=user,
        tried=tried,
        rules=Rules(OwnWords(prompt, embed_spans), config.stray, bench.unread),
        floor=adherence_floor(initial, config.adherence_tolerance, bench.encoder),
    )


def _after(first: Situation, candidates: Sequence[Candidate], bench: Bench) -> Situation:
    """How a run goes on from the best of what was tried."""
    prompt, user = first.request.user_prompt, first.user
    tried = {**first.tried, **{candidate.id: candidate for candidate in candidates}}
    wanted = [Expansion(ranked(tried.values())[0].id, bench.config.branching)]
    asker = _asker(prompt, user, bench.config, first.request.leanings)
    (request,) = asker.requests(wanted, tried, iteration=2)
    return Situation(
        name=f"{prompt} | {user.user_id} | later",
        request=request,
        user=user,
        tried=tried,
        rules=first.rules,
        floor=first.floor,
    )
