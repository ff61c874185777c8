"""What `run.json` says of a run, and whether a resumed run still finds the same.

    store = new_store(Path("runs"), "mossy rocks", config, user, parts.describe())
    changed_parts(store.header, parts.describe())      # []

The one rule that is not obvious: a profile is known by its content and that of the pictures that
it rates, not by its path, so a folder that was moved is still the same profile.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from agent.config import RunConfig
from agent.folder import new_run_folder
from agent.records import RunHeader
from agent.secrets import redact
from agent.store import RunStore
from scorer.profile import UserProfile

PACKAGES = ("pamela-agent", "torch", "diffusers", "transformers", "dspy", "numpy", "pillow")


def profile_digest(user: UserProfile) -> str:
    """SHA-256 of the profile's content and of the pictures that it rates, as a hex string."""
    content = json.dumps(user.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(content.encode())
    for path in user.picture_paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def new_store(
    runs_dir: Path,
    prompt: str,
    config: RunConfig,
    user: UserProfile,
    described: Mapping[str, Mapping[str, str]],
    *,
    profile_path: Path | None = None,
) -> RunStore:
    """Begins a run in a new folder.

    Args:
        runs_dir: Where the folder is made.
        prompt: The user's own.
        config: All settings.
        user: Whose taste counts.
        described: What the parts say of themselves (`Parts.describe`).
        profile_path: Where the profile was read from; without it a run can be resumed only with
            a profile at hand.

    Raises:
        InputError: the folder can't be made.
    """
    folder = new_run_folder(runs_dir, prompt)
    header = RunHeader(
        id=folder.name,
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        prompt=prompt,
        user_id=user.user_id,
        config=config,
        profile=user.model_dump(mode="json"),
        profile_path=str(profile_path.resolve()) if profile_path is not None else None,
        profile_sha256=profile_digest(user),
        parts={part: dict(said) for part, said in described.items()},
        packages=_versions(),
        device=described.get("renderer", {}).get("device", config.device),
    )
    return RunStore.create(folder, header)


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def changed_parts(header: RunHeader, described: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What of the models and libraries is not what the run began with, in words."""
    return [
        redact(f"resumed with another {part}: {key} {before!r} is now {now!r}, results may differ")
        for part, said in described.items()
        for key in sorted({*said, *header.parts.get(part, {})})
        if (before := header.parts.get(part, {}).get(key)) != (now := said.get(key))
    ]
