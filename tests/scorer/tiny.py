"""Real classes at tiny size."""

from pathlib import Path
from typing import Any

from transformers import (
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
)

TINY: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def tiny_vision() -> SiglipVisionModel:
    return SiglipVisionModel(SiglipVisionConfig(**TINY, image_size=32, patch_size=16))


def tiny_siglip(folder: Path) -> None:
    """A whole SigLIP with its processor, untrained, saved where `from_pretrained` finds it."""
    config = SiglipConfig(
        vision_config={**TINY, "image_size": 32, "patch_size": 16},
        text_config={**TINY, "vocab_size": 30, "max_position_embeddings": 8, "pad_token_id": 1},
    )
    SiglipModel(config).save_pretrained(folder)
    pictures = SiglipImageProcessor(size={"height": 32, "width": 32})
    SiglipProcessor(pictures, letter_tokenizer()).save_pretrained(folder)


def letter_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word of one vocabulary; what it does not know is one token too."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {"<unk>": 0, "<pad>": 1, "a": 2, "boat": 3, "A": 4, "Boat": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", model_max_length=8
    )
