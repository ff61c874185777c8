from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import PixArtTransformer2DModel
from torch import Tensor

from miniature import WEIGHTS
from miniature.attributes import Attributes
from miniature.augment import disturb
from miniature.captions import said_of
from miniature.classifier import HEADS, ROLES, UNKNOWN, load_classifier
from miniature.renderer.export import STEPS, load_parts, make_scheduler, sampled_sigmas
from miniature.renderer.reward import (
    CRITICS,
    GOES_WITHOUT,
    Asked,
    Captions,
    drawn,
    missed,
    train_in_cycles,
    train_on_reward,
    wanted_labels,
)
from miniature.renderer.transformer import TransformerRecipe, make_transformer, velocity
from miniature.training import Plan

SCENE = Attributes(
    subject="boat",
    environment="lake",
    lighting="neon",
    camera_angle="low",
    shot="wide",
    viewpoint="side",
    palette="warm",
    colour="red",
)


def labels(said: tuple[int, ...]) -> dict[str, str | None]:
    found = zip(HEADS.items(), wanted_labels(said), strict=True)
    return {name: None if k == UNKNOWN else values[k] for (name, values), k in found}


def test_a_caption_asks_for_what_it_says_and_for_what_goes_without_saying():
    told = labels(said_of(SCENE))
    assert told["subject"] == "boat"
    assert (told["camera_angle"], told["shot"], told["lighting"]) == ("low", "wide", "neon")
    assert (told["palette"], told["viewpoint"], told["colour"]) == ("warm", "side", "red")
    bare = labels(said_of(SCENE, {"subject"}))
    assert bare["subject"] == "boat"
    assert {name: bare[name] for name in GOES_WITHOUT} == GOES_WITHOUT
    assert bare["mossy"] == bare["several"] == "no"
    left_open = ("environment", "lighting", "camera_angle", "shot", "viewpoint", "colour")
    assert all(bare[name] is None for name in left_open)
    assert labels(said_of(replace(SCENE, mossy=True, several=True)))["mossy"] == "yes"


def test_gradients_go_through_what_is_done_to_a_picture():
    pictures = torch.rand(8, 3, 32, 32, requires_grad=True)
    shown = disturb(pictures, np.random.default_rng(0))
    assert shown.shape == pictures.shape
    assert not torch.allclose(shown, pictures)
    shown.sum().backward()
    assert pictures.grad is not None
    assert (pictures.grad != 0).float().mean() > 0.5


def test_critics_have_no_scene_and_no_weight_in_common_with_the_judge():
    judge = ROLES["judge"]
    for role in map(ROLES.get, CRITICS):
        assert role is not None
        assert role.begins_as is None
        assert role.seed != judge.seed
        assert not any(role.trains_on(n) and judge.trains_on(n) for n in range(300))
        assert any(role.trains_on(n) for n in range(300))


def tiny(seed: int) -> PixArtTransformer2DModel:
    torch.manual_seed(seed)
    recipe = TransformerRecipe(layers=1, heads=2, head_width=8)
    model = make_transformer(recipe)
    with torch.no_grad():
        model.proj_out.weight.normal_(std=0.1)
    return model.eval()


def reached(
    student: PixArtTransformer2DModel,
    asked: Asked,
    latents: Tensor,
    steps: int,
) -> Tensor:
    """The latents after so many steps of the sampler."""
    scheduler = make_scheduler()
    scheduler.set_timesteps(STEPS)
    for step, time in enumerate(scheduler.timesteps[:steps]):
        at = sampled_sigmas()[step]
        found = velocity(student, latents, at.expand(len(latents)), asked.tokens, asked.mask)
        latents = scheduler.step(found, time, latents, return_dict=False)[0]
    return latents


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own
def test_the_anchor_pulls_a_student_to_its_teacher_and_not_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
):
    def in_32_bit(_: str) -> AbstractContextManager[None]:
        return nullcontext()

    monkeypatch.setattr("miniature.renderer.reward.precision", in_32_bit)
    student, teacher = tiny(0), tiny(1)
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randn(2, 5, 384, generator=generator)
    asked = Asked(tokens, torch.ones(2, 5), torch.zeros(2, len(HEADS), dtype=torch.long))
    noise = torch.randn(2, 6, 32, 32, generator=generator)
    _, strayed = drawn(student, teacher, asked, noise, (2, 6))
    strayed.backward()
    found = {name: p.grad.clone() for name, p in student.named_parameters() if p.grad is not None}
    weight = dict(student.named_parameters())["proj_out.weight"]
    # The same at latents that are drawn once more and stand still.
    student.zero_grad()
    loss = noise.new_zeros(())
    for step, scale in ((2, 1.0), (6, 4.0)):
        with torch.no_grad():
            at = reached(student, asked, noise, step)
        given = (at, sampled_sigmas()[step].expand(2), tokens, asked.mask)
        known = velocity(teacher, *given).detach()
        loss = loss + scale * ((velocity(student, *given) - known) ** 2).mean()
    loss.backward()
    assert weight.grad is not None
    assert torch.allclose(found["proj_out.weight"], weight.grad, rtol=1e-3, atol=1e-6)
    assert strayed.item() == pytest.approx(loss.item(), rel=1e-4)


class OneCaption(Captions):
    """Words that don't say what is asked for; the same each time, so that a few steps teach it."""

    def ask(self, count: int, rng: np.random.Generator) -> Asked:
        del rng
        words = self.tokenizer(["a picture"] * count, return_tensors="pt")
        with torch.no_grad():
            states = self.encoder(**words)[0]
        row = wanted_labels(said_of(replace(SCENE, palette="natural"), {"subject", "lighting"}))
        return Asked(states, words["attention_mask"].float(), torch.tensor([row] * count))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own
def test_a_few_steps_make_pictures_show_more_of_what_is_asked_for(tmp_path: Path):
    folder = WEIGHTS / "renderer"
    critics = [load_classifier("perception")]
    captions = OneCaption(folder)
    asked = captions.ask(4, np.random.default_rng(0))
    autoencoder, teacher = load_parts(folder)
    noise = torch.randn(4, 6, 32, 32, generator=torch.Generator().manual_seed(5))

    def miss(transformer: PixArtTransformer2DModel) -> float:
        with torch.no_grad():
            latents, strayed = drawn(transformer, teacher, asked, noise, (0, STEPS - 1))
            assert (strayed == 0) == (transformer is teacher)
            pictures = autoencoder.decoder(latents).clamp(-1, 1)
            return missed(critics, pictures, asked.labels).item()

    before = miss(teacher)
    plan = Plan(tmp_path / "reward.pt", 12, rate=3e-4, batch=4, weight_decay=0.0, warmup=2)
    student = train_on_reward((autoencoder, teacher), captions, critics, plan)
    assert miss(student) < 0.7 * before


def test_cycles_go_on_from_each_other_and_their_mean_is_what_comes_of_them(tmp_path: Path):
    """A training that sets every weight to its step, and remembers how far it was."""
    asked: list[tuple[int, int]] = []

    def train(plan: Plan) -> PixArtTransformer2DModel:
        model = tiny(0)
        start = int(plan.checkpoint.read_text()) if plan.checkpoint.is_file() else 0
        asked.append((start, plan.steps))
        with torch.no_grad():
            for weights in model.parameters():
                weights.fill_(float(plan.steps))
        plan.checkpoint.write_text(str(plan.steps))
        return model

    plan = Plan(tmp_path / "reward.pt", 40)
    mean = train_in_cycles(train, plan)
    assert asked == [(0, 30), (30, 40)]
    torch.testing.assert_close(
        mean.proj_out.bias.detach(), torch.full_like(mean.proj_out.bias, 110 / 3)
    )
    assert not mean.training
    train_in_cycles(train, plan)
    assert asked[2:] == [(30, 30), (40, 40)]
