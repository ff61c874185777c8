"""What `run.json` says of a run, and whether a resumed run still finds the same.

    header = make_header(folder.name, "mossy rocks", config, user, parts)
    changed_parts(header, parts)      # []

The one rule that is not obvious: a profile is known by its content and that of the pictures that
it rates, not by its path, so a folder that was moved is still the same profile.
"""

import hashlib
import importlib.metadata
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from agent.builders import Parts
from agent.config import RunConfig
from agent.records import RunHeader
from agent.secrets import redact
from scorer.profile import UserProfile

PACKAGES = ("pamela-agent", "torch", "diffusers", "transformers", "dspy", "numpy", "pillow")


def profile_digest(user: UserProfile) -> str:
    """SHA-256 of the profile's content and of the pictures that it rates, as a hex string."""
    content = json.dumps(user.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(content.encode())
    for path in user.picture_paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def make_header(
    run_id: str,
    prompt: str,
    config: RunConfig,
    user: UserProfile,
    parts: Parts,
    *,
    profile_path: str | None = None,
) -> RunHeader:
    """What `run.json` says of a run that begins now.

    Args:
        run_id: The name of its folder.
        prompt: The user's own.
        config: All settings.
        user: Whose taste counts.
        parts: What proposes, draws and judges.
        profile_path: Where the profile lies, see :func:`path_from_run`; without it a run can be
            resumed only with a profile at hand.
    """
    described = parts.describe()
    return RunHeader(
        id=run_id,
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        prompt=prompt,
        user_id=user.user_id,
        config=config,
        profile=user.model_dump(mode="json"),
        profile_path=profile_path,
        profile_sha256=profile_digest(user),
        parts=described,
        packages=_versions(),
        device=described["renderer"].get("device", config.device),
    )


def path_from_run(path: Path, runs_dir: Path) -> str:
    """A path as a run in `runs_dir` writes it down: seen from the run's folder.

    So a project can be moved with its runs, and `run.json` names nobody's home.
    """
    try:
        return Path(os.path.relpath(path.resolve(), runs_dir.resolve() / "run")).as_posix()
    except ValueError:  # on another drive
        return str(path.resolve())


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def changed_parts(header: RunHeader, parts: Parts) -> list[str]:
    """What of the models and libraries is not what the run began with, in words."""
    return [
        redact(f"resumed with another {part}: {key} {before!r} is now {now!r}, results may differ")
        for part, said in parts.describe().items()
        for key in sorted({*said, *header.parts.get(part, {})})
        if (before := header.parts.get(part, {}).get(key)) != (now := said.get(key))
    ]
