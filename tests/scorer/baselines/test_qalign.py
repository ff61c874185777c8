import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
)

from scorer.baselines import load_reward, qalign
from scorer.baselines.qalign import IMAGE, LEVELS, QUESTION, ask, level_ids, mean_level, squared
from scorer.baselines.qalign_language import MplugOwl2
from scorer.errors import PrerequisiteError

TOWER: dict[str, Any] = {
    "model_type": "mplug_owl_vision_model",
    "hidden_act": "quick_gelu",
    "hidden_size": 12,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "image_size": 8,
    "patch_size": 2,
    "layer_norm_eps": 1e-6,
}
ABSTRACTOR: dict[str, Any] = {
    "model_type": "mplug_owl_visual_abstract",
    "encoder_hidden_size": 12,
    "hidden_size": 12,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_learnable_queries": 5,
    "grid_size": 4,
    "layer_norm_eps": 1e-6,
}
LLAMA: dict[str, Any] = {
    "attention_bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 2048,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
}
PREPROCESSING: dict[str, Any] = {
    "crop_size": 8,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 8,
}
CODE = {name: f"modeling_mplug_owl2.{name}" for name in ("AutoConfig", "AutoModelForCausalLM")}


def tiny_tokenizer() -> LlamaTokenizer:
    """Llama's kind: letters, bytes, and the level words in one piece each."""
    merges = [("▁" + word[:end], word[end]) for word in LEVELS for end in range(len(word))]
    letters = sorted(set(QUESTION + "aesthetics quality" + "".join(LEVELS)) - set(" \n{}"))
    pieces = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", *letters]
    pieces += dict.fromkeys(left + right for left, right in merges)
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return LlamaTokenizer(vocab=vocabulary, merges=list(dict.fromkeys(merges)), add_bos_token=True)


def tiny_model() -> MplugOwl2:
    """Random weights that are large enough to matter, rounded as the published ones are."""
    torch.manual_seed(0)
    visual = {"visual_model": TOWER, "visual_abstractor": ABSTRACTOR}
    fields = {**LLAMA, "vocab_size": len(tiny_tokenizer()), "visual_config": visual}
    model = MplugOwl2(LlamaConfig.from_dict(fields)).eval()
    for name, weight in model.named_parameters():
        middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        weight.data = (middle + 0.4 * torch.randn_like(weight)).bfloat16().float()
    return model


def published_weights() -> dict[str, Tensor]:
    """As the trainer of transformers 4.31 left them: bfloat16, rotary frequencies among them."""
    weights = {name: weight.bfloat16() for name, weight in tiny_model().state_dict().items()}
    for layer in range(2):
        weights[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(4).bfloat16()
    return weights


def save_shards(folder: Path, weights: dict[str, Tensor]) -> None:
    index: dict[str, Any] = {"metadata": {"total_size": 0}, "weight_map": {}}
    for number, part in enumerate([sorted(weights)[::2], sorted(weights)[1::2]], start=1):
        file = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save({name: weights[name] for name in part}, folder / file)
        index["weight_map"] |= dict.fromkeys(part, file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of q-future/one-align, all of them tiny."""
    folder = tmp_path_factory.mktemp("one-align")
    tokenizer = tiny_tokenizer()
    config: dict[str, Any] = LLAMA | {
        "model_type": "mplug_owl2",
        "architectures": ["MPLUGOwl2LlamaForCausalLM"],
        "auto_map": CODE,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.31.0",
        "use_cache": True,
        "vocab_size": len(tokenizer),
        "visual_config": {"visual_model": TOWER, "visual_abstractor": ABSTRACTOR},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    (folder / "modeling_mplug_owl2.py").write_text("raise SystemExit('foreign code was run')")
    tokenizer.save_pretrained(folder)
    save_shards(folder, published_weights())
    return folder


@pytest.fixture
def copied(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "copy")


def pictures(count: int = 3) -> list[PIL.Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (count, 11, 17, 3), np.uint8)
    return [PIL.Image.fromarray(frame) for frame in noise]


def scores(place: Path, **options: Any) -> np.ndarray:
    return qalign.load(str(place), device="cpu", **options).rewards(pictures(), [""] * 3)


# The weights


def published_names() -> Iterator[str]:
    """By the conversion script of X-PLUG/mPLUG-Owl, and the buffers its issue 170 lists."""
    yield from ("lm_head.weight", "model.embed_tokens.weight", "model.norm.weight")
    for layer in (f"model.layers.{number}" for number in range(32)):
        yield from (f"{layer}.mlp.{name}_proj.weight" for name in ("gate", "up", "down"))
        yield from (f"{layer}.self_attn.{name}_proj.weight" for name in "qo")
        for way in ("multiway.0.weight", "multiway.1.weight"):
            yield from (f"{layer}.self_attn.{name}_proj.{way}" for name in "kv")
            yield from (f"{layer}.{name}_layernorm.{way}" for name in ("input", "post_attention"))
    tower, abstractor = "model.vision_model", "model.visual_abstractor"
    for name in ("cls_token", "patch_embed.weight", "position_embedding"):
        yield f"{tower}.embeddings.{name}"
    yield from (f"{abstractor}.{name}" for name in ("query_embeds", "vit_eos"))
    with_bias = ["embeddings.pre_layernorm", "post_layernorm"]
    for number in range(24):
        names = ["input_layernorm", "post_attention_layernorm", "mlp.fc1", "mlp.fc2"]
        names += ["self_attn.dense", "self_attn.query_key_value"]
        with_bias += [f"encoder.layers.{number}.{name}" for name in names]
    with_bias = [f"{tower}.{name}" for name in with_bias] + [f"{abstractor}.visual_fc"]
    for number in range(6):
        cross = f"{abstractor}.encoder.layers.{number}.crossattention"
        names = ["norm1", "normk", "output.norm2", "output.out_proj", "output.mlp.ffn_ln"]
        names += [f"attention.{name}" for name in ("query", "key", "value")]
        names += [f"output.mlp.{name}" for name in ("w1", "w2", "w3")]
        with_bias += [f"{cross}.{name}" for name in names]
        yield from (f"{cross}.attention.{name}_pos_embed" for name in "qk")
    yield from (f"{name}.{kind}" for name in with_bias for kind in ("weight", "bias"))


TOTAL_SIZE = 16_409_100_288
"""In the index of TanSongBai/WMarkGPT-Synthetic; one-align's shards have 9.99 and 6.42 GB."""


def test_the_whole_model_has_the_published_names_and_size() -> None:
    with torch.device("meta"):
        weights = MplugOwl2(LlamaConfig()).state_dict()
    assert set(weights) == set(published_names())
    assert sum(2 * weight.numel() for weight in weights.values()) == TOTAL_SIZE
    assert weights["model.vision_model.embeddings.position_embedding"].shape == (1, 1025, 1024)


@pytest.mark.parametrize(
    ("old", "kilobytes"), [(False, 85.0), (True, 87.8)], ids=["4.36", "4.31 with frequencies"]
)
def test_the_names_fill_an_index_as_large_as_the_published_ones(
    old: bool, kilobytes: float
) -> None:
    """85 kB in q-instruct-plus-one-align-preview-v0.3, 87.8 kB in q-align-vqa."""
    names = list(published_names())
    names += [f"model.layers.{i}.self_attn.rotary_emb.inv_freq" for i in range(32) if old]
    index = {
        "metadata": {"total_size": TOTAL_SIZE},
        "weight_map": dict.fromkeys(names, "pytorch_model-00001-of-00002.bin"),
    }
    assert round((len(json.dumps(index, indent=2)) + 1) / 1000, 1) == kilobytes


# The network


def test_the_tower_is_clips() -> None:
    tower = tiny_model().model.vision_model
    shape = {name: value for name, value in TOWER.items() if name != "model_type"}
    clip = CLIPVisionModel(CLIPVisionConfig(**shape)).eval()
    names = {
        "embeddings.cls_token": "embeddings.class_embedding",
        "embeddings.patch_embed": "embeddings.patch_embedding",
        "embeddings.position_embedding": "embeddings.position_embedding.weight",
        "embeddings.pre_layernorm": "pre_layrnorm",
        "input_layernorm": "layer_norm1",
        "post_attention_layernorm": "layer_norm2",
        "self_attn.dense": "self_attn.out_proj",
    }
    own = {name.removeprefix("vision_model."): name for name in clip.state_dict()}
    weights: dict[str, Tensor] = {}
    for name, weight in tower.state_dict().items():
        for old, new in names.items():
            name = name.replace(old, new)
        if "query_key_value" in name:
            for part, kind in zip(weight.unflatten(0, (3, 3, 4)).unbind(1), "qkv", strict=True):
                weights[own[name.replace("query_key_value", f"{kind}_proj")]] = part.flatten(0, 1)
        else:
            weights[own[name]] = weight.reshape(clip.state_dict()[own[name]].shape)
    clip.load_state_dict(weights)
    pixels = torch.randn(2, 3, 8, 8)
    expected = tower.post_layernorm(clip(pixels).last_hidden_state)
    torch.testing.assert_close(tower(pixels), expected)


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def linear(rows: np.ndarray, layer: Any) -> np.ndarray:
    bias = 0 if layer.bias is None else array(layer.bias)
    return rows @ array(layer.weight).T + bias


def layer_norm(rows: np.ndarray, layer: nn.LayerNorm, eps: float = 1e-5) -> np.ndarray:
    rows = rows - rows.mean(axis=1, keepdims=True)
    rows = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + eps)
    return rows * array(layer.weight) + array(layer.bias)


def silu(rows: np.ndarray) -> np.ndarray:
    return rows / (1 + np.exp(-rows))


def attend(query: np.ndarray, key: np.ndarray, value: np.ndarray, heads: int) -> np.ndarray:
    """Every row of the queries looks at all rows of the keys, head by head."""
    seen = np.zeros((len(query), value.shape[1]))
    for columns in np.split(np.arange(value.shape[1]), heads):
        odds = np.exp(query[:, columns] @ key[:, columns].T / np.sqrt(len(columns)))
        seen[:, columns] = odds / odds.sum(axis=1, keepdims=True) @ value[:, columns]
    return seen


def place(position: int, width: int) -> list[float]:
    angles = [position / 10000 ** (2 * i / width) for i in range(width // 2)]
    return [*map(np.sin, angles), *map(np.cos, angles)]


def seen_plainly(abstractor: Any, patches: np.ndarray) -> np.ndarray:
    """Visual tokens of one picture, step by step."""
    queries = array(abstractor.query_embeds[0])
    places = np.array([place(i, 12) for i in range(5)])
    grid = [place(column, 6) + place(row, 6) for row in range(4) for column in range(4)]
    for layer in abstractor.encoder.layers:
        block = layer.crossattention
        queries = layer_norm(queries, block["norm1"])
        tokens = np.vstack([queries, layer_norm(patches, block["normk"])])
        look, output = block["attention"], block["output"]
        seen = attend(
            linear(queries + places, look.query),
            linear(tokens + np.vstack([places, [[0.0] * 12], grid]), look.key),
            linear(tokens, look.value),
            heads=3,
        )
        queries = queries + linear(seen, output.out_proj)
        hidden, mlp = layer_norm(queries, output.norm2), output.mlp
        gated = silu(linear(hidden, mlp.w1)) * linear(hidden, mlp.w3)
        queries = queries + linear(layer_norm(gated, mlp.ffn_ln, 1e-6), mlp.w2)
    return np.vstack([linear(queries, abstractor.visual_fc), array(abstractor.vit_eos[0])])


def test_the_abstractor_asks_its_queries_about_the_patches() -> None:
    abstractor = tiny_model().model.visual_abstractor
    patches = torch.randn(2, 17, 12)
    expected = [seen_plainly(abstractor, array(picture)) for picture in patches]
    np.testing.assert_allclose(array(abstractor(patches)), np.array(expected), atol=1e-5)


def words(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


def test_with_the_same_weights_for_both_modalities_it_is_llama() -> None:
    model = tiny_model()
    weights = model.state_dict()
    for name in list(weights):
        weights[name.replace("multiway.1", "multiway.0")].copy_(weights[name])
    shared = {name.replace("multiway.0.", ""): weight for name, weight in weights.items()}
    llama = LlamaForCausalLM(LlamaConfig(**LLAMA, vocab_size=model.config.vocab_size)).eval()
    llama.load_state_dict({name: shared[name] for name in llama.state_dict()})
    pixels, before, after = torch.randn(2, 3, 8, 8), words(1, 7, 8), words(9, 4)
    seen = model.model.visual_abstractor(model.model.vision_model(pixels))
    texts = [llama.get_input_embeddings()(ids).expand(2, -1, -1) for ids in (before, after)]
    output: Any = llama(inputs_embeds=torch.cat([texts[0], seen, texts[1]], dim=1))
    torch.testing.assert_close(model(pixels, before, after), output.logits[:, -1])


def turned(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rotary positions, one pair of columns after the other."""
    found, width = rows.copy(), rows.shape[1] // heads
    for token, head, pair in np.ndindex(len(rows), heads, width // 2):
        angle = token / 10000 ** (2 * pair / width)
        first, second = head * width + pair, head * width + pair + width // 2
        a, b = rows[token, first], rows[token, second]
        found[token, first] = a * np.cos(angle) - b * np.sin(angle)
        found[token, second] = b * np.cos(angle) + a * np.sin(angle)
    return found


def next_word_plainly(model: MplugOwl2, rows: np.ndarray, picture: range) -> np.ndarray:
    """Logits after one row of tokens, each token through the modules of its own modality."""

    def each(rows: np.ndarray, module: Any) -> np.ndarray:
        kinds = [module.multiway[int(token in picture)] for token in range(len(rows))]
        step = rms if hasattr(kinds[0], "variance_epsilon") else linear
        return np.vstack([step(rows[[token]], kind) for token, kind in enumerate(kinds)])

    def rms(rows: np.ndarray, norm: Any) -> np.ndarray:
        return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-6) * array(norm.weight)

    layers: Any = model.model.layers
    for layer in layers:
        look = layer.self_attn
        hidden = each(rows, layer.input_layernorm)
        query, key = (
            turned(part, 2) for part in (linear(hidden, look.q_proj), each(hidden, look.k_proj))
        )
        value = each(hidden, look.v_proj)
        seen = [attend(query[[i]], key[: i + 1], value[: i + 1], 2) for i in range(len(rows))]
        rows = rows + linear(np.vstack(seen), look.o_proj)
        hidden, mlp = each(rows, layer.post_attention_layernorm), layer.mlp
        gated = silu(linear(hidden, mlp.gate_proj)) * linear(hidden, mlp.up_proj)
        rows = rows + linear(gated, mlp.down_proj)
    return linear(rms(rows[[-1]], model.model.norm), model.lm_head)[0]


def test_each_token_goes_through_the_modules_of_its_modality() -> None:
    model = tiny_model()
    pixels, before, after = torch.randn(1, 3, 8, 8), words(1, 7, 8), words(9, 4)
    texts = array(model.model.embed_tokens(torch.cat([before, after])))
    seen = array(model.model.visual_abstractor(model.model.vision_model(pixels))[0])
    rows = np.vstack([texts[:3], seen, texts[3:]])
    expected = next_word_plainly(model, rows, picture=range(3, 9))
    np.testing.assert_allclose(array(model(pixels, before, after))[0], expected, atol=1e-4)


# The question and the picture


def test_the_question_is_tokenised_around_the_picture() -> None:
    tokenizer = tiny_tokenizer()
    question = ask(tokenizer, "aesthetics", torch.device("cpu"))
    before, after = (
        "".join(tokenizer.convert_ids_to_tokens(ids.tolist())).replace("<0x0A>", "\n")
        for ids in (question.before, question.after)
    )
    assert before == "<s>▁USER:▁How▁would▁you▁rate▁the▁aesthetics▁of▁this▁image?\n"
    assert after == "▁\nASSISTANT:▁The▁aesthetics▁of▁the▁image▁is"


def test_the_tokens_are_those_of_the_parts_without_a_second_start_token() -> None:
    tokenizer = tiny_tokenizer()
    parts = [tokenizer(text).input_ids for text in QUESTION.format(task="quality").split(IMAGE)]
    question = ask(tokenizer, "quality", torch.device("cpu"))
    assert parts[0][0] == parts[1][0] == tokenizer.bos_token_id
    assert question.before.tolist() == parts[0]
    assert question.after.tolist() == parts[1][1:]


def test_a_level_is_known_by_the_first_token_of_its_word() -> None:
    tokenizer = tiny_tokenizer()
    found = tokenizer.convert_ids_to_tokens(level_ids(tokenizer))
    assert found == ["▁excellent", "▁good", "▁fair", "▁poor", "▁bad"]


def test_the_score_is_the_mean_level() -> None:
    sure = 40 * torch.eye(5)
    np.testing.assert_allclose(mean_level(sure), [5, 4, 3, 2, 1], atol=1e-5)
    np.testing.assert_allclose(mean_level(torch.zeros(1, 5)), [3], atol=1e-6)
    shares = torch.tensor([[0.5, 0.1, 0.1, 0.1, 0.2]])
    upstream = 4 * (shares @ torch.tensor([1, 0.75, 0.5, 0.25, 0])) + 1
    np.testing.assert_allclose(mean_level(shares.log()), upstream, rtol=1e-6)


@pytest.mark.parametrize("size", [(6, 3), (3, 6), (6, 1)])
def test_a_picture_lies_in_the_middle_of_its_square(size: tuple[int, int]) -> None:
    square = np.asarray(squared(PIL.Image.new("RGB", size, "white"), (122, 116, 104)))
    inside = (square == 255).all(axis=2)
    width, height = size
    left, top = (6 - width) // 2, (6 - height) // 2
    assert inside[top : top + height, left : left + width].all()
    assert inside.sum() == width * height
    assert (square[~inside] == (122, 116, 104)).all()


# The reward model


def test_a_published_folder_gives_the_scores_of_its_weights(published: Path) -> None:
    model, tokenizer = tiny_model(), tiny_tokenizer()
    for buffer in model.model.visual_abstractor.buffers():
        buffer.copy_(buffer.bfloat16())
    question, expected = ask(tokenizer, "aesthetics", torch.device("cpu")), []
    for picture in pictures():
        square = PIL.Image.new("RGB", (17, 17), (122, 116, 104))
        square.paste(picture, (0, 3))
        small = np.asarray(square.resize((8, 8), PIL.Image.Resampling.BICUBIC)) / 255
        mean, deviation = PREPROCESSING["image_mean"], PREPROCESSING["image_std"]
        pixels = torch.tensor((small - mean) / deviation).float().permute(2, 0, 1)[None]
        odds = array(model(pixels, question.before, question.after))[0]
        odds = np.exp([odds[tokenizer.convert_tokens_to_ids(f"▁{word}")] for word in LEVELS])
        expected.append(odds @ [5, 4, 3, 2, 1] / odds.sum())
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(scores(published), expected, rtol=1e-4)


def test_a_picture_has_the_same_score_alone_and_among_others(published: Path) -> None:
    reward = load_reward(f"qalign:{published}", device="cpu")
    many = pictures(qalign.BATCH + 2)
    together = reward.rewards(many, ["a boat"] * len(many))
    alone = [reward.rewards([picture], [""])[0] for picture in many]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert not reward.reads_prompt
    assert reward.rewards([], []).shape == (0,)


def test_the_task_is_asked_for(published: Path) -> None:
    assert np.abs(scores(published) - scores(published, task="quality")).min() > 1e-4
    one, other = (qalign.load(str(published), device="cpu", task=task).id for task in qalign.TASKS)
    assert one.endswith("/aesthetics")
    assert other.endswith("/quality")


def test_code_in_the_checkpoint_is_not_run(published: Path) -> None:
    np.testing.assert_array_equal(scores(published, trust_remote_code=True), scores(published))


def test_safetensors_give_the_same_scores_and_another_id(published: Path, copied: Path) -> None:
    for file in copied.glob("pytorch_model*"):
        file.unlink()
    save_file(published_weights(), copied / "model.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(scores(copied), scores(published))
    ids = {qalign.load(str(folder), device="cpu").id for folder in (published, published, copied)}
    assert len(ids) == 2


def test_positions_that_a_checkpoint_lacks_are_computed(copied: Path) -> None:
    weights = published_weights()
    kept = {name: weight for name, weight in weights.items() if "pos_embed" not in name}
    assert len(weights) - len(kept) == 4
    save_shards(copied, kept)
    assert np.isfinite(scores(copied)).all()
    model = MplugOwl2.from_pretrained(copied, dtype=torch.float16)
    name = "model.visual_abstractor.encoder.layers.1.crossattention.attention.q_pos_embed"
    expected = [place(i, 12) for i in range(5)]
    np.testing.assert_allclose(array(model.state_dict()[name]), expected, atol=1e-3)


def test_a_checkpoint_that_lacks_weights_is_refused(copied: Path) -> None:
    weights = published_weights()
    del weights["model.layers.1.self_attn.k_proj.multiway.1.weight"]
    save_shards(copied, weights)
    with pytest.raises(PrerequisiteError, match=r"lacks 1 .*layers\.1\.self_attn\.k_proj\.multi"):
        scores(copied)


def test_a_shard_that_is_missing_is_one_clear_line(copied: Path) -> None:
    (copied / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(PrerequisiteError, match=r"^no Q-Align model can be loaded from .*") as e:
        scores(copied)
    assert "\n" not in str(e.value)


def test_a_model_of_another_kind_is_refused_before_its_weights_are_read(copied: Path) -> None:
    (copied / "config.json").write_text(json.dumps({"model_type": "siglip"}))
    with pytest.raises(PrerequisiteError, match=r"'siglip'.*'mplug_owl2'"):
        scores(copied)


def test_a_folder_without_a_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"^no Q-Align model can be loaded from .*"):
        scores(tmp_path)


def test_a_missing_reader_of_the_tokenizer_says_how_to_get_it(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "tokenizer.json").rename(copied / "tokenizer.model")
    monkeypatch.setattr(qalign, "is_sentencepiece_available", lambda: False)
    with pytest.raises(PrerequisiteError, match="pip install sentencepiece protobuf"):
        scores(copied)
