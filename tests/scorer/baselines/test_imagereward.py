import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertTokenizer,
    BlipConfig,
    BlipForImageTextRetrieval,
    CLIPImageProcessorPil,
)

from scorer.baselines import load_reward
from scorer.baselines.base import BATCH
from scorer.baselines.imagereward import (
    ImageReward,
    Judge,
    load,
    text_config,
    to_pixels,
    vision_config,
)
from scorer.baselines.imagereward_keys import renamed, to_transformers
from scorer.errors import PrerequisiteError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "boat", "on", "lake", "##s"]
MED: dict[str, Any] = {  # of the form of the published med_config.json
    "architectures": ["BertModel"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 40,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": len(WORDS) + 2,
    "encoder_width": 768,
    "add_cross_attention": True,
}
HEAD = {0: (1024, 32), 2: (128, 1024), 4: (64, 128), 6: (16, 64), 7: (1, 16)}
PROMPTS = ["a boat on a lake", "boats"]


def noise(name: str, shape: Sequence[int]) -> Tensor:
    """Weights that follow from their published name, as the reference was computed with."""
    normal = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(tuple(shape))
    if re.search(r"norm\d?\.weight$", name, re.IGNORECASE):
        normal = 1 + 0.1 * normal
    elif "patch_embed" in name:
        normal *= 1e-4
    elif name.endswith(("cls_token", "pos_embed")):
        normal *= 3e-3
    else:
        normal *= 0.1 if len(shape) == 1 else 1.5 / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(normal).float()


def tiny_blip() -> BlipForImageTextRetrieval:
    """The library's own composition of picture and text tower, for the reference by hand."""
    sizes = {"num_hidden_layers": 2, "layer_norm_eps": 1e-6, "image_size": 32, "patch_size": 16}
    vision = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2}
    text = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    places = ("vocab_size", "max_position_embeddings")
    config = BlipConfig(
        vision_config=vision | sizes, text_config={name: MED[name] for name in (*text, *places)}
    )
    return BlipForImageTextRetrieval(config).eval()


def published_name(name: str) -> str:
    """The name that a weight of transformers' BLIP has in upstream's."""
    for ours, theirs in (
        ("vision_model.embeddings.class_embedding", "visual_encoder.cls_token"),
        ("vision_model.embeddings.position_embedding", "visual_encoder.pos_embed"),
        ("vision_model.embeddings.patch_embedding", "visual_encoder.patch_embed.proj"),
        ("vision_model.encoder.layers", "visual_encoder.blocks"),
        ("vision_model.post_layernorm", "visual_encoder.norm"),
        ("self_attn.projection", "attn.proj"),
        ("self_attn.qkv", "attn.qkv"),
        ("layer_norm", "norm"),
    ):
        if not name.startswith("text_encoder"):
            name = name.replace(ours, theirs)
    return f"blip.{name}"


def published_weights(blip: BlipForImageTextRetrieval) -> dict[str, Tensor]:
    """What `ImageReward.pt` would hold for a BLIP of this size."""
    shapes = {
        published_name(name): tuple(weight.shape)
        for name, weight in blip.state_dict().items()
        if not name.startswith("itm_head")
    }
    for number, shape in HEAD.items():
        shapes |= {f"mlp.layers.{number}.weight": shape, f"mlp.layers.{number}.bias": shape[:1]}
    places = torch.arange(MED["max_position_embeddings"])[None]
    return {name: noise(name, shape) for name, shape in shapes.items()} | {
        "blip.text_encoder.embeddings.position_ids": places
    }


def save(folder: Path, weights: object) -> Path:
    torch.save(weights, folder / "ImageReward.pt")
    (folder / "med_config.json").write_text(json.dumps(MED))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


@pytest.fixture(scope="module")
def blip() -> BlipForImageTextRetrieval:
    return tiny_blip()


@pytest.fixture(scope="module")
def folder(blip: BlipForImageTextRetrieval, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("imagereward"), published_weights(blip))


@pytest.fixture(scope="module")
def reward(folder: Path) -> ImageReward:
    return load(str(folder), device="cpu")


def pictures(count: int, *, width: int = 32, height: int = 32) -> list[PIL.Image.Image]:
    frames = np.random.RandomState(0).randint(0, 256, (count, height, width, 3))
    return [PIL.Image.fromarray(frame.astype(np.uint8)) for frame in frames]


def test_rewards_are_those_of_the_authors_own_code(reward: ImageReward) -> None:
    """Computed by the modules of the package image-reward 1.5 with the weights of `noise`."""
    found = reward.rewards(pictures(2), PROMPTS)
    np.testing.assert_allclose(found, [-10.703654, -0.713415], atol=2e-4)


def test_rewards_are_those_of_the_library_composed_by_hand(
    reward: ImageReward, folder: Path, blip: BlipForImageTextRetrieval
) -> None:
    weights = torch.load(folder / "ImageReward.pt", weights_only=True)
    own = {name: weights.get(published_name(name), w) for name, w in blip.state_dict().items()}
    blip.load_state_dict(own)
    texts = BertTokenizer(str(folder / "vocab.txt"))(
        PROMPTS, padding="max_length", max_length=35, return_tensors="pt"
    )
    shown: Any = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
    pixels = shown(pictures(2, width=48), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        read: Any = blip(texts["input_ids"], pixels, attention_mask=texts["attention_mask"])
    figure = read.question_embeds[:, 0]
    for number in HEAD:
        figure = figure @ weights[f"mlp.layers.{number}.weight"].T
        figure = figure + weights[f"mlp.layers.{number}.bias"]
    expected = (figure[:, 0] - 0.16717362830052426) / 1.0333394966054072
    found = reward.rewards(pictures(2, width=48), PROMPTS)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_picture_has_the_same_reward_alone_and_in_a_batch(reward: ImageReward) -> None:
    images, prompts = pictures(BATCH + 2), [*PROMPTS * BATCH][: BATCH + 2]
    together = reward.rewards(images, prompts)
    alone = [
        reward.rewards([image], [text])[0] for image, text in zip(images, prompts, strict=True)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_picture_and_prompt_both_matter(reward: ImageReward) -> None:
    first, second = pictures(2)
    found = reward.rewards([first, second, first], ["a boat", "a boat", "a lake"])
    assert reward.reads_prompt
    assert len(set(found.round(3))) == 3


def test_upper_case_and_what_exceeds_the_tokens_do_not_matter(reward: ImageReward) -> None:
    image, long = pictures(1)[0], " ".join(["a boat"] * 17)
    found = reward.rewards([image] * 4, ["a boat", "A Boat", long, f"{long} lake"])
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[2] == pytest.approx(found[3], rel=1e-5)
    assert found[0] != pytest.approx(found[2], rel=1e-2)


def test_no_pictures_have_no_rewards(reward: ImageReward) -> None:
    assert reward.rewards([], []).shape == (0,)


def test_the_id_follows_the_weights(reward: ImageReward, folder: Path, tmp_path: Path) -> None:
    weights = torch.load(folder / "ImageReward.pt", weights_only=True)
    weights["mlp.layers.7.bias"] += 1
    other = load(str(save(tmp_path, weights)), device="cpu")
    assert load(str(folder), device="cpu").id == reward.id != other.id
    difference = other.rewards(pictures(1), ["a"]) - reward.rewards(pictures(1), ["a"])
    np.testing.assert_allclose(difference, 1 / 1.0333394966054072, rtol=1e-4)


def test_half_precision_weights_are_computed_with_in_full(folder: Path, tmp_path: Path) -> None:
    weights = torch.load(folder / "ImageReward.pt", weights_only=True)
    half = {name: weight.half() for name, weight in weights.items()}
    judge = load(str(save(tmp_path, half)), device="cpu").judge
    assert {weight.dtype for weight in judge.parameters()} == {torch.float32}


def test_the_reward_is_known_by_its_name(folder: Path) -> None:
    reward = load_reward(f"imagereward:{folder}", device="cpu")
    assert reward.id.startswith("ImageReward-")


def full_size() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes that the modules of the package image-reward 1.5 have."""
    vision, text = "blip.visual_encoder", "blip.text_encoder"
    yield f"{vision}.cls_token", (1, 1, 1024)
    yield f"{vision}.pos_embed", (1, 197, 1024)
    yield f"{text}.embeddings.position_ids", (1, 512)
    yield f"{text}.embeddings.word_embeddings.weight", (30524, 768)
    yield f"{text}.embeddings.position_embeddings.weight", (512, 768)
    pairs: dict[str, tuple[int, ...]] = {  # what has a bias as long as the weight's first edge
        f"{vision}.patch_embed.proj": (1024, 3, 16, 16),
        f"{vision}.norm": (1024,),
        f"{text}.embeddings.LayerNorm": (768,),
        "blip.vision_proj": (256, 1024),
        "blip.text_proj": (256, 768),
    }
    for block in (f"{vision}.blocks.{number}" for number in range(24)):
        pairs |= {f"{block}.norm1": (1024,), f"{block}.norm2": (1024,)}
        pairs |= {f"{block}.attn.qkv": (3072, 1024), f"{block}.attn.proj": (1024, 1024)}
        pairs |= {f"{block}.mlp.fc1": (4096, 1024), f"{block}.mlp.fc2": (1024, 4096)}
    for layer in (f"{text}.encoder.layer.{number}" for number in range(12)):
        for kind, seen in (("attention", 768), ("crossattention", 1024)):
            pairs[f"{layer}.{kind}.self.query"] = (768, 768)
            pairs[f"{layer}.{kind}.self.key"] = pairs[f"{layer}.{kind}.self.value"] = (768, seen)
            pairs[f"{layer}.{kind}.output.dense"] = (768, 768)
            pairs[f"{layer}.{kind}.output.LayerNorm"] = (768,)
        pairs |= {f"{layer}.intermediate.dense": (3072, 768), f"{layer}.output.dense": (768, 3072)}
        pairs[f"{layer}.output.LayerNorm"] = (768,)
    pairs |= {f"mlp.layers.{number}": shape for number, shape in HEAD.items()}
    pairs["mlp.layers.0"] = (1024, 768)
    for name, shape in pairs.items():
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]


def test_the_published_weights_are_those_of_the_model_at_full_size() -> None:
    published = dict(full_size())
    with torch.device("meta"):
        weights = renamed({name: torch.empty(shape) for name, shape in published.items()})
        vision = vision_config(weights)
        judge = Judge(vision, text_config(BertConfig(vocab_size=30524), width=1024))
    assert {name: weight.shape for name, weight in weights.items()} == {
        name: weight.shape for name, weight in judge.state_dict().items()
    }
    assert (vision.image_size, vision.patch_size, vision.num_attention_heads) == (224, 16, 16)
    assert judge.text.config.num_attention_heads == 12
    assert len(published) == 625


def test_the_published_weights_add_up_to_the_size_of_the_published_file() -> None:
    numbers = sum(int(np.prod(shape)) for _, shape in full_size())
    assert f"{4 * numbers / 1e9:.2f} GB" == "1.79 GB"


def test_weights_that_the_reward_does_not_read_have_no_name_here() -> None:
    unused = [name for name in dict(full_size()) if to_transformers(name) is None]
    assert sorted(unused) == [
        "blip.text_encoder.embeddings.position_ids",
        "blip.text_proj.bias",
        "blip.text_proj.weight",
        "blip.vision_proj.bias",
        "blip.vision_proj.weight",
    ]


@pytest.mark.parametrize("name", ["mlp.layers.1.weight", "blip.itm_head.bias", "cls_token"])
def test_a_weight_of_another_model_has_no_name_here(name: str) -> None:
    with pytest.raises(ValueError, match=f"has no weight '{name}'"):
        to_transformers(name)


def test_a_plain_picture_is_normalised_as_for_clip() -> None:
    pixels = to_pixels(PIL.Image.new("RGB", (50, 70), (255, 0, 127)), 8)
    assert pixels.shape == (3, 8, 8)
    for channel, expected in zip(pixels, (1.9303, -1.7521, 0.3257), strict=True):
        np.testing.assert_allclose(channel, expected, atol=1e-4)


@pytest.mark.parametrize(("width", "first"), [(8, 0), (9, 0), (10, 1), (11, 2), (13, 2)])
def test_the_middle_is_cut_out_where_torchvision_cuts_it(width: int, first: int) -> None:
    ramp = np.tile(np.arange(width, dtype=np.uint8)[None, :, None], (8, 1, 3))
    red = to_pixels(PIL.Image.fromarray(ramp), 8)[0] * 0.26862954 + 0.48145466
    np.testing.assert_allclose(red[0] * 255, np.arange(first, first + 8), atol=1e-4)


def test_the_blip_tokens_follow_the_vocabulary(reward: ImageReward) -> None:
    assert reward.tokenizer.convert_tokens_to_ids(["[DEC]", "[ENC]"]) == [10, 11]


@pytest.mark.parametrize("lacking", ["ImageReward.pt", "med_config.json", "vocab.txt"])
def test_an_incomplete_folder_is_refused(folder: Path, tmp_path: Path, lacking: str) -> None:
    for file in folder.iterdir():
        if file.name != lacking:
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(PrerequisiteError, match=r"^no ImageReward can be loaded.*vocab\.txt.*$"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("place", "named"), [(None, "'zai-org/ImageReward'"), ("/no/such/folder", "'/no/such/folder'")]
)
def test_what_cannot_be_fetched_is_refused_in_one_line(place: str | None, named: str) -> None:
    with pytest.raises(PrerequisiteError, match=f"from {named}") as caught:
        load(place, device="cpu", trust_remote_code=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("blip.visual_encoder.pos_embed", "it lacks 'vision.embeddings.position_embedding'"),
        ("mlp.layers.7.bias", 'Missing key.* "head.4.bias"'),
    ],
)
def test_missing_weights_are_named(folder: Path, tmp_path: Path, name: str, reason: str) -> None:
    weights = torch.load(folder / "ImageReward.pt", weights_only=True)
    del weights[name]
    with pytest.raises(PrerequisiteError, match=reason):
        load(str(save(tmp_path, weights)), device="cpu")


def test_another_vocabulary_is_refused(folder: Path, tmp_path: Path) -> None:
    save(tmp_path, torch.load(folder / "ImageReward.pt", weights_only=True))
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS[:-1]) + "\n")
    with pytest.raises(PrerequisiteError, match="11 tokens, and the model 12"):
        load(str(tmp_path), device="cpu")


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("imagereward-ran-code"),)


def test_code_in_the_weights_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PrerequisiteError, match="no ImageReward can be loaded"):
        load(str(save(tmp_path, {"weights": Code()})), device="cpu")
    assert not Path("imagereward-ran-code").exists()
