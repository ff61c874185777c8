"""The command that repeats a run, from what its `run.json` says.

    repeat_command(header)      # "pamela-agent run --user me.json --prompt 'mossy rocks' --seeds 4"

The one rule that is not obvious: it is to be run in the folder that holds `runs/`, because a
profile is written down as seen from the run's folder.
"""

import posixpath
import shlex

from agent.builders import option_of
from agent.config import RunConfig
from agent.records import RunHeader

NO_PROFILE, CARD = "PROFILE.json", "CARD.json"
"""What is to be put in: a profile made in memory; the card, which stands in `run.json`."""


def repeat_command(header: RunHeader, runs_dir: str = "runs") -> str:
    """One line for a shell; settings that are at their default are left out."""
    user = NO_PROFILE
    if header.profile_path is not None:
        user = posixpath.normpath(posixpath.join(runs_dir, "run", header.profile_path))
    words = ["pamela-agent", "run", *_given("--user", user), *_given("--prompt", header.prompt)]
    if header.warm_start is not None:
        words += ["--warm-start", CARD]
    return " ".join(filter(None, (shlex.join(words), settings_line(header.config))))


def settings_line(config: RunConfig) -> str:
    """The settings that are not at their default, as they are given on the command line."""
    words: list[str] = []
    for name in changed_settings(config):
        words += _option(name, getattr(config, name))
    return shlex.join(words)


def changed_settings(config: RunConfig) -> list[str]:
    """The settings that are not at their default."""
    plain = RunConfig()
    return [n for n in RunConfig.model_fields if getattr(config, n) != getattr(plain, n)]


def _option(name: str, value: object) -> list[str]:
    option = option_of(name)
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, tuple):
        return [option, "x".join(map(str, value))]
    return _given(option, str(value))


def _given(option: str, text: str) -> list[str]:
    return [f"{option}={text}"] if text.startswith("-") else [option, text]
