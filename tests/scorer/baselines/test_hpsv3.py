import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import (
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from scorer.baselines import hpsv3, load_reward
from scorer.baselines.hpsv3 import WEIGHTS, HpsV3, HpsV3Network, load, network_key
from scorer.baselines.hpsv3_prompt import INSTRUCTION, PIXELS, conversation, resized
from scorer.errors import InputError, PrerequisiteError

OWN_TOKENS = ["im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad"]
PROMPTS = ["a boat", "a small house beside a lake at night, seen from above", ""]


def published_config(**changes: Any) -> dict[str, Any]:
    """`config.json` of Qwen/Qwen2-VL-7B-Instruct: flat, as transformers 4.41 wrote it."""
    vision = {"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3}
    vision |= {"hidden_size": 3584, "patch_size": 14, "spatial_merge_size": 2}
    vision |= {"spatial_patch_size": 14, "temporal_patch_size": 2}
    return {
        "model_type": "qwen2_vl",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "sliding_window": 32768,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "vocab_size": 152064,
        "vision_config": vision,
    } | changes


def tiny_config(tokenizer: Qwen2Tokenizer) -> dict[str, Any]:
    vision = {"depth": 1, "embed_dim": 32, "num_heads": 2, "hidden_size": 32}
    return published_config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_scaling={"type": "mrope", "mrope_section": [2, 1, 1]},
        initializer_range=0.3,
        vocab_size=len(tokenizer) + 9,
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_config=published_config()["vision_config"] | vision | {"initializer_range": 0.3},
    )


def tiny_tokenizer() -> Qwen2Tokenizer:
    """Qwen2's own, with pieces of words learnt from the instruction alone."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator([INSTRUCTION], trainer)
    learnt = json.loads(learner.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learnt["merges"]]
    return Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=merges,
        extra_special_tokens=[f"<|{name}|>" for name in OWN_TOKENS],
        padding_side="left",
    )


@dataclass(frozen=True)
class Published:
    """A folder in the published layout, and what its weights were taken from."""

    folder: Path
    backbone: Qwen2VLForConditionalGeneration
    head: nn.Sequential


def publish(folder: Path, seed: int = 0) -> Published:
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(folder)
    settings = {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "merge_size": 2}
    settings |= {"temporal_patch_size": 2, "image_processor_type": "Qwen2VLImageProcessor"}
    settings |= {"image_mean": [0.48145466, 0.4578275, 0.40821073]}
    settings |= {"image_std": [0.26862954, 0.26130258, 0.27577711]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text(json.dumps(tiny_config(tokenizer)))
    config = Qwen2VLConfig.from_pretrained(folder)
    config.get_text_config().vocab_size = len(tokenizer) + 1
    backbone: Any = Qwen2VLForConditionalGeneration(config)
    head = HpsV3Network(config).rm_head.float()
    for weight in head.parameters():
        nn.init.normal_(weight, std=0.3)
    state = {old_key(key): tensor.bfloat16() for key, tensor in backbone.state_dict().items()}
    state |= {f"rm_head.{key}": tensor for key, tensor in head.state_dict().items()}
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, folder / WEIGHTS)
    return Published(folder, backbone.bfloat16().float().eval(), head.eval())


def old_key(key: str) -> str:
    """The name that transformers 4.45 gave a weight of `Qwen2VLForConditionalGeneration`."""
    for new, old in (("model.visual.", "visual."), ("model.language_model.", "model.")):
        if key.startswith(new):
            return old + key.removeprefix(new)
    return key


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("hpsv3"))


@pytest.fixture(scope="module")
def reward(published: Published) -> Iterator[HpsV3]:
    """In 32 bit on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hpsv3, "computes_bfloat16", {"cpu": False}.get)
        found = load_reward(f"hpsv3:{published.folder}", device="cpu")
        assert isinstance(found, HpsV3)
        yield found


def pictures() -> list[PIL.Image.Image]:
    draw = np.random.default_rng(0).integers
    sizes = [(40, 40), (300, 900), (700, 600)]
    return [PIL.Image.fromarray(draw(0, 256, (*size, 3), np.uint8)) for size in sizes]


@dataclass(frozen=True)
class Given:
    """What the model is given for one picture, made by the library's own classes."""

    tokens: Tensor
    pixels: Tensor
    grid: Tensor
    at: int


def given(published: Published, picture: PIL.Image.Image, prompt: str) -> Given:
    tokenizer: Any = Qwen2Tokenizer.from_pretrained(published.folder)
    tokenizer.add_tokens(["<|Reward|>"], special_tokens=True)
    area = {"shortest_edge": 256 * 784, "longest_edge": 256 * 784}
    found: Any = Qwen2VLImageProcessorPil(size=area)(picture, return_tensors="pt")
    text = conversation(prompt, len(found["pixel_values"]) // 4)
    tokens: list[int] = tokenizer(text)["input_ids"]
    at = tokens.index(tokenizer.convert_tokens_to_ids("<|Reward|>"))
    return Given(torch.tensor([tokens]), found["pixel_values"], found["image_grid_thw"], at)


@torch.no_grad()
def states(published: Published, given: Given) -> Tensor:
    """Last states of the language model (token dim), put together by hand."""
    model: Any = published.backbone.model
    words = model.language_model.embed_tokens(given.tokens)
    places = given.tokens == model.config.image_token_id
    words[places] = model.get_image_features(given.pixels, given.grid).pooler_output[0]
    return model.language_model(inputs_embeds=words).last_hidden_state[0]


def mean(head: nn.Sequential, state: Tensor) -> float:
    weights = head.state_dict()
    first = torch.relu(weights["0.weight"] @ state + weights["0.bias"])
    second = torch.relu(weights["3.weight"] @ first + weights["3.bias"])
    return float((weights["5.weight"] @ second + weights["5.bias"])[0])


def test_the_instruction_is_the_one_that_was_read_upstream() -> None:
    assert hashlib.sha256(INSTRUCTION.encode()).hexdigest().startswith("0393599dad45a971")
    assert [line for line in INSTRUCTION.splitlines() if line.endswith("  ")] == [
        "**Visual Quality:**  ",
        "**Text Alignment:**  ",
    ]


def test_the_prompt_stands_between_picture_and_question() -> None:
    text = conversation("a {boat}", 2)
    assert text.startswith(
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|image_pad|><|vision_end|>\nYou are tasked"
    )
    assert text.endswith(
        "Textual prompt - a {boat}\n\n\n\nPlease provide the overall ratings of this image: "
        "<|Reward|>\n\nEND\n<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("token", ["<|Reward|>", "<|image_pad|>", "<|video_pad|>"])
def test_a_prompt_with_a_token_of_the_model_is_refused(reward: HpsV3, token: str) -> None:
    with pytest.raises(InputError, match=r"can't judge a prompt that holds '<\|"):
        reward.rewards(pictures()[:1], [f"a {token}"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((448, 448), (448, 448)),
        ((1024, 1024), (448, 448)),
        ((2000, 1000), (616, 308)),  # 633.6 × 316.8, down to multiples of 28
        ((200, 100), (644, 336)),  # the same, up
    ],
)
def test_pictures_come_to_one_area(before: tuple[int, int], after: tuple[int, int]) -> None:
    assert PIXELS == 448 * 448
    assert resized(PIL.Image.new("RGB", before)).size == after


def test_a_picture_that_is_too_narrow_is_refused(reward: HpsV3) -> None:
    with pytest.raises(InputError, match="2010 × 10 pixels: one side is more than 200 times"):
        reward.rewards([PIL.Image.new("RGB", (2010, 10))], ["a boat"])


def test_the_score_is_the_mean_at_the_reward_token(published: Published, reward: HpsV3) -> None:
    scores = reward.rewards(pictures(), PROMPTS)
    parts = [given(published, *pair) for pair in zip(pictures(), PROMPTS, strict=True)]
    found = [states(published, part) for part in parts]
    by_hand = [mean(published.head, s[p.at]) for s, p in zip(found, parts, strict=True)]
    at_the_end = [mean(published.head, s[-1]) for s in found]
    np.testing.assert_allclose(scores, by_hand, rtol=0, atol=1e-3)
    assert np.abs(scores - at_the_end).min() > 0.05


def test_the_tokens_of_the_picture_count_like_words(published: Published, reward: HpsV3) -> None:
    part = given(published, pictures()[0], "a boat")
    model: Any = published.backbone.model
    kinds = (part.tokens == model.config.image_token_id).int()
    with torch.no_grad():
        in_two_dimensions = model(
            input_ids=part.tokens,
            pixel_values=part.pixels,
            image_grid_thw=part.grid,
            mm_token_type_ids=kinds,
        ).last_hidden_state[0]
    (score,) = reward.rewards(pictures()[:1], ["a boat"])
    assert abs(mean(published.head, in_two_dimensions[part.at]) - score) > 0.05


def test_a_picture_is_judged_alone_as_in_a_batch(reward: HpsV3) -> None:
    together = reward.rewards(pictures(), PROMPTS)
    backwards = reward.rewards(pictures()[::-1], PROMPTS[::-1])
    alone = [reward.rewards([p], [t])[0] for p, t in zip(pictures(), PROMPTS, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-3)
    np.testing.assert_allclose(together, backwards[::-1], rtol=0, atol=1e-3)
    assert np.diff(np.sort(together)).min() > 0.05


def test_many_pictures_go_through_in_parts(reward: HpsV3, monkeypatch: pytest.MonkeyPatch) -> None:
    together = reward.rewards(pictures(), PROMPTS)
    monkeypatch.setattr(hpsv3, "BATCH", 2)
    in_parts = reward.rewards(pictures(), PROMPTS)
    np.testing.assert_allclose(in_parts, together, rtol=0, atol=1e-3)
    assert reward.rewards([], []).shape == (0,)


def test_the_prompt_matters(reward: HpsV3) -> None:
    first, second = reward.rewards(pictures()[:1] * 2, PROMPTS[:2])
    assert reward.reads_prompt
    assert abs(first - second) > 0.05


def test_frequencies_are_rounded_as_the_authors_round_them(reward: HpsV3) -> None:
    frequencies: Any = dict(reward.network.named_buffers())
    for name in ("model.visual.rotary_pos_emb", "model.language_model.rotary_emb"):
        rounded = frequencies[f"{name}.inv_freq"]
        assert torch.equal(rounded, rounded.bfloat16().float())


def test_all_but_the_head_is_in_bfloat16_where_the_device_computes_it(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hpsv3, "computes_bfloat16", {"cpu": True}.get)
    reward = load(str(published.folder), device="cpu")
    assert {weight.dtype for weight in reward.network.model.parameters()} == {torch.bfloat16}
    assert {weight.dtype for weight in reward.network.rm_head.parameters()} == {torch.float32}
    assert np.isfinite(reward.rewards(pictures()[:1], ["a boat"])).all()


def test_every_published_weight_has_its_place_at_full_size() -> None:
    shapes = full_size()
    assert len(shapes) == 736
    config = Qwen2VLConfig(**published_config(vocab_size=151658))
    with torch.device("meta"):
        network = HpsV3Network(config)
    expected = {network_key(name): shape for name, shape in shapes.items()}
    assert expected.pop(None) == (151658, 3584)
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == expected


def full_size() -> dict[str, tuple[int, ...]]:
    """The published weights: names of transformers 4.45, shapes of Qwen2-VL-7B and the head."""
    state, wide, tower = 3584, 18944, 1280
    shapes: dict[str, tuple[int, ...]] = {"visual.patch_embed.proj.weight": (tower, 3, 2, 14, 14)}
    for i in range(32):
        block = f"visual.blocks.{i}"
        for name in ("norm1", "norm2"):
            shapes |= {f"{block}.{name}.weight": (tower,), f"{block}.{name}.bias": (tower,)}
        shapes |= linear(f"{block}.attn.qkv", tower, 3 * tower)
        shapes |= linear(f"{block}.attn.proj", tower, tower)
        shapes |= linear(f"{block}.mlp.fc1", tower, 4 * tower)
        shapes |= linear(f"{block}.mlp.fc2", 4 * tower, tower)
    shapes |= {"visual.merger.ln_q.weight": (tower,), "visual.merger.ln_q.bias": (tower,)}
    shapes |= linear("visual.merger.mlp.0", 4 * tower, 4 * tower)
    shapes |= linear("visual.merger.mlp.2", 4 * tower, state)
    for i in range(28):
        layer = f"model.layers.{i}"
        for name, out in (("q", state), ("k", 512), ("v", 512)):
            shapes |= linear(f"{layer}.self_attn.{name}_proj", state, out)
        shapes[f"{layer}.self_attn.o_proj.weight"] = (state, state)
        shapes |= {f"{layer}.mlp.{name}_proj.weight": (wide, state) for name in ("gate", "up")}
        shapes[f"{layer}.mlp.down_proj.weight"] = (state, wide)
        shapes[f"{layer}.input_layernorm.weight"] = (state,)
        shapes[f"{layer}.post_attention_layernorm.weight"] = (state,)
    shapes |= {"model.norm.weight": (state,), "model.embed_tokens.weight": (151658, state)}
    shapes |= {"lm_head.weight": (151658, state)}
    return (
        shapes
        | linear("rm_head.0", state, 1024)
        | linear("rm_head.3", 1024, 16)
        | linear("rm_head.5", 16, 2)
    )


def linear(name: str, into: int, out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def test_the_id_follows_the_weights(published: Published, tmp_path: Path) -> None:
    other = publish(tmp_path, seed=1)
    first = load(str(published.folder), device="cpu").id
    assert first == load(str(published.folder), device="cpu").id
    assert first != load(str(other.folder), device="cpu").id


def one_line(place: Path | str) -> str:
    with pytest.raises(PrerequisiteError) as caught:
        load(str(place), device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", ["", "no/such-model", "not an id"])
def test_a_place_without_weights_is_refused(tmp_path: Path, place: str) -> None:
    assert "no HPSv3.safetensors can be had from" in one_line(place or tmp_path)


def test_weights_of_something_else_are_refused(published: Published, tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"torn")
    assert "is no checkpoint of HPSv3" in one_line(tmp_path)
    weights = load_file(published.folder / WEIGHTS)
    del weights["rm_head.5.bias"]
    save_file(weights, tmp_path / WEIGHTS)
    assert '"rm_head.5.bias"' in one_line(tmp_path)


def test_weights_alone_ask_for_the_backbone(published: Published, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes((published.folder / WEIGHTS).read_bytes())
    assert "needs config, tokenizer and picture settings of Qwen/Qwen2-VL" in one_line(tmp_path)
