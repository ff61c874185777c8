"""Tiny pipelines of diffusers' own classes, with random weights, saved to disk once a session.

The decoders are scaled up so that their pictures have contrast: on grey pictures every comparison
would hold.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LETTERS = [chr(number) for number in range(33, 127)]


def seeded() -> None:
    import torch

    torch.manual_seed(0)


def tiny_vae() -> Any:
    """An autoencoder of f = 8 with a decoder that makes contrast."""
    import torch
    from diffusers import AutoencoderTiny

    vae = AutoencoderTiny(
        latent_channels=4,
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
        scaling_factor=1.0,
    )
    for weight in vae.decoder.parameters():
        if weight.dim() > 1:
            torch.nn.init.kaiming_normal_(weight)
    return vae


def make_pixart(folder: Path) -> None:
    """The miniature's classes: no text encoder and no tokenizer in the folder."""
    from diffusers import (
        DPMSolverMultistepScheduler,
        PixArtSigmaPipeline,
        PixArtTransformer2DModel,
    )

    transformer = PixArtTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        cross_attention_dim=16,
        sample_size=8,
        patch_size=2,
        caption_channels=384,
        use_additional_conditions=False,
    )
    scheduler = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0
    )
    parts: dict[str, Any] = {"tokenizer": None, "text_encoder": None, "scheduler": scheduler}
    pipeline = PixArtSigmaPipeline(vae=tiny_vae().half(), transformer=transformer.half(), **parts)
    pipeline.save_pretrained(folder)
    generation = {
        "num_inference_steps": 3,
        "guidance_scale": 3.0,
        "max_sequence_length": 48,
        "use_resolution_binning": False,
        "clean_caption": False,
        "an_argument_that_it_does_not_take": 1,
    }
    (folder / "generation.json").write_text(json.dumps(generation))
    write_text_layer(folder)


def write_text_layer(folder: Path) -> None:
    """A copy of the sentence encoder's last layer, to go on top of it."""
    from safetensors.torch import save_file

    from scorer.minilm import TEXT_LAYERS, text_encoder_and_tokenizer

    last = text_encoder_and_tokenizer()[0].encoder.layer[-1].state_dict()
    save_file({f"encoder.layer.6.{name}": v for name, v in last.items()}, folder / TEXT_LAYERS)


def clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(letter + "</w>" for letter in LETTERS)]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=77
    )


def clip_text_model(tokenizer: Any, *, projected: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        projection_dim=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def ddpm() -> Any:
    """A scheduler that adds noise in every step, from the picture's own generator."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(beta_schedule="scaled_linear", steps_offset=1, clip_sample=False)


def make_sdxl(folder: Path) -> None:
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=4,
        cross_attention_dim=32,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=64,
    )
    tokenizer = clip_tokenizer()
    pipeline = StableDiffusionXLPipeline(
        vae=tiny_vae(),
        text_encoder=clip_text_model(tokenizer, projected=False),
        text_encoder_2=clip_text_model(tokenizer, projected=True),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=ddpm(),
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder)


def make_guarded(folder: Path) -> None:
    """A Stable Diffusion whose safety checker finds fault with everything."""
    import torch
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPTextConfig, CLIPVisionConfig

    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=4,
        cross_attention_dim=16,
    )
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "projection_dim": 16,
    }
    vision = CLIPVisionConfig(image_size=32, patch_size=16, **sizes)
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            text_config=CLIPTextConfig(**sizes).to_dict(),
            vision_config=vision.to_dict(),
            projection_dim=16,
        )
    )
    checker.concept_embeds_weights = torch.nn.Parameter(torch.full((17,), -2.0), False)
    tokenizer = clip_tokenizer()
    pipeline = StableDiffusionPipeline(
        vae=tiny_vae(),
        text_encoder=clip_text_model(tokenizer, projected=False),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=ddpm(),
        safety_checker=checker,
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    )
    pipeline.save_pretrained(folder)


def t5_tokenizer() -> Any:
    from transformers import T5Tokenizer

    special = ["<pad>", "</s>", "<unk>", "▁"]
    vocab = [(piece, -2.0 if piece == "▁" else 0.0) for piece in special]
    vocab += [(letter, -3.0) for letter in LETTERS]
    return T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=512)


def make_flux(folder: Path) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler as Scheduler
    from diffusers import FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 2, 2),
        guidance_embeds=True,
    )
    clip, t5 = clip_tokenizer(), t5_tokenizer()
    pipeline = FluxPipeline(
        scheduler=Scheduler(),
        vae=tiny_vae(),
        text_encoder=clip_text_model(clip, projected=False),
        tokenizer=clip,
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=len(t5), d_model=16, d_ff=16, d_kv=8, num_heads=2, num_layers=1)
        ),
        tokenizer_2=t5,
        transformer=transformer,
    )
    pipeline.save_pretrained(folder)


@pytest.fixture(scope="session")
def pipeline_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline, by name; made when it is first asked for."""
    makers = {"pixart": make_pixart, "sdxl": make_sdxl, "flux": make_flux, "guarded": make_guarded}
    root = tmp_path_factory.mktemp("pipelines")

    def folder(name: str) -> Path:
        if not (root / name).exists():
            seeded()
            makers[name](root / name)
        return root / name

    return folder
