import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import PixArtTransformer2DModel

from miniature.alignment import alignment_loss, patch_features, watched
from miniature.attributes import sample
from miniature.classifier import (
    HEADS,
    Classifier,
    classify,
    labels_of,
    load_classifier,
    save_classifier,
    to_tensor,
)
from miniature.encoder import sigmoid_loss
from miniature.renderer.autoencoder import decode, encode, make_autoencoder, psnr
from miniature.renderer.export import export_pipeline
from miniature.renderer.latents import CAPTIONS, LatentData, load_latents, save_latents
from miniature.renderer.routing import draw_kept, routed
from miniature.renderer.transformer import (
    TransformerRecipe,
    draw_batch,
    make_transformer,
    train_transformer,
)
from miniature.training import Plan, fit, learning_rate

TINY = TransformerRecipe(
    steps=2,
    batch=4,
    layers=2,
    heads=2,
    head_width=16,
    every=1,
    early=0.5,
    route=(0, 1),
    aligned_block=0,
)
TOGETHER = f"""
import sys
from pathlib import Path
from miniature.renderer.latents import load_latents
from miniature.renderer.transformer import TransformerRecipe, train_transformer
recipe = TransformerRecipe(**{asdict(TINY)!r})
train_transformer(load_latents(Path(sys.argv[1])), Path(sys.argv[2]), recipe, "cpu")
"""


@pytest.fixture(scope="module")
def data() -> LatentData:
    """Latents of eight pictures with its captions of five tokens each, and the empty caption."""
    rng = np.random.default_rng(0)
    offsets = np.arange(8 * CAPTIONS + 2) * 5
    tokens = rng.standard_normal((offsets[-1], 384)).astype(np.float16)
    latents = rng.standard_normal((8, 6, 32, 32)).astype(np.float16)
    features = rng.standard_normal((8, 64, 12)).astype(np.float16)
    return LatentData(latents, tokens, offsets, features)


def run(model: PixArtTransformer2DModel) -> torch.Tensor:
    """What it answers to two fixed noises."""
    generator = torch.Generator().manual_seed(1)
    return model(
        torch.randn(2, 6, 32, 32, generator=generator),
        encoder_hidden_states=torch.randn(2, 5, 384, generator=generator),
        timestep=torch.tensor([300.0, 700.0]),
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
        return_dict=False,
    )[0]


def distance(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """Euclidean distance between all weights of two models."""
    return sum(((first[name] - second[name]) ** 2).sum().item() for name in first) ** 0.5


def fitted(folder: Path, *, killed_at: int | None = None) -> torch.Tensor:
    """Weights after six steps; with `killed_at`, after a kill in that step and a new start."""
    plan = Plan(folder / "state.pt", steps=6, every=1)
    model = torch.nn.Linear(3, 1)
    for kill in [killed_at, None] if killed_at is not None else [None]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)

        def loss_of(
            step: int, model: torch.nn.Module = model, kill: int | None = kill
        ) -> torch.Tensor:
            if step == kill:
                raise KeyboardInterrupt
            noise = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            return model(noise).square().mean()

        with suppress(KeyboardInterrupt):
            fit(model, loss_of, plan, "test")
    return model.weight.detach()


def test_training_that_is_killed_and_started_again_ends_where_an_undisturbed_one_does(
    tmp_path: Path,
):
    undisturbed = fitted(tmp_path / "whole")
    torch.testing.assert_close(fitted(tmp_path / "killed", killed_at=3), undisturbed)


def test_a_finished_transformer_is_not_trained_again(data: LatentData, tmp_path: Path):
    first = train_transformer(data, tmp_path / "state.pt", TINY, "cpu")
    again = train_transformer(data, tmp_path / "state.pt", TINY, "cpu")
    for before, after in zip(first.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(before, after)


def test_a_batch_depends_on_seed_and_step_only(data: LatentData):
    first, again, other = (draw_batch(data, TINY, step, "cpu") for step in (3, 3, 4))
    torch.testing.assert_close(first.latents, again.latents)
    torch.testing.assert_close(first.noise, again.noise)
    assert not torch.equal(first.noise, other.noise)


def test_the_transformer_begins_with_the_weights_it_is_given(data: LatentData, tmp_path: Path):
    start = make_transformer(TINY)
    torch.nn.init.constant_(start.proj_out.bias, 3.0)
    still = replace(TINY, rate=0.0, muon_rate=0.0)
    trained = train_transformer(data, tmp_path / "state.pt", still, "cpu", start=start)
    torch.testing.assert_close(trained.proj_out.bias, start.proj_out.bias)


def test_tokens_that_are_routed_around_the_blocks_come_out_as_they_went_in():
    model = make_transformer(TINY).eval()
    kept = draw_kept(2, 64, share=0.25, generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    model.transformer_blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.norm_out.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad(), routed(model, kept, first=0, last=1):
        run(model)
    before, after = seen
    changed = (before != after).any(-1)
    assert kept.shape == (2, 16)
    assert torch.equal(changed.nonzero()[:, 1].view(2, 16), kept.sort(1).values)


def test_after_routing_the_model_sees_all_tokens_again():
    model = make_transformer(TINY).eval()
    torch.nn.init.normal_(model.proj_out.weight)
    with torch.no_grad():
        whole = run(model)
        kept = draw_kept(2, 64, share=0.5, generator=torch.Generator().manual_seed(0))
        with routed(model, kept, first=0, last=1):
            assert not torch.equal(run(model), whole)
        torch.testing.assert_close(run(model), whole)


def test_two_processes_that_share_the_batches_train_the_weights_that_one_does(
    data: LatentData, tmp_path: Path
):
    save_latents(data, tmp_path / "latents")
    (tmp_path / "together.py").write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += [str(tmp_path / n) for n in ("together.py", "latents", "state.pt")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    together = torch.load(tmp_path / "state.pt", weights_only=True)["model"]
    saved = load_latents(tmp_path / "latents")
    assert saved is not None
    train_transformer(saved, tmp_path / "alone.pt", TINY, "cpu")
    alone = torch.load(tmp_path / "alone.pt", weights_only=True)["model"]
    torch.manual_seed(TINY.seed)
    untrained = make_transformer(TINY).state_dict()
    learned, apart = distance(alone, untrained), distance(together, alone)
    assert learned > 1e-3
    assert apart < 0.05 * learned  # where matrices are multiplied in 16 bit they are not equal


def test_states_are_compared_with_the_features_of_the_same_patches():
    features = torch.randn(2, 64, 12, generator=torch.Generator().manual_seed(0))
    assert alignment_loss(3 * features, features).item() == pytest.approx(0, abs=1e-6)
    assert alignment_loss(-features, features).item() == pytest.approx(2, abs=1e-6)
    assert alignment_loss(features.flip(1), features).item() > 0.5


def test_the_states_of_a_block_are_collected_while_it_is_watched():
    model = make_transformer(TINY).eval()
    with torch.no_grad(), watched(model.transformer_blocks[1]) as states:
        run(model)
    run(model)
    assert [tuple(state.shape) for state in states] == [(2, 64, 32)]


def test_a_classifier_sees_as_many_patches_as_the_transformer_has_tokens():
    model = Classifier((8, 6, 12, 32)).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    assert patch_features(model, to_tensor(pictures)).shape == (2, 64, 12)


def test_a_picture_goes_through_the_autoencoder_and_comes_back_in_its_shape():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    model = make_autoencoder().eval()
    latents = encode(model, pictures)
    assert latents.shape == (2, 6, 8, 8)
    assert decode(model, latents).shape == pictures.shape


def test_psnr_of_a_known_error():
    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black, black + 255) == pytest.approx(0.0)
    assert psnr(black, black + 51) == pytest.approx(20 * np.log10(5))


def test_the_exported_folder_is_a_pipeline_without_its_text_side(tmp_path: Path):
    export_pipeline(make_autoencoder(), make_transformer(TINY), tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["_class_name"] == "PixArtSigmaPipeline"
    assert index["text_encoder"] == [None, None]
    assert json.loads((tmp_path / "generation.json").read_text())["max_sequence_length"] == 48


def test_the_sigmoid_loss_of_known_logits():
    # Two pairs, logits 0: each of the four terms is log 2, divided by the batch of two.
    assert sigmoid_loss(torch.zeros(2, 2), torch.eye(2) > 0).item() == pytest.approx(2 * np.log(2))
    right = 20 * (2 * torch.eye(3) - 1)
    assert sigmoid_loss(right, torch.eye(3) > 0).item() == pytest.approx(0, abs=1e-6)


def test_a_classifier_comes_back_from_disk_in_16_bit(tmp_path: Path):
    torch.manual_seed(0)
    widths = (8, 6, 32, 32)
    model = Classifier(widths).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    save_classifier(model, widths, tmp_path)
    before, after = (classify(m, pictures) for m in (model, load_classifier("any", tmp_path)))
    assert all(np.allclose(before[name], after[name], atol=5e-3) for name in HEADS)


def test_every_attribute_has_a_label():
    for seed in range(50):
        labels = labels_of(sample(np.random.default_rng(seed)))
        assert all(0 <= k < len(v) for k, v in zip(labels, HEADS.values(), strict=True))


def test_the_learning_rate_rises_stays_and_falls():
    shares = [learning_rate(step, 1000) for step in (0, 99, 500, 800, 999)]
    assert shares == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.02], abs=0.01)
