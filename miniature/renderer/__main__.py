"""Trains the miniature's diffusion model from rendered scenes and exports it as a pipeline.

Stages: autoencoder → latents and caption embeddings → reader of captions → diffusion transformer →
its guidance distilled → export. Every stage goes on from its checkpoint when the command is run
again.
"""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, PixArtTransformer2DModel
from torch import nn

from miniature.attributes import Attributes
from miniature.renderer.autoencoder import decode, encode, psnr, train_autoencoder
from miniature.renderer.distil import GUIDANCE, distil_guidance
from miniature.renderer.export import export_pipeline, load_parts, sampled_sigmas
from miniature.renderer.latents import (
    LatentData,
    check_latents,
    load_latents,
    make_latents,
)
from miniature.renderer.reader import read, train_reader
from miniature.renderer.transformer import TransformerRecipe, train_transformer
from miniature.scenes.store import load_scenes
from miniature.states import Captions
from miniature.training import (
    BUILD,
    HELD_OUT_EVERY,
    SCENES,
    Plan,
    pick_device,
    wait_for_all,
    worker,
)
from scorer.minilm import text_encoder_and_tokenizer

FOLDER = BUILD / "renderer"
DISTILLED = FOLDER / "distilled"
"""Where the pipeline lies that `miniature.renderer.reward` begins with."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m miniature.renderer", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--scenes", type=Path, default=SCENES, help="folder of rendered scenes")
    parser.add_argument("--work", type=Path, default=FOLDER, help="checkpoints and latents")
    parser.add_argument("--out", type=Path, default=DISTILLED, help="pipeline folder")
    parser.add_argument(
        "--start",
        type=Path,
        help="pipeline folder to start from: latents and text side are kept, its transformer "
        "learns on",
    )
    parser.add_argument("--autoencoder-steps", type=int, default=20000)
    parser.add_argument(
        "--reader-steps", type=int, default=3200, help="steps of the layer that reads captions"
    )
    parser.add_argument("--steps", type=int, default=14800, help="steps of the transformer")
    parser.add_argument(
        "--guidance", type=float, default=GUIDANCE, help="scale that is distilled; 1 for none"
    )
    parser.add_argument(
        "--distil-steps", type=int, default=2400, help="steps of distilling the guidance"
    )
    parser.add_argument("--batch", type=int, default=96, help="pictures a step")
    parser.add_argument(
        "--fused",
        action="store_true",
        help="compile the transformer's blocks: a third faster, needs a C++ compiler",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--until",
        choices=("autoencoder", "latents", "reader", "transformer", "export"),
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
    rows = [row for row in range(len(pictures)) if row % HELD_OUT_EVERY]
    if worker()[0] == 0 and load_latents(folder) is None:
        make_latents(pictures[rows], [attributes[row] for row in rows], model, args.seed, folder)
    wait_for_all()
    if (data := load_latents(folder)) is None:
        raise RuntimeError(f"no latents in {str(folder)!r}")
    try:
        check_latents(data, pictures[rows], [attributes[row] for row in rows], model, args.seed)
    except ValueError as error:
        raise SystemExit(f"{error}: delete {str(folder)!r} to make them anew") from error
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
        autoencoder, begun = train_autoencoder(pictures[rows], plan), None
    else:
        autoencoder, begun = load_parts(args.start)
    _report_autoencoder(autoencoder, pictures)
    if args.until == "autoencoder":
        return
    data = _latents(args, autoencoder, pictures, attributes)
    told = data.told
    if args.until == "latents":
        return
    layer, data = _read(data, args)
    told = digest_of(layer, told)
    if args.until == "reader":
        return
    trained = TransformerRecipe(
        seed=args.seed, steps=args.steps, batch=args.batch, fused=args.fused
    )
    transformer = train_transformer(
        data, args.work / "transformer.pt", trained, device, told, start=begun
    )
    if args.until == "transformer":
        return
    transformer = _distilled(transformer, data, trained, told, args)
    if worker()[0] == 0:
        export_pipeline(autoencoder.cpu(), transformer.cpu(), layer, args.out)


def _read(data: LatentData, args: argparse.Namespace) -> tuple[nn.Module, LatentData]:
    """The layer that reads captions, and the data with captions as it reads them."""
    plan = Plan(
        args.work / f"reader-{data.told}.pt",
        args.reader_steps,
        rate=5e-4,
        batch=128,
        seed=args.seed,
        device=pick_device(args.device),
    )
    if args.start is not None:
        layer = text_encoder_and_tokenizer(args.start)[0].encoder.layer[-1]
    else:
        layer = train_reader(data.captions, data.said, plan).cpu()
    folder = args.work / f"read-{digest_of(layer, data.told)}"
    for told in ("plain", "captions") if worker()[0] == 0 else ():
        if Captions.load(folder, told) is None:
            read(getattr(data, told), layer).save(folder, told)
    wait_for_all()
    plain, captions = (Captions.load(folder, told) for told in ("plain", "captions"))
    if plain is None or captions is None:
        raise RuntimeError(f"no captions in {str(folder)!r}")
    return layer, replace(data, plain=plain, captions=captions)


def digest_of(model: nn.Module, *more: object) -> str:
    """Names what belongs to these weights and no others."""
    digest = hashlib.sha256(repr(more).encode())
    for value in model.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def _distilled(
    teacher: PixArtTransformer2DModel,
    data: LatentData,
    recipe: TransformerRecipe,
    told: str,
    args: argparse.Namespace,
) -> PixArtTransformer2DModel:
    """The transformer with guidance in its weights; a checkpoint belongs to teacher and words."""
    if args.guidance == 1:
        return teacher
    sigmas = sampled_sigmas()
    plan = Plan(
        args.work / f"distilled-{digest_of(teacher, args.guidance, sigmas.tolist(), told)}.pt",
        args.distil_steps,
        rate=3e-4,
        batch=args.batch,
        seed=args.seed + 2,
        device=pick_device(args.device),
    )
    return distil_guidance(teacher, data, plan, recipe, sigmas, guidance=args.guidance)


if __name__ == "__main__":
    main()
