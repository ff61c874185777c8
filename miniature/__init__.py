"""A small world of rendered scenes, and the models that are trained on it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent
WEIGHTS = ROOT / "weights"
