"""Real classes at tiny size."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import (
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    Siglip2Config,
    Siglip2Model,
    Siglip2Processor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
)
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

from scorer.concepts import Concepts, make_concepts
from scorer.evidence import Evidence
from scorer.miniature_encoder import GATHERED, JointHeads, Sight
from scorer.products import Products, make_products
from scorer.second_eye import SecondEye

TINY: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def tiny_vision() -> SiglipVisionModel:
    return SiglipVisionModel(SiglipVisionConfig(**TINY, image_size=32, patch_size=16))


def tiny_concepts(heads: JointHeads, dim: int = 8) -> Concepts:
    """Two lights in two phrasings each, and moss, which is there or not."""
    generator = torch.Generator().manual_seed(0)
    texts, joint = (
        F.normalize(torch.randn(count, dim, generator=generator), dim=-1) for count in (5, 40)
    )
    early = torch.randn(40, TINY["hidden_size"], generator=generator)
    lights = [("light", "sun"), ("light", "sun"), ("light", "moon"), ("light", "moon")]
    with torch.no_grad():
        concepts = make_concepts(texts, [*lights, ("moss", "yes")])
        likely = concepts.probabilities(heads.logits(joint, concepts.texts))
        return concepts.standardised(likely, early)


def tiny_parts(heads: JointHeads) -> tuple[Sight, Products, Evidence]:
    """What is saved of an encoder, beside its reader."""
    return tiny_sight(heads), tiny_products(), tiny_evidence()


def tiny_sight(heads: JointHeads) -> Sight:
    return Sight(tiny_vision(), heads, tiny_concepts(heads), tiny_second_eye())


def tiny_products() -> Products:
    """Of two values that stand elsewhere in the second eye than among the concepts."""
    return make_products([0, 1], [3, 2], [(0, 0), (0, 1)])


def tiny_second_eye() -> SecondEye:
    """Of a lighting with three values and an angle with two."""
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic")
    return SecondEye(ResNetModel(config), [3, 2]).eval()


def tiny_evidence() -> Evidence:
    """Of the light nothing, sun, moon or what never is; of moss that it is not said or is."""
    generator = torch.Generator().manual_seed(0)
    return Evidence(
        weight=torch.randn(6, GATHERED, generator=generator),
        bias=torch.zeros(6),
        attribute=torch.tensor([0, 0, 0, 0, 1, 1]),
        concept=torch.tensor([3, 0, 1, 4, 3, 2]),
        worth=torch.tensor([0.5, 0.5, 0.5, 0.5, 0.25, 0.25]),
        prior=torch.tensor([0.5, 0.5, 0.1]),
    )


def tiny_siglip(folder: Path) -> None:
    """A whole SigLIP with its processor, untrained, saved where `from_pretrained` finds it."""
    config = SiglipConfig(
        vision_config={**TINY, "image_size": 32, "patch_size": 16},
        text_config={**TINY, "vocab_size": 30, "max_position_embeddings": 8, "pad_token_id": 1},
    )
    SiglipModel(config).save_pretrained(folder)
    pictures = SiglipImageProcessor(size={"height": 32, "width": 32})
    SiglipProcessor(pictures, letter_tokenizer()).save_pretrained(folder)


def tiny_naflex(folder: Path) -> None:
    """A SigLIP 2 that keeps a picture's shape, untrained: patches of 16 in up to 12 places."""
    config = Siglip2Config(
        vision_config={**TINY, "num_patches": 16, "patch_size": 16},
        text_config={**TINY, "vocab_size": 30, "max_position_embeddings": 8, "pad_token_id": 1},
    )
    Siglip2Model(config).save_pretrained(folder)
    pictures = Siglip2ImageProcessorPil(patch_size=16, max_num_patches=12)
    Siglip2Processor(pictures, letter_tokenizer()).save_pretrained(folder)


def tiny_sentence_encoder(folder: Path) -> None:
    """A sentence-transformers model of two layers, untrained."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(**TINY, vocab_size=30)).save_pretrained(folder / "bert")
    letter_tokenizer().save_pretrained(folder / "bert")
    words = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[words, Pooling(16)], device="cpu").save(str(folder))


def letter_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word of one vocabulary; what it does not know is one token too."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {"<unk>": 0, "<pad>": 1, "a": 2, "boat": 3, "A": 4, "Boat": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", model_max_length=8
    )
