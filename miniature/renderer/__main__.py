"""Trains the miniature's diffusion model from rendered scenes and exports it as a pipeline.

Stages: autoencoder (a first stretch that fixes the latents) → latents and caption embeddings →
diffusion transformer → decoder (a second stretch, the encoder frozen) → export. Every stage
goes on from its checkpoint when the command is run again.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from miniature import WEIGHTS
from miniature.attributes import Attributes
from miniature.renderer.autoencoder import decode, encode, psnr, train_autoencoder
from miniature.renderer.export import export_pipeline, load_parts
from miniature.renderer.latents import LatentData, build_latents, load_latents, save_latents
from miniature.renderer.transformer import TransformerRecipe, train_transformer
from miniature.scenes.store import load_scenes
from miniature.training import (
    BUILD,
    HELD_OUT_EVERY,
    SCENES,
    Plan,
    pick_device,
    wait_for_all,
    worker,
)

FOLDER = BUILD / "renderer"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m miniature.renderer", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--work", type=Path, default=FOLDER, help="checkpoints and latents")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "renderer", help="pipeline folder")
    parser.add_argument(
        "--start",
        type=Path,
        help="pipeline folder to start from: its latents are kept, its transformer learns on",
    )
    parser.add_argument("--autoencoder-steps", type=int, default=2000)
    parser.add_argument(
        "--decoder-steps", type=int, default=1000, help="steps of the decoder alone, at the end"
    )
    parser.add_argument("--steps", type=int, default=7000, help="steps of the transformer")
    parser.add_argument("--batch", type=int, default=32, help="pictures a step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--until",
        choices=("autoencoder", "latents", "transformer", "export"),
        default="export",
        help="stop after this stage",
    )
    return parser.parse_args()


def _report_autoencoder(model: AutoencoderTiny, pictures: np.ndarray) -> None:
    sample = pictures[::HELD_OUT_EVERY][:200]
    decoded = np.concatenate(
        [decode(model, encode(model, sample[i : i + 50])) for i in range(0, len(sample), 50)]
    )
    print(json.dumps({"reconstruction_psnr_db": round(psnr(decoded, sample), 2)}))


def _latents(
    args: argparse.Namespace,
    model: AutoencoderTiny,
    pictures: np.ndarray,
    attributes: list[Attributes],
) -> LatentData:
    folder = args.work / "latents"
    if worker()[0] == 0 and load_latents(folder) is None:
        rows = [row for row in range(len(pictures)) if row % HELD_OUT_EVERY]
        made = build_latents(pictures[rows], [attributes[row] for row in rows], model, args.seed)
        save_latents(made, folder)
    wait_for_all()
    if (data := load_latents(folder)) is None:
        raise RuntimeError(f"no latents in {str(folder)!r}")
    return data


def main() -> None:
    """Runs the stages up to `--until`."""
    args = _arguments()
    device = pick_device(args.device)
    torch.set_flush_denormal(True)
    pictures, attributes = load_scenes(args.scenes)
    rows = np.arange(len(pictures)) % HELD_OUT_EVERY != 0
    if args.start is None:
        plan = Plan(
            args.work / "autoencoder.pt",
            args.autoencoder_steps,
            rate=1.5e-3,
            batch=16,
            seed=args.seed,
            device=device,
        )
        autoencoder, begun = train_autoencoder(pictures[rows], plan, start=None), None
    else:
        autoencoder, begun = load_parts(args.start)
    _report_autoencoder(autoencoder, pictures)
    if args.until == "autoencoder":
        return
    data = _latents(args, autoencoder, pictures, attributes)
    if args.until == "latents":
        return
    trained = TransformerRecipe(seed=args.seed, steps=args.steps, batch=args.batch)
    transformer = train_transformer(
        data, args.work / "transformer.pt", trained, device, start=begun
    )
    if args.until == "transformer":
        return
    sharper = Plan(args.work / "decoder.pt", args.decoder_steps, seed=args.seed + 1, device=device)
    train_autoencoder(pictures[rows], sharper, decoder_only=True, start=autoencoder)
    if worker()[0]:
        return
    _report_autoencoder(autoencoder, pictures)
    export_pipeline(autoencoder.cpu(), transformer.cpu(), args.out)


if __name__ == "__main__":
    main()
