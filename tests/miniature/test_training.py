import copy
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
from safetensors.torch import save_file

from miniature.alignment import alignment_loss, patch_features, watched
from miniature.attributes import sample
from miniature.captions import SAYABLE
from miniature.classifier import (
    HEADS,
    UNKNOWN,
    Classifier,
    classify,
    labels_of,
    load_classifier,
    save_classifier,
    to_tensor,
)
from miniature.renderer.autoencoder import decode, encode, make_autoencoder, psnr
from miniature.renderer.distil import blank, distil_guidance, guided_velocity
from miniature.renderer.export import export_pipeline
from miniature.renderer.latents import (
    CAPTIONS,
    LatentData,
    check_latents,
    load_latents,
    make_latents,
    save_arrays,
)
from miniature.renderer.reader import Reader, bottom_up, read, train_reader
from miniature.renderer.routing import draw_kept, routed
from miniature.renderer.transformer import (
    TransformerRecipe,
    draw_batch,
    make_transformer,
    noisy,
    train_transformer,
    velocity,
)
from miniature.states import PADDING, Captions
from miniature.told import sigmoid_losses
from miniature.training import Plan, fit, hidden_matrices, learning_rate, load_checkpoint
from scorer.errors import PrerequisiteError
from scorer.minilm import TEXT_LAYERS, text_encoder_and_tokenizer

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
    """Latents of eight pictures with their captions of five tokens each, plain ones of four."""
    rng = np.random.default_rng(0)
    told, plain = (
        Captions(rng.standard_normal((count * length, 384)).astype(np.float16), offsets)
        for length in (5, 4)
        for count in [8 * CAPTIONS + 1]
        for offsets in [np.arange(count + 1) * length]
    )
    latents = rng.standard_normal((8, 6, 32, 32)).astype(np.float16)
    features = rng.standard_normal((8, 64, 12)).astype(np.float16)
    return LatentData(latents, told, plain, np.zeros((8 * CAPTIONS, 1), np.int8), features)


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


def fitted(folder: Path, *, hidden: bool, killed_at: int | None = None) -> torch.Tensor:
    """Weights after six steps; with `killed_at`, after a kill in that step and a new start."""
    plan = Plan(folder / "state.pt", steps=6, every=1)
    model = torch.nn.Linear(32, 32)
    for kill in [killed_at, None] if killed_at is not None else [None]:
        torch.manual_seed(0)
        model = torch.nn.Linear(32, 32)

        def loss_of(
            step: int, model: torch.nn.Module = model, kill: int | None = kill
        ) -> torch.Tensor:
            if step == kill:
                raise KeyboardInterrupt
            noise = torch.randn(4, 32, generator=torch.Generator().manual_seed(step))
            return model(noise).square().mean()

        with suppress(KeyboardInterrupt):
            fit(model, loss_of, plan, "test", hidden=hidden_matrices(model) if hidden else ())
    return model.weight.detach()


def returns_true(_: str) -> bool:
    return True


@pytest.mark.parametrize("hidden", [False, True])
def test_training_that_is_killed_and_started_again_ends_where_an_undisturbed_one_does(
    hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("scorer.device.computes_bfloat16", returns_true)
    undisturbed = fitted(tmp_path / "whole", hidden=hidden)
    again = fitted(tmp_path / "killed", hidden=hidden, killed_at=3)
    torch.testing.assert_close(again, undisturbed)
    saved = torch.load(tmp_path / "whole" / "state.pt", weights_only=True)
    assert len(saved["optimizers"]) == 1 + hidden


def test_a_checkpoint_of_another_model_is_not_trained_on(tmp_path: Path):
    torch.save({"model": {"other": torch.zeros(3)}, "step": 1}, tmp_path / "state.pt")
    with pytest.raises(SystemExit, match=r"state\.pt.*another model"):
        fitted(tmp_path, hidden=False)


def test_a_checkpoint_of_other_optimizers_is_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("scorer.device.computes_bfloat16", returns_true)
    fitted(tmp_path, hidden=False)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    torch.save(state | {"step": 3}, tmp_path / "state.pt")
    with pytest.raises(SystemExit, match=r"state\.pt.*other optimizers"):
        fitted(tmp_path, hidden=True)


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


def keep(data: LatentData, folder: Path) -> None:
    data.plain.save(folder, "plain")
    data.captions.save(folder, "captions")
    save_arrays(folder, latents=data.latents, said=data.said, features=data.features)


def test_two_processes_that_share_the_batches_train_the_weights_that_one_does(
    data: LatentData, tmp_path: Path
):
    keep(data, tmp_path / "latents")
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


def test_latents_of_other_scenes_seeds_or_autoencoders_are_told(tmp_path: Path):
    scenes = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    model = make_autoencoder().eval()
    named = [sample(np.random.default_rng(number)) for number in range(2)]
    make_latents(scenes, named, model, 0, tmp_path)
    own = load_latents(tmp_path)
    assert own is not None
    features = own.features.astype(np.float32)
    np.testing.assert_allclose(features.mean((0, 1)), 0, atol=1e-2)
    np.testing.assert_allclose(features.std((0, 1)), 1, atol=1e-2)
    check_latents(own, scenes, named, model, seed=0)
    for pictures, attributes, autoencoder, seed in (
        (scenes[:1], named[:1], model, 0),
        (scenes[::-1], named, model, 0),
        (scenes, named[::-1], model, 0),
        (scenes, named, make_autoencoder().eval(), 0),
        (scenes, named, model, 1),
    ):
        with pytest.raises(ValueError, match="other scenes, other words, another autoencoder"):
            check_latents(own, pictures, attributes, autoencoder, seed)
    other = replace(own, said=own.said + 1)
    assert other.told != own.told
    with pytest.raises(ValueError, match="other words"):
        check_latents(other, scenes, named, model, seed=0)


def test_what_is_whole_of_latents_is_not_made_again(tmp_path: Path):
    scenes = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    named = [sample(np.random.default_rng(0))]
    make_latents(scenes, named, make_autoencoder().eval(), 0, tmp_path)
    (tmp_path / "plain-offsets.npy").unlink()
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    make_latents(scenes, named, make_autoencoder().eval(), 0, tmp_path)
    after = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"plain-tokens.npy", "plain-offsets.npy"}


def test_latents_that_were_not_written_to_the_end_are_not_there(data: LatentData, tmp_path: Path):
    keep(data, tmp_path)
    found = load_latents(tmp_path)
    assert found is not None
    assert found.told == data.told
    np.testing.assert_array_equal(found.captions.states(3), data.captions.states(3))
    (tmp_path / "captions-offsets.npy").unlink()
    assert load_latents(tmp_path) is None


def test_a_transformer_is_not_trained_on_with_other_captions(data: LatentData, tmp_path: Path):
    train_transformer(data, tmp_path / "state.pt", TINY, "cpu", "first")
    with pytest.raises(SystemExit, match=r"state\.pt.*other captions"):
        train_transformer(data, tmp_path / "state.pt", TINY, "cpu", "second")


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
    frozen = text_encoder_and_tokenizer()[0]
    layer = copy.deepcopy(frozen.encoder.layer[-1])
    export_pipeline(make_autoencoder(), make_transformer(TINY), layer, tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["_class_name"] == "PixArtSigmaPipeline"
    assert index["text_encoder"] == [None, None]
    assert json.loads((tmp_path / "generation.json").read_text())["max_sequence_length"] == 64
    encoder, tokenizer = text_encoder_and_tokenizer(tmp_path)
    words = tokenizer(["a mossy rock", "rain"], padding=True, return_tensors="pt")
    below = frozen(**words)[0]
    expected = bottom_up(layer.eval(), below, words["attention_mask"].float())
    torch.testing.assert_close(encoder(**words)[0], expected, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "state",
    [
        {"encoder.layer.6.nothing": torch.zeros(2)},
        {"nothing": torch.zeros(2)},
        {"encoder.layer.6.attention.self.query.weight": torch.zeros(2, 2)},
        {"encoder.layer.0.attention.self.query.weight": torch.zeros(384, 384)},
    ],
)
def test_layers_of_something_else_are_refused(state: dict[str, torch.Tensor], tmp_path: Path):
    save_file(state, tmp_path / TEXT_LAYERS)
    with pytest.raises(PrerequisiteError, match=r"text_layers.*holds no layers"):
        text_encoder_and_tokenizer(tmp_path)


def test_broken_layers_are_refused(tmp_path: Path):
    (tmp_path / TEXT_LAYERS).write_bytes(b"broken")
    with pytest.raises(PrerequisiteError, match=r"text_layers.*holds no layers"):
        text_encoder_and_tokenizer(tmp_path)


def test_the_reader_learns_what_captions_say_and_its_layer_reads_all_of_them(
    data: LatentData, tmp_path: Path
):
    said = np.zeros((8 * CAPTIONS, len(SAYABLE)), np.int8)
    said[::2, 0] = 1
    torch.manual_seed(0)
    plan = Plan(tmp_path / "reader.pt", steps=30, rate=1e-3, batch=16)
    layer = train_reader(data.captions, said, plan)
    kept = load_checkpoint(tmp_path / "reader.pt")
    assert kept is not None
    model = Reader(layer).eval()
    model.load_state_dict(kept["model"])
    states, mask = map(torch.from_numpy, data.captions.padded(np.arange(len(said))))

    assert model(states, mask)[0].argmax(1).tolist() == said[:, 0].tolist()
    above = read(data.captions, layer)
    expected = bottom_up(layer, states[:1, :5], mask[:1, :5])[0]
    np.testing.assert_allclose(above.states(0), expected.detach(), atol=0.05)
    assert above.empty == data.captions.empty


def test_the_sigmoid_loss_of_known_logits():
    # Logits 0: each term is log 2, whether a text is true of a picture or not.
    losses = sigmoid_losses(torch.zeros(2, 2), torch.eye(2) > 0)
    np.testing.assert_allclose(losses, np.log(2), rtol=1e-6)
    right = 20 * (2 * torch.eye(3) - 1)
    np.testing.assert_allclose(sigmoid_losses(right, torch.eye(3) > 0), 0, atol=1e-6)


def test_the_student_predicts_in_one_forward_what_guidance_needs_two_for(
    data: LatentData, tmp_path: Path
):
    teacher = make_transformer(TINY)
    torch.manual_seed(0)
    torch.nn.init.normal_(teacher.proj_out.weight, std=0.2)
    batch = draw_batch(data, TINY, 0, "cpu")
    empty = blank(data, "cpu")
    wanted = guided_velocity(teacher, batch, empty)

    def error(model: PixArtTransformer2DModel) -> float:
        found = velocity(model, noisy(batch), batch.time, batch.tokens, batch.mask)
        return ((found - wanted) ** 2).mean().item()

    before = error(teacher)
    plan = Plan(tmp_path / "state.pt", steps=60, rate=3e-3)
    student = distil_guidance(teacher, data, plan, TINY, batch.time)

    assert before > 0
    assert error(student) < 0.7 * before


def test_the_teacher_reads_the_plain_words_and_the_student_the_others(data: LatentData):
    model = make_transformer(TINY)
    torch.manual_seed(0)
    torch.nn.init.normal_(model.proj_out.weight, std=0.2)
    batch = draw_batch(data, TINY, 0, "cpu", dropout=0.0)
    wanted = guided_velocity(model, batch, blank(data, "cpu"), guidance=1.0)

    reads_plain = velocity(model, noisy(batch), batch.time, batch.plain_tokens, batch.plain_mask)
    reads_other = velocity(model, noisy(batch), batch.time, batch.tokens, batch.mask)
    torch.testing.assert_close(wanted, reads_plain)
    assert not torch.allclose(wanted, reads_other)


def test_captions_are_padded_to_a_common_length_and_the_last_one_is_empty(data: LatentData):
    tokens, mask = data.plain.padded(np.array([3, data.plain.empty]))
    assert tokens.shape == (2, PADDING, 384)
    assert mask.sum(1).tolist() == [4, 4]
    np.testing.assert_array_equal(tokens[0, :4], data.plain.states(3))
    np.testing.assert_array_equal(data.plain.states(data.plain.empty), data.plain.tokens[-4:])


def test_guidance_of_a_model_that_ignores_its_caption_changes_nothing(data: LatentData):
    model = make_transformer(TINY)  # its last layer is zero
    batch = draw_batch(data, TINY, 0, "cpu")
    found = guided_velocity(model, batch, blank(data, "cpu"))
    torch.testing.assert_close(found, torch.zeros_like(batch.latents))


def test_a_classifier_comes_back_from_disk_in_16_bit(tmp_path: Path):
    torch.manual_seed(0)
    widths = (8, 6, 32, 32)
    model = Classifier(widths).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    save_classifier(model, widths, tmp_path)
    before, after = (classify(m, pictures) for m in (model, load_classifier("any", tmp_path)))
    assert all(np.allclose(before[name], after[name], atol=5e-3) for name in HEADS)


def test_a_classifier_that_is_not_there_is_named_with_what_makes_it(tmp_path: Path):
    with pytest.raises(PrerequisiteError, match=r"miniature\.classifier critic") as refused:
        load_classifier("critic", tmp_path / "none")
    assert "none" in str(refused.value)


def test_every_attribute_has_a_label():
    for seed in range(50):
        labels = labels_of(sample(np.random.default_rng(seed)))
        told = [k for k in labels if k != UNKNOWN]
        assert len(told) >= len(HEADS) - 1
        assert all(
            k == UNKNOWN or 0 <= k < len(v) for k, v in zip(labels, HEADS.values(), strict=True)
        )


def test_the_viewpoint_of_what_is_round_is_no_label():
    named = replace(sample(np.random.default_rng(0)), viewpoint="back")
    labels = {s: labels_of(replace(named, subject=s)) for s in ("rock", "horse")}
    place = list(HEADS).index("viewpoint")
    assert labels["rock"][place] == UNKNOWN
    assert labels["horse"][place] == HEADS["viewpoint"].index("back")


def test_the_learning_rate_rises_stays_and_falls():
    shares = [learning_rate(step, 1000) for step in (0, 99, 500, 800, 999)]
    assert shares == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.02], abs=0.01)
