"""Instructions are filled in whole or not at all; the benchmark lists are what they promise."""

import pytest

from agent.lm.wording import mentioned
from prompts import ROOT, benchmark, load
from prompts.catalogue import load_catalogue

SUBJECTS = ("rock", "boulder", "house", "cottage", "tree", "tower", "boat", "sailboat", "cactus",
            "snowman", "chair")  # fmt: skip


def test_values_take_the_place_of_their_placeholders():
    text = load("propose", axes="lighting, lens", max_characters=2000)

    assert "(lighting, lens)" in text
    assert "at most 2000 characters" in text
    assert "$" not in text


def test_missing_placeholder_is_named():
    with pytest.raises(ValueError, match=r"'propose' needs a value for \$max_characters$"):
        load("propose", axes="lighting")


def test_value_without_a_placeholder_is_named():
    with pytest.raises(ValueError, match=r"'repair' has no placeholder \$colour$"):
        load("repair", task="", colour="red")


def test_unknown_instruction_names_the_known_ones():
    with pytest.raises(ValueError, match="'sing': there are propose, repair"):
        load("sing")


def test_unknown_benchmark_names_the_known_ones():
    with pytest.raises(ValueError, match="'sea': there are general, miniature"):
        benchmark("sea")


@pytest.mark.parametrize("name", ["miniature", "general"])
def test_benchmark_has_24_different_prompts(name: str):
    assert len(set(benchmark(name))) == len(benchmark(name)) == 24


def test_first_miniature_prompt_is_that_of_the_demo():
    assert benchmark("miniature")[0] == "floating mossy rocks"


def test_miniature_prompts_name_one_subject_each():
    for prompt in benchmark("miniature"):
        words = prompt.replace("rocks", "rock").split()
        assert len([word for word in words if word in SUBJECTS]) == 1, prompt


def test_half_of_the_miniature_prompts_leave_the_setting_open_and_nearly_all_the_light():
    catalogue = load_catalogue()
    axes = [
        {catalogue.value(name).axis for name in mentioned(prompt, catalogue)}
        for prompt in benchmark("miniature")
    ]

    assert 10 <= sum("setting" not in found for found in axes) <= 14
    assert sum(bool(found - {"setting"}) for found in axes) <= 2


def test_texts_hold_no_control_characters():
    for file in [*ROOT.glob("*.txt"), *ROOT.glob("*.toml"), *ROOT.glob("instructions/*.md")]:
        assert file.read_text(encoding="utf-8").replace("\n", "").isprintable(), file.name
