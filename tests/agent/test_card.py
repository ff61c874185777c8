"""A simulated participant of known taste: what the card says of them is what they like."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from agent.asking import known_of
from agent.builders import Parts, make_config
from agent.cards import TasteCard, read_card, write_card
from agent.errors import InputError
from agent.lm.draw import draw_edits
from agent.lm.wording import mentioned
from agent.look.card import make_card
from agent.optimize import optimize
from agent.proposer import ProposalRequest, Proposals
from agent.render.base import RenderRequest, RenderResult
from agent.store import RunStore
from agent.trajectory import Candidate, Edit, Heldout, Trajectory
from prompts.catalogue import load_catalogue
from scorer import Scores, UserProfile

TASTE = {
    "moonlight": 0.9,
    "forest": 0.6,
    "low angle": 0.5,
    "golden hour": -0.5,
    "city street": -0.8,
    "digital art": -1.0,
}
"""Points that a value adds to or takes from a picture; all others are worth nothing."""
NAMES = tuple(value.name for value in load_catalogue().values)
NOISE = 0.25


class PlainRenderer:
    """Draws what a prompt speaks of: a pixel for each value of the catalogue, lit or not."""

    def render(self, requests: list[RenderRequest]) -> Iterator[RenderResult]:
        for request in requests:
            yield RenderResult(request, self._picture(request.prompt, request.seed))

    def fingerprint(self) -> str:
        return "plain"

    def _picture(self, prompt: str, seed: int) -> PIL.Image.Image:
        shown = mentioned(prompt, load_catalogue())
        pixels = np.zeros((2, len(NAMES), 3), np.uint8)
        pixels[0] = [[255 * (name in shown)] * 3 for name in NAMES]
        noise = np.random.default_rng((seed, len(prompt), *prompt.encode()[-8:]))
        pixels[1] = noise.integers(0, 256, (len(NAMES), 3))
        return PIL.Image.fromarray(pixels)

    def describe(self) -> Mapping[str, str]:
        return {"pipeline": "plain"}

    def unread(self, prompt: str) -> str:
        return ""

    def warnings(self, prompt: str) -> list[str]:
        return []


class Participant:
    """Likes pictures by their taste, and is not always of the same mind."""

    def score(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str | None], user: UserProfile
    ) -> list[Scores]:
        return [Scores(self._liking(np.asarray(image.convert("RGB"))), {}) for image in images]

    def _liking(self, pixels: np.ndarray) -> float:
        seen = [name for name, pixel in zip(NAMES, pixels[0], strict=True) if pixel[0] > 127]
        mood = np.random.default_rng(int(pixels[1].sum())).normal(0, NOISE)
        return 3.0 + sum(TASTE.get(name, 0.0) for name in seen) + float(mood)

    def describe(self) -> Mapping[str, str]:
        return {"scorer": "participant"}


class Catalogue:
    """The catalogue, asked without a language model's chat around it."""

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        return [Proposals(edits=tuple(draw_edits(r, load_catalogue()))) for r in requests]

    def describe(self) -> Mapping[str, str]:
        return {"llm": "catalogue"}


@pytest.fixture(scope="module")
def everything() -> dict[str, Trajectory]:
    return {}


@pytest.fixture
def run_of(
    new_store: Callable[..., RunStore], everything: dict[str, Trajectory]
) -> Callable[..., Trajectory]:
    """A whole search for the participant."""

    def make(prompt: str, seed: int = 0, **options: object) -> Trajectory:
        key = json.dumps([prompt, seed, options], sort_keys=True)
        if key not in everything:
            settings = {"iterations": 5, "seeds": 3, "seed": seed, "heldout_seeds": 0, **options}
            with new_store(prompt, **settings) as store:
                parts = Parts(Catalogue(), PlainRenderer(), Participant())
                user = UserProfile(user_id="night-owl")
                everything[key] = optimize(store=store, user=user, parts=parts)
        return everything[key]

    return make


PROMPTS = ("a tower", "a boat", "a horse", "a teapot", "a tent", "a snowman")


@pytest.fixture
def card(run_of: Callable[..., Trajectory]) -> TasteCard:
    return make_card([run_of(prompt, seed) for seed, prompt in enumerate(PROMPTS)])


def test_signs_and_order_of_a_known_taste_come_back(card: TasteCard):
    found = {effect.name: effect for effect in card.effects}
    known = [name for name in TASTE if name in found]
    by_card = sorted(known, key=lambda name: -found[name].effect)

    assert len(known) >= 5
    assert all(np.sign(found[name].effect) == np.sign(TASTE[name]) for name in known)
    rho = np.corrcoef(
        [by_card.index(name) for name in known],
        [sorted(known, key=lambda name: -TASTE[name]).index(name) for name in known],
    )[0, 1]
    assert rho >= 0.8
    assert found["moonlight"].is_sure
    assert found["digital art"].is_sure


def test_intervals_hold_the_true_worths(card: TasteCard):
    inside = [e.low <= TASTE.get(e.name, 0.0) <= e.high for e in card.effects]

    assert len(inside) > 20
    assert np.mean(inside) >= 0.85


def tried_once(
    rng: np.random.Generator, *, worths: float, noise: float, heldout: int = 0, edits: int = 9
) -> tuple[Trajectory, dict[str, float]]:
    """A run of which every edit was tried once, on the best prompt so far or on another."""
    truth = {f"edit {n}": float(rng.normal(0, worths)) for n in range(edits)}
    tried = [Candidate(id="c0000", iteration=0, prompt="a tower", status="scored", score=3.0)]
    liking = {"c0000": 3.0}
    for n, (name, worth) in enumerate(truth.items(), start=1):
        best = max(tried, key=lambda c: c.score or 0.0)
        parent = best if rng.random() < 0.6 else tried[0]
        prompt = f"{parent.prompt}, {name}"
        liking[f"c{n:04d}"] = liking[parent.id] + worth
        tried.append(
            Candidate(
                id=f"c{n:04d}",
                parent=parent.id,
                iteration=n,
                prompt=prompt,
                edit=Edit(axis="mood", instruction=name, prompt=prompt),
                status="scored",
                score=liking[f"c{n:04d}"] + float(rng.normal(0, noise)),
            )
        )
    best = max(tried, key=lambda c: c.score or 0.0)
    config = make_config({"seeds": 2})
    shown = tuple(
        Heldout(candidate=c.id, seed=seed, score=liking[c.id] + rng.normal(0, noise * 2**0.5))
        for seed in range(heldout)
        for c in (tried[0], best)
    )
    run = Trajectory(
        id="one",
        status="done",
        prompt="a tower",
        user_id="night-owl",
        config=config,
        initial=tried[0],
        best=best,
        candidates=tuple(tried),
        heldout=shown,
    )
    return run, truth


@pytest.mark.parametrize("heldout", [0, 8])
@pytest.mark.parametrize(("worths", "noise"), [(0.5, 0.1), (0.5, 0.25), (0.5, 0.5), (0.0, 0.3)])
def test_what_was_tried_once_gets_an_honest_interval(worths: float, noise: float, heldout: int):
    rng = np.random.default_rng(7)
    inside: list[bool] = []
    for _ in range(300):
        run, truth = tried_once(rng, worths=worths, noise=noise, heldout=heldout)
        inside += [e.low <= truth[e.name] <= e.high for e in make_card([run]).effects]

    assert len(inside) == 300 * 9
    assert np.mean(inside) >= 0.9


@pytest.mark.parametrize(("noise", "surer"), [(0.01, True), (2.0, False)])
def test_how_much_seeds_matter_makes_a_card_more_or_less_sure(noise: float, surer: bool):
    def width(run: Trajectory) -> float:
        return float(np.mean([e.high - e.low for e in make_card([run]).effects]))

    rng = np.random.default_rng(7)
    runs = [tried_once(rng, worths=0.5, noise=0.1)[0] for _ in range(20)]
    ratios: list[float] = []
    for run in runs:
        assert run.best is not None
        shown = [
            Heldout(candidate=name, seed=seed, score=float(rng.normal(3, noise)))
            for seed in range(8)
            for name in ("c0000", run.best.id)
        ]
        drawn = run.model_copy(update={"heldout": tuple(shown)})
        ratios.append(width(drawn) / width(run))

    assert (np.mean(ratios) < 0.97) if surer else (np.mean(ratios) > 1.1)


def test_more_runs_make_it_surer(run_of: Callable[..., Trajectory], card: TasteCard):
    one = make_card([run_of(PROMPTS[0], 0)])
    before = {effect.name: effect.high - effect.low for effect in one.effects}
    after = {effect.name: effect.high - effect.low for effect in card.effects}

    assert len(before) > 15
    assert np.mean([after[name] for name in before]) < 0.9 * np.mean(list(before.values()))


def test_what_a_fork_takes_out_again_counts_as_it_would_have_put_in(
    run_of: Callable[..., Trajectory],
):
    forks = [
        run_of(f"{words}, in moonlight, digital art", seed, keep=words)
        for seed, words in enumerate(("a rock", "a boat", "a tower"))
    ]
    effects = {effect.name: effect for effect in make_card(forks).effects}

    assert effects["moonlight"].low > 0
    assert effects["digital art"].high < 0
    assert effects["moonlight"].tried >= len(forks)


def test_what_the_users_own_words_say_is_not_on_the_card(run_of: Callable[..., Trajectory]):
    names = {effect.name for effect in make_card([run_of("a rock in moonlight")]).effects}

    assert "moonlight" not in names


def test_a_run_given_twice_counts_once(run_of: Callable[..., Trajectory]):
    run = run_of(PROMPTS[0], 0)

    assert make_card([run, run]) == make_card([run])


def test_a_card_survives_its_file(card: TasteCard, tmp_path: Path):
    (tmp_path / "card.json").write_text(write_card(card))
    again = read_card(tmp_path / "card.json")

    assert [e.name for e in again.effects] == [e.name for e in card.effects]
    assert again.effects[0].effect == pytest.approx(card.effects[0].effect, abs=1e-4)
    assert (tmp_path / "card.json").stat().st_size < 20_000


def test_edits_begin_with_what_the_card_says(card: TasteCard):
    def first_edits(**more: object) -> list[str]:
        found: list[str] = []
        for seed in range(12):
            request = ProposalRequest.model_validate(
                {
                    "candidate_id": "c0000",
                    "iteration": 1,
                    "user_prompt": "a windmill",
                    "parent_prompt": "a windmill",
                    "parent_score": 3.0,
                    "count": 4,
                    "seed": seed,
                    **more,
                }
            )
            for edit in draw_edits(request, load_catalogue()):
                found += mentioned(edit.prompt, load_catalogue())
        return found

    def liked(names: list[str]) -> float:
        return float(np.mean([TASTE.get(name, 0.0) for name in names]))

    cold = first_edits()
    warm = first_edits(known=known_of(card), spread=card.spread)

    assert liked(warm) > liked(cold) + 0.15
    assert warm.count("moonlight") >= 8
    assert "digital art" not in warm


def test_runs_of_several_people_make_no_card(run_of: Callable[..., Trajectory]):
    run = run_of(PROMPTS[0], 0)
    other = run.model_copy(update={"user_id": "lark"})

    with pytest.raises(InputError, match="several people \\('lark', 'night-owl'\\)"):
        make_card([run, other])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not valid"),
        ('{"user_id": "a", "user_id": "b"}', "has the key 'user_id' twice"),
        ('{"user_id": "a", "scorer": "b", "runs": 3}', "runs must be a list, as in"),
        ('{"user_id": 3}', "is not valid"),
        ('{"schema_version": 9, "user_id": "a", "scorer": "b", "runs": [], "prompts": 0, '
         '"spread": 1}', "schema version 9"),
        ('{"user_id": "a", "scorer": "b", "runs": [], "prompts": 0, "spread": 1, "effects": '
         '[{"axis": "a", "name": "b", "effect": 1e999, "low": 0, "high": 1, "tried": 1}]}',
         "effects.0.effect"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_card_is_one_clear_line(tmp_path: Path, text: str, words: str):
    (tmp_path / "card.json").write_text(text)

    with pytest.raises(InputError, match=words):
        read_card(tmp_path / "card.json")
