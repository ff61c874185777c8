import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, CLIPVisionConfig

from scorer.baselines import laion, load_reward
from scorer.baselines.base import Reward
from scorer.baselines.clip import ClipEncoder
from scorer.baselines.clipscore import clip_score
from scorer.baselines.laion import Head, check_head, rating
from scorer.encoders import adherence
from scorer.errors import PrerequisiteError
from scorer.siglip import SiglipEncoder
from tests.scorer.tiny import TINY, tiny_siglip

PROMPTS = ["a boat", "Boat on a lake", "two dogs"]
SIZE, LENGTH = 32, 40
LEGACY = {  # the form in which LAION publishes the preprocessing of its CLIP models
    "crop_size": SIZE,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": SIZE,
}
PUBLISHED = {  # sac+logos+ava1-l14-linearMSE
    "layers.0.weight": (1024, 768),
    "layers.0.bias": (1024,),
    "layers.2.weight": (128, 1024),
    "layers.2.bias": (128,),
    "layers.4.weight": (64, 128),
    "layers.4.bias": (64,),
    "layers.6.weight": (16, 64),
    "layers.6.bias": (16,),
    "layers.7.weight": (1, 16),
    "layers.7.bias": (1,),
}


def tiny_tokenizer(folder: Path) -> None:
    """Letters, one merged word, and the two marks, the last of which has the highest number."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "bo", "boa", "boat</w>"]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\nb o\nbo a\nboa t</w>\n")
    own = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))


def tiny_clip(folder: Path, *, seed: int = 10, eos_token_id: int = 56) -> Path:
    """A CLIP with its processor as they are published, of random weights far from each other."""
    torch.manual_seed(seed)
    text = {"vocab_size": 57, "max_position_embeddings": LENGTH, "bos_token_id": 55}
    config = CLIPConfig(
        text_config={**TINY, **text, "eos_token_id": eos_token_id},
        vision_config={**TINY, "image_size": SIZE, "patch_size": 16},
        projection_dim=8,
    )
    model = CLIPModel(config)
    for name, parameter in model.named_parameters():
        if name != "logit_scale":
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    tiny_tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(LEGACY))
    return folder


def tiny_head() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    widths = {1024: 12, 768: 8, 128: 6, 64: 5, 16: 4, 1: 1}
    return {
        key: torch.randn([widths[width] for width in shape]) for key, shape in PUBLISHED.items()
    }


def pictures() -> list[PIL.Image.Image]:
    """Upright and dark, square and reddish, lying and bright."""
    noise = np.random.default_rng(0).integers(0, 99, (3, 53, 40, 3), np.uint8)
    frames = [noise[0], noise[1, :40] + np.array([150, 20, 0], np.uint8)]
    frames.append(noise[2].swapaxes(0, 1) + np.array([90, 156, 156], np.uint8))
    return [PIL.Image.fromarray(frame) for frame in frames]


def pixels(picture: PIL.Image.Image) -> torch.Tensor:
    """Shortest side to the input's size, bicubic; centre; OpenAI's mean and deviation."""
    factor = SIZE / min(picture.size)
    width, height = (int(side * factor) for side in picture.size)
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    small = picture.resize((width, height), PIL.Image.Resampling.BICUBIC)
    square = np.asarray(small.crop((left, top, left + SIZE, top + SIZE)), np.float32) / 255
    normal = (square - np.array(LEGACY["image_mean"])) / np.array(LEGACY["image_std"])
    return torch.from_numpy(normal.transpose(2, 0, 1)[None].astype(np.float32))


def library_logits(folder: Path, texts: list[str]) -> np.ndarray:
    """What the library itself makes of each picture with its text, one at a time."""
    model: Any = CLIPModel.from_pretrained(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    logits: list[float] = []
    for picture, text in zip(pictures(), texts, strict=True):
        tokens: Any = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            output = model(pixel_values=pixels(picture), **tokens)
        logits.append(output.logits_per_image.item())
    return np.array(logits)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> ClipEncoder:
    return ClipEncoder(str(folder), device="cpu")


@pytest.fixture(scope="module")
def laion_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("laion")
    torch.save(tiny_head(), place / "sac+logos+ava1-l14-linearMSE.pth")
    shutil.copytree(folder, place / "clip")
    return place


@pytest.fixture(scope="module")
def load(folder: Path, laion_folder: Path) -> Callable[[str], Reward]:
    def by_name(name: str) -> Reward:
        place = laion_folder if name == "laion" else folder
        return load_reward(f"{name}:{place}", device="cpu")

    return by_name


def test_features_agree_with_the_librarys_own_logits(folder: Path, encoder: ClipEncoder) -> None:
    embeddings = encoder.encode_images(pictures())
    logits = encoder.scale * adherence(embeddings, encoder.encode_texts(PROMPTS))
    np.testing.assert_allclose(logits, library_logits(folder, PROMPTS), rtol=1e-3, atol=1e-3)


def test_features_are_of_unit_length_and_tell_inputs_apart(encoder: ClipEncoder) -> None:
    for rows in (encoder.encode_images(pictures()), encoder.encode_texts(PROMPTS)):
        assert rows.shape == (3, encoder.dim) == (3, 8)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
        assert (rows @ rows.T)[~np.eye(3, dtype=bool)].max() < 0.99


def test_the_way_of_batching_changes_no_feature(folder: Path, encoder: ClipEncoder) -> None:
    one = ClipEncoder(str(folder), device="cpu", batch_size=1)
    two = ClipEncoder(str(folder), device="cpu", batch_size=2)
    for other in (one, two):
        images = other.encode_images(pictures())
        np.testing.assert_allclose(images, encoder.encode_images(pictures()), atol=1e-5)
        texts = other.encode_texts(PROMPTS)
        np.testing.assert_allclose(texts, encoder.encode_texts(PROMPTS), atol=1e-5)


def test_what_exceeds_the_text_towers_length_is_cut_off(encoder: ClipEncoder) -> None:
    words = "boat " * (LENGTH - 3)  # with the two marks one token shorter than the tower
    shorter, full, longer = encoder.encode_texts([words, words + "boat", words + "boat queue"])
    np.testing.assert_allclose(full, longer, atol=1e-5)
    assert full @ shorter < 0.99


def test_the_marks_of_old_and_new_configs_read_the_same_text(
    encoder: ClipEncoder, tmp_path: Path
) -> None:
    old = ClipEncoder(str(tiny_clip(tmp_path, eos_token_id=2)), device="cpu")
    np.testing.assert_allclose(old.encode_texts(PROMPTS), encoder.encode_texts(PROMPTS), atol=1e-5)


def test_a_checkpoint_that_lacks_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PrerequisiteError, match=r"lacks 1 .*'visual_projection.weight'"):
        ClipEncoder(str(tmp_path), device="cpu")


def test_a_damaged_checkpoint_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(PrerequisiteError, match=r"\Ano CLIP model can be loaded from .*\Z"):
        ClipEncoder(str(tmp_path), device="cpu")


@pytest.mark.parametrize("lost", ["preprocessor_config.json", "vocab.json"])
def test_a_model_without_its_preprocessing_is_refused(
    folder: Path, tmp_path: Path, lost: str
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / lost).unlink()
    with pytest.raises(PrerequisiteError, match="no preprocessing of CLIP can be loaded"):
        ClipEncoder(str(tmp_path), device="cpu")


def test_the_id_follows_the_weights(encoder: ClipEncoder, folder: Path, tmp_path: Path) -> None:
    assert encoder.id.startswith(f"{folder.name}-")
    assert encoder.id == ClipEncoder(str(folder), device="cpu").id
    other = ClipEncoder(str(tiny_clip(tmp_path / folder.name, seed=5)), device="cpu")
    assert encoder.id != other.id


@pytest.mark.parametrize("name", ["laion", "pickscore", "clipscore"])
def test_a_figure_depends_on_no_other_picture(load: Callable[[str], Reward], name: str) -> None:
    reward = load(name)
    together = reward.rewards(pictures(), PROMPTS)
    assert together.shape == (3,)
    assert reward.rewards([], []).shape == (0,)
    for picture, prompt, figure in zip(pictures(), PROMPTS, together, strict=True):
        np.testing.assert_allclose(reward.rewards([picture], [prompt]), [figure], rtol=1e-3)
    backwards = reward.rewards(pictures()[::-1], PROMPTS[::-1])
    np.testing.assert_allclose(backwards[::-1], together, rtol=1e-3)


@pytest.mark.parametrize("name", ["laion", "pickscore", "clipscore"])
def test_a_prompt_matters_if_it_is_read(load: Callable[[str], Reward], name: str) -> None:
    reward = load(name)
    first, second = (reward.rewards(pictures(), [text] * 3) for text in ("a boat", "zebra queue"))
    assert reward.reads_prompt is (name != "laion")
    assert np.allclose(first, second) is not reward.reads_prompt


@pytest.mark.parametrize("name", ["laion", "pickscore", "clipscore"])
def test_a_wrong_place_is_one_clear_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"\Ano .* can be loaded from '.*\Z"):
        load_reward(f"{name}:{tmp_path}", device="cpu")


@pytest.mark.parametrize("name", ["laion", "pickscore", "clipscore"])
def test_a_model_that_is_not_at_hand_is_one_clear_line(name: str) -> None:
    with pytest.raises(PrerequisiteError, match=r"\Ano .* can be loaded from '.*\Z"):
        load_reward(name, device="cpu")


def test_pickscore_is_the_librarys_logit(load: Callable[[str], Reward], folder: Path) -> None:
    scores = load("pickscore").rewards(pictures(), PROMPTS)
    np.testing.assert_allclose(scores, library_logits(folder, PROMPTS), rtol=1e-3, atol=1e-3)


def test_pickscore_takes_no_other_kind_of_model(tmp_path: Path) -> None:
    tiny_siglip(tmp_path)
    with pytest.raises(PrerequisiteError, match="is of type 'siglip': give a CLIP model"):
        load_reward(f"pickscore:{tmp_path}", device="cpu")


def test_clipscore_weighs_the_cosine_and_cuts_it_at_zero() -> None:
    np.testing.assert_allclose(clip_score(np.array([0.3, 0.0, -0.2])), [0.75, 0, 0])


def test_clipscore_is_the_librarys_cosine_with_the_papers_prefix(
    load: Callable[[str], Reward], folder: Path
) -> None:
    logits = library_logits(folder, [f"A photo depicts {prompt}" for prompt in PROMPTS])
    cosine = logits / load_file(folder / "model.safetensors")["logit_scale"].exp().item()
    scores = load("clipscore").rewards(pictures(), PROMPTS)
    np.testing.assert_allclose(scores, 2.5 * np.maximum(cosine, 0), rtol=1e-3, atol=1e-3)
    assert (cosine > 0).any()
    assert (cosine < 0).any()


def test_clipscore_of_a_siglip_is_its_plain_cosine(tmp_path: Path) -> None:
    tiny_siglip(tmp_path)
    siglip = SiglipEncoder(str(tmp_path), device="cpu")
    joint = siglip.encode_images(pictures()).joint
    scores = load_reward(f"clipscore:{tmp_path}", device="cpu").rewards(pictures(), PROMPTS)
    np.testing.assert_allclose(scores, adherence(joint, siglip.encode_texts(PROMPTS)), atol=1e-6)


def test_clipscore_takes_no_other_kind_of_model(tmp_path: Path) -> None:
    CLIPVisionConfig(**TINY).save_pretrained(tmp_path)
    with pytest.raises(PrerequisiteError, match="'clip_vision_model': clipscore takes clip, sig"):
        load_reward(f"clipscore:{tmp_path}", device="cpu")


def test_a_rating_is_the_product_of_the_layers_on_the_unit_embedding(
    load: Callable[[str], Reward], encoder: ClipEncoder
) -> None:
    head = {key: value.double().numpy() for key, value in tiny_head().items()}
    expected = encoder.encode_images(pictures()).astype(np.float64)
    for number in (0, 2, 4, 6, 7):
        expected = expected @ head[f"layers.{number}.weight"].T + head[f"layers.{number}.bias"]
    ratings = load("laion").rewards(pictures(), PROMPTS)
    np.testing.assert_allclose(ratings, expected[:, 0], rtol=1e-3)


def test_the_published_head_takes_the_embeddings_of_clip_vit_l14() -> None:
    with torch.device("meta"):
        weights = {key: torch.empty(shape) for key, shape in PUBLISHED.items()}
        vision = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
        vision |= {"intermediate_size": 4096, "patch_size": 14}
        model: Any = CLIPModel(CLIPConfig(vision_config=vision, projection_dim=768))
        pooled = model.vision_model(pixel_values=torch.empty(2, 3, 224, 224)).pooler_output
        embedding = model.visual_projection(pooled)
    check_head(Head("published", weights), embedding.shape[1])
    assert rating(embedding, weights).shape == (2,)


def test_both_forms_of_the_head_give_the_same(laion_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(laion_folder / "clip", tmp_path / "clip")
    save_file(tiny_head(), tmp_path / "model.safetensors")
    first, second = (load_reward(f"laion:{p}", device="cpu") for p in (laion_folder, tmp_path))
    np.testing.assert_array_equal(
        first.rewards(pictures(), PROMPTS), second.rewards(pictures(), PROMPTS)
    )
    assert first.id != second.id


def test_the_variant_with_activations_is_refused(laion_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(laion_folder / "clip", tmp_path / "clip")
    numbers = dict(zip("02467", ("0", "3", "6", "9", "11"), strict=True))
    head = {f"layers.{numbers[k[7]]}{k[8:]}": value for k, value in tiny_head().items()}
    torch.save(head, tmp_path / "ava+logos-l14-reluMSE.pth")
    with pytest.raises(
        PrerequisiteError, match=r"not those of the linear .* found layers\.0\.bias"
    ):
        load_reward(f"laion:{tmp_path}", device="cpu")


def test_a_head_of_another_width_is_refused() -> None:
    with pytest.raises(
        PrerequisiteError, match=r"width 9 to one number: its layers are 8→12, 12→6"
    ):
        check_head(Head("tiny", tiny_head()), 9)


class Trap:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, ("sprung",))


@pytest.mark.parametrize("saved", ["torch", "pickle"])
def test_a_head_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if saved == "torch":
        torch.save({"layers.0.weight": Trap()}, "head.pth")
    else:
        Path("head.pth").write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(PrerequisiteError, match=r"\Ano head of LAION .*\Z"):
        load_reward("laion:head.pth", device="cpu")
    assert not Path("sprung").exists()


def publish(hub: Path, name: str, folder: Path, commit: str = "c" * 40) -> None:
    """Puts a folder into the hub's cache, as if it had been fetched."""
    cached = hub / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_the_default_rating_is_the_port_at_its_commit_on_openais_clip(
    hub: Path, folder: Path, tmp_path: Path, load: Callable[[str], Reward]
) -> None:
    (tmp_path / "head").mkdir()
    save_file(tiny_head(), tmp_path / "head" / "model.safetensors")
    publish(hub, laion.HEAD, tmp_path / "head", laion.HEAD_COMMIT)
    publish(hub, "openai/clip-vit-large-patch14", folder)
    reward = load_reward("laion", device="cpu")
    head, clip = reward.id.split("+")
    assert head == f"ttj/sac-logos-ava1-l14-linearMSE@{laion.HEAD_COMMIT}"
    assert clip == f"openai/clip-vit-large-patch14@{'c' * 40}"
    np.testing.assert_allclose(
        reward.rewards(pictures(), PROMPTS), load("laion").rewards(pictures(), PROMPTS)
    )


def test_the_default_pickscore_reads_with_the_processor_of_its_origin(
    hub: Path, folder: Path, tmp_path: Path, load: Callable[[str], Reward]
) -> None:
    model, processor = tmp_path / "model", tmp_path / "processor"
    shutil.copytree(folder, processor, ignore=shutil.ignore_patterns("model.safetensors"))
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder / name, model)
    publish(hub, "yuvalkirstain/PickScore_v1", model)
    publish(hub, "laion/CLIP-ViT-H-14-laion2B-s32B-b79K", processor)
    reward = load_reward("pickscore", device="cpu")
    assert reward.id == f"yuvalkirstain/PickScore_v1@{'c' * 40}"
    np.testing.assert_allclose(
        reward.rewards(pictures(), PROMPTS), load("pickscore").rewards(pictures(), PROMPTS)
    )


def test_the_default_clipscore_is_openais_smallest_clip(hub: Path, folder: Path) -> None:
    publish(hub, "openai/clip-vit-base-patch32", folder)
    assert load_reward("clipscore", device="cpu").id == f"openai/clip-vit-base-patch32@{'c' * 40}"
