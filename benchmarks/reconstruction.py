"""How much of a picture survives the autoencoder?

Fresh renders, none of which trained anything, are encoded and decoded. PSNR in dB over all pixels;
and the judge's accuracy on what comes back beside that on the renders themselves.
"""

import numpy as np

from agent.cli.parsers import counted
from benchmarks.report import Report, in_one_line, parser
from miniature.attributes import LOOKS, PALETTES
from miniature.finish import Finish, finished
from miniature.training import FRESH_SCENES

LEAST_DB = 33.0
MOST_LOST = 0.02
JUDGED = ("subject", "environment", "lighting", "camera_angle", "shot", "palette")


def main() -> None:
    """Renders, encodes, decodes, judges, prints."""
    made = parser(__doc__)
    made.add_argument("--pictures", type=counted, default=1200, help="how many (default 1200)")
    args = made.parse_args()
    from miniature import WEIGHTS
    from miniature.classifier import accuracy, load_classifier
    from miniature.renderer.autoencoder import decode, encode, psnr
    from miniature.renderer.export import load_parts
    from miniature.scenes.store import fresh_scenes

    report = Report(f"python -m benchmarks.reconstruction --pictures {args.pictures}")
    autoencoder, _ = load_parts(WEIGHTS / "renderer")

    def through(pictures: np.ndarray) -> np.ndarray:
        parts = [
            decode(autoencoder, encode(autoencoder, pictures[i : i + 50]))
            for i in range(0, len(pictures), 50)
        ]
        return np.concatenate(parts)

    pictures, attributes = fresh_scenes(FRESH_SCENES, args.pictures)
    back = through(pictures)
    each = np.array([psnr(*pair) for pair in zip(back, pictures, strict=True)])
    report.figures["worst twentieth of the pictures, dB"] = round(float(np.quantile(each, 0.05)), 2)
    report.bar("PSNR of renders, dB", psnr(back, pictures), at_least=LEAST_DB, n=len(pictures))
    finishes = [
        Finish("digital art" if n % 4 == 0 else "photographic", PALETTES[n % len(PALETTES)])
        for n in range(len(pictures))
    ]
    shown = np.stack([finished(p, f) for p, f in zip(pictures, finishes, strict=True)])
    named = [f.of(a) for f, a in zip(finishes, attributes, strict=True)]
    decoded = through(shown)
    for look in LOOKS:
        rows = np.array([finish.look == look for finish in finishes])
        report.figures[f"PSNR of {look} pictures in all palettes, dB"] = round(
            psnr(decoded[rows], shown[rows]), 2
        )
    judge = load_classifier("judge")
    before, after = accuracy(judge, shown, named), accuracy(judge, decoded, named)
    for name in JUDGED:
        report.figures[f"judge of {name}"] = {
            "on renders": round(before[name], 4),
            "on reconstructions": round(after[name], 4),
        }
        lost = before[name] - after[name]
        report.bar(f"{name}: accuracy lost", lost, at_most=MOST_LOST, n=len(pictures))
    report.close(json_output=args.json)


if __name__ == "__main__":
    in_one_line(main)
