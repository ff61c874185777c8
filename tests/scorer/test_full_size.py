"""Full-size shapes, on the meta device: nothing is allocated, everything has to fit together."""

from typing import Any

import torch
from transformers import AutoModel, Qwen3Config, SiglipConfig

from scorer.predictor import PamelaNetwork
from scorer.siglip import grid_means
from scorer.tokens import TokenBatch

SO400M: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
}
"""As `config.json` of google/siglip2-so400m-patch14-384 says, for both towers."""
FIELDS = ("person.age", "person.gender", "person.nationality", "picture.style", "picture.type")


def siglip() -> Any:
    config = SiglipConfig(
        vision_config={**SO400M, "image_size": 384, "patch_size": 14},
        text_config={**SO400M, "vocab_size": 256000, "max_position_embeddings": 64},
    )
    with torch.device("meta"):
        return AutoModel.from_config(config)


def test_siglip2_gives_features_of_1152_and_729_patches():
    model = siglip()
    with torch.device("meta"):
        seen = model.get_image_features(pixel_values=torch.zeros(2, 3, 384, 384))
        told = model.get_text_features(input_ids=torch.zeros(2, 64, dtype=torch.long))
    assert seen.pooler_output.shape == (2, 1152)
    assert seen.last_hidden_state.shape == (2, 729, 1152)
    assert told.pooler_output.shape == (2, 1152)
    assert grid_means(seen.last_hidden_state, {}, 4).shape == (2, 16, 1152)
    assert 1.1e9 < sum(p.numel() for p in model.parameters()) < 1.2e9


def test_qwen3_embeds_a_sentence_in_1024_numbers():
    config = Qwen3Config(
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        vocab_size=151669,
    )
    with torch.device("meta"):
        model = AutoModel.from_config(config)
        states = model(input_ids=torch.zeros(1, 8, dtype=torch.long)).last_hidden_state
    assert states.shape == (1, 8, 1024)


def test_the_network_fits_the_full_size_features():
    with torch.device("meta"):
        network = PamelaNetwork(
            visual_dim=1152,
            semantic_dim=1152,
            visual_tokens=17,
            sentence_dim=1024,
            fields=FIELDS,
            width=256,
            layers=4,
            heads=8,
        ).eval()
        batch = TokenBatch(
            visual=torch.zeros(3, 17 * 1152),
            semantic=torch.zeros(3, 1152),
            fields=torch.zeros(3, len(FIELDS), 1024),
            present=torch.ones(3, 1 + len(FIELDS), dtype=torch.bool),
        )
        score, cls = network(batch)
    assert score.shape == (3,)
    assert cls.shape == (3, 256)
