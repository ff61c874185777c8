"""Runs that begin where another one got to: `run --from`, `run --repeat`, `fork`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.PngImagePlugin
import pytest

from agent.find import list_runs
from agent.store import load_run
from agent.trajectory import Trajectory
from tests.agent.cli.conftest import FAKES, Answer

Run = Callable[..., Answer]


@pytest.fixture
def parent(small_run: Run, here: Path) -> Path:
    """The folder of a run that tried two iterations."""
    small_run("--seed", "3", "--iterations", "2", "--branching", "2", "--guidance", "2.5")
    (folder,) = (here / "runs").iterdir()
    return folder


def newest() -> Path:
    return list_runs(Path("runs"))[0].folder


def lines(folder: Path) -> list[Any]:
    """What a run recorded, but for its name and how long it took."""
    found = [json.loads(line) for line in (folder / "trajectory.jsonl").read_text().splitlines()]

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: timeless(v) for k, v in value.items() if k != "seconds"}
        return [timeless(v) for v in value] if isinstance(value, list) else value

    return [timeless(line) for line in found[1:]]


def other(run: Trajectory) -> Any:
    return next(c for c in run.candidates if c.parent is not None and c.images)


def test_a_run_goes_on_from_its_picture(parent: Path, pamela: Run, here: Path):
    before = load_run(parent)
    chosen = other(before)
    picture = parent / chosen.images[0].path
    answer = pamela("run", "--user", "me.json", "--from", str(picture), "--iterations", "1")
    run = load_run(newest())

    assert answer.code == 0
    assert run.prompt == chosen.prompt
    assert run.config == before.config.model_copy(update={"iterations": 1, "keep": before.prompt})
    assert f"from {picture.name!r}: --prompt {chosen.prompt!r}, " in answer.err
    assert "--guidance 2.5" in answer.err
    assert run.origin is not None
    assert (run.origin.run, run.origin.candidate) == (before.id, chosen.id)
    assert "/" not in (run.origin.picture or "")


@pytest.mark.parametrize("exported", [False, True])
def test_a_repeated_run_is_the_same_run(parent: Path, pamela: Run, here: Path, exported: bool):
    before = load_run(parent)
    picture = parent / "best.png"
    if exported:
        pamela("export", "latest", "--pictures", "gallery")
        picture = sorted(Path("gallery").iterdir())[-1]
    answer = pamela("run", "--user", "me.json", "--from", str(picture), "--repeat", "--json")
    run = load_run(newest())

    assert answer.code == 0
    assert (run.prompt, run.config) == (before.prompt, before.config)
    assert lines(newest()) == lines(parent)
    assert answer.document["origin"] == {
        "run": before.id,
        "candidate": run.origin and run.origin.candidate,
        "picture": picture.name,
        "repeats": True,
    }


def test_a_picture_of_another_program_starts_a_run(pamela: Run, here: Path):
    text = PIL.PngImagePlugin.PngInfo()
    said = "a red tram\nNegative prompt: fog\nSteps: 12, CFG scale: 4, Seed: 21, Size: 32x48"
    text.add_text("parameters", said)
    PIL.Image.new("RGB", (4, 4)).save("a.png", pnginfo=text)
    few = ("--iterations", "0")
    answer = pamela("run", "--user", "me.json", "--from", "a.png", *FAKES, *few)
    run = load_run(newest())

    assert answer.code == 0
    assert run.prompt == "a red tram"
    config = run.config
    assert (config.steps, config.guidance, config.seed, config.size) == (12, 4.0, 21, (32, 48))
    assert "negative prompt is left out" in answer.err
    assert "Began from   the picture a.png\n" in pamela("show", "latest").out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--from", "plain.png"), "does not say how it was made"),
        (("--repeat",), "say with --from"),
        (("--from", "plain.png", "--resume", "latest"), "give one of them"),
    ],
)
def test_what_can_not_be_begun_from_is_one_line(
    pamela: Run, here: Path, words: tuple[str, ...], problem: str
):
    PIL.Image.new("RGB", (4, 4)).save("plain.png")
    answer = pamela("run", "--user", "me.json", *words)

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert problem in answer.err
    assert not Path("runs").exists()


def test_a_fork_begins_with_the_candidates_prompt(parent: Path, pamela: Run, here: Path):
    before = load_run(parent)
    chosen = other(before)
    answer = pamela("fork", "latest", chosen.id, "--seed", "8")
    folder = newest()
    run, header = load_run(folder), json.loads((folder / "run.json").read_text())

    assert answer.code == 0
    assert (run.prompt, run.user_id) == (chosen.prompt, before.user_id)
    assert run.config == before.config.model_copy(update={"seed": 8, "keep": before.prompt})
    assert f"Your words   {before.prompt}\n" in pamela("show", "latest").out
    assert header["origin"]["run"] == before.id
    assert header["origin"]["candidate"] == chosen.id
    assert header["profile_path"] == "../../me.json"
    assert f"Began from   {before.id}, {chosen.id}\n" in pamela("show", "latest").out
    assert f"began from {before.id}, {chosen.id}" in (folder / "report.html").read_text()
    assert pamela("show", "latest", "--json").document["origin"]["run"] == before.id


def test_a_fork_replaces_what_edits_have_added_and_keeps_what_was_said(
    small_run: Run, pamela: Run, here: Path
):
    small_run("--prompt", "a red boat", "--iterations", "3")
    before = load_run(newest())
    longest = max(before.candidates, key=lambda c: c.prompt.count(","))
    pamela("fork", "latest", longest.id, "--iterations", "2")
    forked = load_run(newest())
    pamela("fork", "latest", "initial", "--iterations", "1")
    again = load_run(newest())

    assert longest.prompt.count(",") > 1
    assert (forked.prompt, again.prompt) == (longest.prompt, longest.prompt)
    for run in (forked, again):
        assert run.config.keep == "a red boat"
        assert len([c for c in run.candidates if c.status == "scored"]) > 1
        assert all(c.prompt.startswith("a red boat") for c in run.candidates)
    added = longest.prompt.split(", ")[1:]
    assert any(not all(words in c.prompt for words in added) for c in forked.candidates)


def test_what_is_kept_can_be_said(small_run: Run, pamela: Run, here: Path):
    small_run("--iterations", "0", prompt="a red boat, close-up, in moonlight")
    for said, kept in (("a boat close-up", "a boat close-up"), ("  boat ", "boat"), (None, None)):
        words = () if said is None else ("--keep", said)
        assert pamela("fork", "latest", "initial", *words).code == 0
        assert load_run(newest()).config.keep == kept
        newest().rename(f"kept-{kept}")


def test_a_picture_of_a_fork_goes_on_with_the_words_of_the_first_run(
    small_run: Run, pamela: Run, here: Path
):
    small_run(prompt="a red boat")
    pamela("fork", "latest", "c0001")
    forked = load_run(newest())
    picture = newest() / forked.candidates[-1].images[0].path
    pamela("run", "--user", "me.json", "--from", str(picture))
    gone_on = load_run(newest())
    pamela("run", "--user", "me.json", "--from", str(picture), "--repeat")
    repeated = load_run(newest())

    assert (gone_on.config.keep, repeated.config.keep) == ("a red boat", "a red boat")
    assert (gone_on.prompt, repeated.prompt) == (forked.candidates[-1].prompt, forked.prompt)


def test_a_candidate_that_has_left_the_words_is_all_the_users(
    small_run: Run, pamela: Run, here: Path
):
    small_run("--stray", "high", prompt="a red boat")
    path = newest() / "trajectory.jsonl"
    there = load_run(newest()).candidates[1].prompt
    path.write_text(path.read_text().replace(there, "a green violin, in moonlight"))
    answer = pamela("fork", "latest", "c0001", "--stray", "medium")

    assert answer.code == 0
    assert "nothing in the prompt stands for 'boat'" in answer.err
    assert load_run(newest()).config.keep is None


@pytest.mark.parametrize(
    ("keep", "problem"),
    [
        ("a violin", "is not what the prompt 'a red boat in the snow' says: there is no 'violin'"),
        ("boat red", "there is no 'red' in that place"),
        ("in the", "says nothing: keep at least what the picture is of"),
        (" ", "--keep ' ': names no words"),
        ("\u200b", "names no words"),
        ("boat " * 500, "has 2499 characters, 2000 are allowed"),
    ],
)
def test_words_that_can_not_be_kept_are_one_short_line(
    small_run: Run, pamela: Run, here: Path, keep: str, problem: str
):
    said = (f"--keep={keep}", "--stray", "high")
    new = small_run(*said, prompt="a red boat in the snow")
    small_run("--iterations", "0", prompt="a red boat in the snow")
    for answer in (new, pamela("fork", "latest", "best", *said)):
        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert problem in answer.err
        assert len(answer.err) < 400
    assert len(list(Path("runs").iterdir())) == 1


def test_what_a_sentence_says_beside_the_kept_words_is_replaced(
    small_run: Run, pamela: Run, here: Path
):
    small_run("--keep", "a red boat", "--iterations", "4", prompt="a red boat in the snow")
    said = [c.prompt for c in load_run(newest()).candidates]

    assert said[0] == "a red boat in the snow"
    assert any(not prompt.startswith(said[0]) for prompt in said)
    assert all(prompt.startswith("a red boat") for prompt in said)


def test_a_run_with_kept_words_goes_on_with_them(small_run: Run, pamela: Run, here: Path):
    small_run("--keep", "a boat", "--iterations", "2", prompt="a boat, in moonlight")
    folder = newest()
    whole, path = lines(folder), folder / "trajectory.jsonl"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    other_words = pamela("run", "--resume", "latest", "--keep", "boat")
    assert (other_words.code, "has --keep 'a boat', not 'boat'" in other_words.err) == (2, True)
    assert pamela("run", "--resume", "latest").code == 0
    assert lines(folder) == whole


def test_a_fork_for_somebody_else_takes_no_card_of_the_first(
    small_run: Run, pamela: Run, here: Path
):
    (here / "you.json").write_text('{"user_id": "early-bird"}')
    small_run()
    pamela("card", "latest", "--out", "card.json")
    small_run("--warm-start", "card.json")
    warm = json.loads((newest() / "run.json").read_text())["warm_start"]
    pamela("fork", "latest", "initial", "--iterations", "0")
    own = json.loads((newest() / "run.json").read_text())
    pamela("fork", "latest", "initial", "--user", "you.json")
    theirs = json.loads((newest() / "run.json").read_text())

    assert warm is not None
    assert own["warm_start"] == warm
    assert (theirs["user_id"], theirs["warm_start"]) == ("early-bird", None)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("latest", "c9999"), "no candidate 'c9999'"),
        (("nothing", "best"), "'nothing' is no run"),
        (("latest", "best", "--user", "gone.json"), "gone.json"),
        (("latest", "best", "--seeds", "0"), "--seeds"),
    ],
)
def test_a_fork_of_nothing_is_one_line(
    small_run: Run, pamela: Run, here: Path, words: tuple[str, ...], problem: str
):
    small_run("--iterations", "0")
    answer = pamela("fork", *words)

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert problem in answer.err
    assert len(list(Path("runs").iterdir())) == 1


def test_a_fork_whose_profile_is_gone_asks_for_it(small_run: Run, pamela: Run, here: Path):
    small_run("--iterations", "0")
    (here / "me.json").rename(here / "moved.json")

    assert "say with --user where it lies now" in pamela("fork", "latest", "best").err
    assert pamela("fork", "latest", "best", "--user", "moved.json").code == 0


def test_a_forked_run_goes_on_after_a_break_and_says_where_it_began(
    small_run: Run, pamela: Run, here: Path
):
    small_run("--iterations", "1")
    pamela("fork", "latest", "best", "--iterations", "2")
    folder = newest()
    whole = lines(folder)
    path = folder / "trajectory.jsonl"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    answer = pamela("run", "--resume", "latest", "--json")

    assert lines(folder) == whole
    assert answer.document["origin"]["candidate"]


def picture(**texts: str) -> None:
    info = PIL.PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    PIL.Image.new("RGB", (4, 4)).save("a.png", pnginfo=info)


NONE = (*FAKES, "--iterations", "0")


@pytest.mark.parametrize("words", [(), ("--quiet",)])
def test_a_picture_whose_prompt_is_too_long_is_one_short_line(
    pamela: Run, here: Path, words: tuple[str, ...]
):
    picture(parameters=f"{'mossy rocks, ' * 400}\nSteps: 12, Seed: 21")
    answer = pamela("run", "--user", "me.json", "--from", "a.png", *NONE, *words)

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "characters, 2000 are allowed" in answer.err
    assert len(answer.err) < 300


def test_the_prompt_of_a_picture_gives_way_to_one_that_is_said(pamela: Run, here: Path):
    picture(parameters="a red tram\nSteps: 12, Seed: 21")
    said = ("run", "--user", "me.json", "--from", "a.png", *NONE)

    assert "gives way" not in pamela(*said).err
    answer = pamela(*said, "--prompt", "a blue boat")
    assert answer.code == 0
    assert load_run(newest()).prompt == "a blue boat"
    assert "its own prompt gives way to --prompt" in answer.err


def test_a_picture_that_does_not_exist_is_said_not_to(pamela: Run, here: Path):
    Path("folder.png").mkdir()

    for name, words in (("README.md", "does not exist"), ("folder.png", "is no file")):
        answer = pamela("run", "--user", "me.json", "--from", name, *NONE)
        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert f"the picture '{name}' {words}" in answer.err


def test_weights_and_tags_of_other_programs_are_named_in_one_line(pamela: Run, here: Path):
    prompt = "a (mossy:1.3) rock, <lora:stones:0.8>, ((dusk)), [fog], (a plain aside)"
    picture(parameters=f"{prompt}\nSteps: 12, Seed: 21")
    answer = pamela("run", "--user", "me.json", "--from", "a.png", *NONE)
    (told,) = [line for line in answer.err.splitlines() if "literally" in line]

    assert answer.code == 0
    assert load_run(newest()).prompt == prompt
    assert told.endswith("as words: (mossy:1.3), <lora:stones:0.8>, ((dusk)) and 1 more")


def test_plain_words_are_taken_literally_without_a_word(pamela: Run, here: Path):
    picture(parameters="a rock (with moss), at 12:30\nSteps: 12, Seed: 21")

    assert "literally" not in pamela("run", "--user", "me.json", "--from", "a.png", *NONE).err


def test_a_picture_of_a_workflow_is_said_to_be_one(pamela: Run, here: Path):
    nodes = {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red tram"}}}
    picture(prompt=json.dumps(nodes), workflow="{}")
    answer = pamela("run", "--user", "me.json", "--from", "a.png", *NONE)

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "is of ComfyUI" in answer.err
