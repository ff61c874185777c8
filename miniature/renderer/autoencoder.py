"""Trains the autoencoder: 128×128 pictures to 32×32 latents of 6 channels and back (f = 4).

Loss: L1 in RGB, L1 of chroma and the squared error of the picture at an eighth of its size
(without them the green–magenta axis is lost in the first hours), L1 of image gradients. The
latents are held at zero mean and unit variance per channel by a penalty on batch statistics, so
that the pipeline's scaling factor is 1, and a little noise is added to them before decoding, so
that the decoder forgives what a diffusion model gets wrong.
"""

import numpy as np
import torch
from diffusers import AutoencoderTiny
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.finish import draw_finish, finished
from miniature.training import Plan, fit, precision, worker

CHANNELS = 6
LATENT_NOISE = 0.05
ENCODER_WIDTH, DECODER_WIDTH = 32, 48
CROP = 64


def make_autoencoder() -> AutoencoderTiny:
    """An untrained autoencoder of diffusers' own class."""
    return AutoencoderTiny(
        latent_channels=CHANNELS,
        encoder_block_out_channels=(ENCODER_WIDTH,) * 3,
        decoder_block_out_channels=(DECODER_WIDTH,) * 3,
        num_encoder_blocks=(0, 2, 2),
        num_decoder_blocks=(2, 3, 0),
        scaling_factor=1.0,
    )


def chroma(picture: Float[Tensor, "batch 3 height width"]) -> Tensor:
    """Two colour differences, (batch, 2, height, width): red–green and yellow–blue."""
    red, green, blue = picture.unbind(1)
    return torch.stack([red - green, (red + green) / 2 - blue], 1)


def gradients(picture: Tensor) -> Tensor:
    """Horizontal and vertical differences, flattened into one vector."""
    horizontal = picture[..., 1:] - picture[..., :-1]
    vertical = picture[..., 1:, :] - picture[..., :-1, :]
    return torch.cat([horizontal.flatten(), vertical.flatten()])


def reconstruction_loss(decoded: Tensor, target: Tensor) -> Tensor:
    """L1 + chroma + gradients + coarse colours, on pictures in [-1, 1]."""
    rgb = F.l1_loss(decoded, target)
    colour = F.l1_loss(chroma(decoded), chroma(target))
    edges = F.l1_loss(gradients(decoded), gradients(target))
    coarse = F.mse_loss(F.avg_pool2d(decoded, 8), F.avg_pool2d(target, 8))
    square = F.mse_loss(decoded, target)
    return rgb + 1.5 * colour + edges + square + 5 * coarse


def latent_penalty(latents: Float[Tensor, "batch channel height width"]) -> Tensor:
    """Distance of each channel's batch statistics from zero mean and unit variance."""
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    return (mean**2 + (std - 1) ** 2).mean()


def crop_batch(pictures: np.ndarray, plan: Plan, step: int) -> Tensor:
    """Random crops in random finishes, half mirrored, (batch, 3, crop, crop) in [-1, 1]."""
    process, processes = worker()
    rng = np.random.default_rng((plan.seed, step, process))
    room = pictures.shape[1] - CROP
    crops = []
    for number in rng.integers(len(pictures), size=plan.batch // processes):
        top, left = rng.integers(0, room + 1, size=2)
        patch = pictures[number, top : top + CROP, left : left + CROP]
        shown = finished(patch, draw_finish(rng))
        crops.append(shown[:, ::-1] if rng.random() < 0.5 else shown)
    batch = torch.from_numpy(np.stack(crops).astype(np.float32) / 127.5 - 1)
    return batch.permute(0, 3, 1, 2).to(plan.device, memory_format=torch.channels_last)


def train_autoencoder(pictures: np.ndarray, plan: Plan) -> AutoencoderTiny:
    """Trains, or goes on training, and returns the model in evaluation mode.

    Args:
        pictures: uint8, (picture, size, size, 3).
        plan: Seed, length, checkpoint.
    """
    torch.manual_seed(plan.seed)
    model = make_autoencoder()
    placed: nn.Module = model
    placed.to(device=plan.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def loss_of(step: int) -> Tensor:
        target = crop_batch(pictures, plan, step)
        with precision(plan.device):
            latents = model.encoder(target)
            decoded = model.decoder(latents + LATENT_NOISE * torch.randn_like(latents))
        return reconstruction_loss(decoded.float(), target) + 0.1 * latent_penalty(latents.float())

    fit(model, loss_of, plan, "autoencoder")
    return model


@torch.inference_mode()
def encode(model: AutoencoderTiny, pictures: np.ndarray) -> Float[Tensor, "batch 6 rows columns"]:
    """Latents of uint8 pictures (batch, size, size, 3), in float32."""
    batch = torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    batch = batch.to(model.device).contiguous(memory_format=torch.channels_last)
    with precision(model.device.type):
        return model.encoder(batch).float()


@torch.inference_mode()
def decode(model: AutoencoderTiny, latents: Float[Tensor, "batch 6 rows columns"]) -> np.ndarray:
    """Pictures of latents, uint8 (batch, size, size, 3)."""
    with precision(model.device.type):
        decoded = model.decoder(latents.to(model.device)).float()
    scaled = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte()
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB between two uint8 arrays, over all of their pixels."""
    error = np.mean((first.astype(np.float32) - second.astype(np.float32)) ** 2)
    return float(10 * np.log10(255**2 / error))
