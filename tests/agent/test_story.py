"""What pictures say of themselves, ours and other programs'."""

import json
from pathlib import Path

import PIL.Image
import PIL.PngImagePlugin
import pytest

from agent.config import RunConfig
from agent.errors import InputError
from agent.origin import from_picture
from agent.session import Order
from agent.story import png_text, read_told, story_of

A1111 = """a lighthouse in a storm,
oil painting
Negative prompt: blurry,
low quality
Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 1234567, Size: 512x768, Model hash: 6ce0161689, \
Model: v1-5, Lora hashes: "one: 12, two: 34", Version: 1.7"""


def png(path: Path, **texts: str) -> Path:
    text = PIL.PngImagePlugin.PngInfo()
    for key, value in texts.items():
        text.add_itxt(key, value)
    PIL.Image.new("RGB", (4, 4)).save(path, pnginfo=text)
    return path


def told_by_us(path: Path, *, warm: bool = False, **options: object) -> Path:
    story = story_of(
        "20261124-1530-rocks-ab12",
        "rocks",
        RunConfig.model_validate(options),
        warm=warm,
        candidate="c0003",
        prompt="rocks, neon",
        seed=99,
    )
    PIL.Image.new("RGB", (8, 6)).save(path, pnginfo=png_text(story, (8, 6)))
    return path


def test_what_is_written_is_read_again(tmp_path: Path):
    told = read_told(told_by_us(tmp_path / "a.png", renderer="fake", size=(64, 32), seed=5))

    assert told.story is not None
    assert (told.prompt, told.story.user_prompt, told.notes) == ("rocks, neon", "rocks", ())
    assert RunConfig.model_validate(told.options) == RunConfig(
        renderer="fake", size=(64, 32), seed=5
    )


def test_common_programs_find_their_words_in_it(tmp_path: Path):
    with PIL.Image.open(told_by_us(tmp_path / "a.png", renderer="fake", steps=9)) as picture:
        said = picture.info["parameters"]

    assert said == "rocks, neon\nSteps: 9, Seed: 99, Size: 8x6, Model: fake"


def test_parameters_of_another_program_give_what_is_a_setting_here(tmp_path: Path):
    told = read_told(png(tmp_path / "a.png", parameters=A1111))

    assert told.prompt == "a lighthouse in a storm, oil painting"
    assert told.options == {"steps": 20, "guidance": 7.5, "seed": 1234567, "size": (512, 768)}
    assert told.story is None
    assert told.notes == ("its negative prompt is left out: there is none here",)


def test_a_value_that_is_none_here_is_named_and_left_out(tmp_path: Path):
    told = read_told(png(tmp_path / "a.png", parameters="a rock\nSteps: 8, Seed: 4294967295"))

    assert told.options == {"steps": 8}
    assert told.notes == ("Seed '4294967295' is not one for --seed",)


@pytest.mark.parametrize(
    ("texts", "prompt"),
    [
        ({"parameters": "a rock\nof moss"}, "a rock of moss"),
        ({"prompt": "a rock"}, "a rock"),
        ({"pamela": "{", "parameters": "a rock\nSteps: 8, Size: 8x6"}, "a rock"),
        ({"pamela": '{"run": 3}', "prompt": "a rock"}, "a rock"),
    ],
)
def test_a_prompt_alone_is_enough(tmp_path: Path, texts: dict[str, str], prompt: str):
    told = read_told(png(tmp_path / "a.png", **texts))

    assert told.prompt == prompt
    assert bool(told.notes) == ("pamela" in texts or "Size: 8x6" in str(texts))


@pytest.mark.parametrize(
    "texts",
    [{}, {"prompt": '{"3": {"steps": 4}}'}, {"parameters": " \n "}, {"prompt": " "}],
)
def test_a_picture_that_says_nothing_is_one_line(tmp_path: Path, texts: dict[str, str]):
    with pytest.raises(InputError, match=r"a\.png' does not say how it was made"):
        read_told(png(tmp_path / "a.png", **texts))


def test_what_is_no_png_is_one_line(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 99)
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "b.jpg")

    for name in ("a.png", "b.jpg", "missing.png", "."):
        with pytest.raises(InputError, match="PNG"):
            read_told(tmp_path / name)


def test_settings_of_a_newer_version_are_named_and_left_out(tmp_path: Path):
    story = {
        "run": "r", "candidate": "c0001", "user_prompt": "a", "prompt": "b", "seed": 1,
        "config": {"renderer": "fake", "telepathy": True}, "mood": "good",
    }  # fmt: skip
    path = png(tmp_path / "a.png", pamela=json.dumps(story))
    order, notes = from_picture(Order(), path, repeat=False)

    assert order.options == {"renderer": "fake", "keep": "a"}
    assert "telepathy" in notes[0]
    with pytest.raises(InputError, match=r"can't be repeated here: .*telepathy"):
        from_picture(Order(), path, repeat=True)


def test_what_is_said_wins_over_the_picture(tmp_path: Path):
    path = told_by_us(tmp_path / "a.png", renderer="fake", seed=5)
    order, _ = from_picture(Order(prompt="stones", options={"seed": 7}), path, repeat=False)

    assert order.prompt == "stones"
    assert "keep" not in order.options
    assert from_picture(Order(), path, repeat=False)[0].options["keep"] == "rocks"
    assert (order.options["seed"], order.options["renderer"]) == (7, "fake")
    assert order.origin is not None
    assert order.origin.in_words == "the picture a.png of 20261124-1530-rocks-ab12, c0003"


@pytest.mark.parametrize("order", [Order(prompt="stones"), Order(options={"seed": 7})])
def test_what_is_repeated_takes_no_other_settings(tmp_path: Path, order: Order):
    path = told_by_us(tmp_path / "a.png")

    with pytest.raises(InputError, match=r"--repeat takes the run as it was, so --(prompt|seed)"):
        from_picture(order, path, repeat=True)


def test_a_repeat_needs_a_run_and_the_card_that_it_began_from(tmp_path: Path):
    with pytest.raises(InputError, match="is of no run"):
        from_picture(Order(), png(tmp_path / "a.png", parameters=A1111), repeat=True)
    with pytest.raises(InputError, match="give it with --warm-start"):
        from_picture(Order(), told_by_us(tmp_path / "b.png", warm=True), repeat=True)


def test_the_address_of_a_server_is_not_in_a_picture_and_asked_for(tmp_path: Path):
    url = "http://intranet.example:8000/v1"
    path = told_by_us(tmp_path / "a.png", llm="openai/llama", llm_base_url=url)

    assert b"intranet" not in path.read_bytes()
    for repeat in (False, True):
        with pytest.raises(InputError, match="give --llm-base-url, or another --llm"):
            from_picture(Order(), path, repeat=repeat)
        order, _ = from_picture(Order(options={"llm_base_url": url}), path, repeat=repeat)
        assert order.options["llm_base_url"] == url
    order, _ = from_picture(Order(options={"llm": "catalogue"}), path, repeat=False)
    assert order.options["llm"] == "catalogue"


def test_what_fits_another_model_is_not_asked_of_the_miniature(tmp_path: Path):
    path = png(tmp_path / "a.png", parameters=A1111)
    plain, notes = from_picture(Order(), path, repeat=False)
    named, _ = from_picture(Order(options={"renderer": "fake", "steps": 3}), path, repeat=False)

    assert plain.options == {"seed": 1234567}
    assert "its steps, guidance, size are another model's" in notes[-1]
    assert (named.options["steps"], named.options["size"]) == (3, (512, 768))
