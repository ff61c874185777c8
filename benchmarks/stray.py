"""Are edits that leave the user's subject told from those that keep it, before they are drawn?

The prompts of `prompts/benchmark_*.txt` with edits of the catalogue, and what people might make of
the prompts (`benchmarks/stray.toml`: the same picture in other words, the same subject with another
detail, another subject in the same words), with edits of the catalogue as well; "elsewhere" is
another prompt of the lists altogether. Every other prompt was used to choose the limits of
`agent.stray`; the bars are measured on the rest, with intervals bootstrapped over prompts.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import prompts
from agent.config import Stray
from agent.stray import LEAST, SUBJECT, VERBATIM, WORDS, OwnWords, measured
from benchmarks.report import Report, bootstrap_mean, in_one_line, parser
from prompts.catalogue import Catalogue, load_catalogue

TEXTS = Path(__file__).with_name("stray.toml")
KINDS = ("catalogue", "same", "detail", "other", "elsewhere")
LET_THROUGH: Mapping[Stray, float] = {"low": 0.90, "medium": 0.95}
"""Of the pictures in other words, on the prompts that the limits are chosen on."""
MOST_ADDED = 3
"""Values of the catalogue in one prompt."""
NEED: Mapping[tuple[Stray, str], float] = {
    ("none", "let through: catalogue"): 1.0,
    ("low", "let through: catalogue"): 1.0,
    ("medium", "let through: catalogue"): 1.0,
    ("low", "let through: same"): 0.80,
    ("medium", "let through: same"): 0.85,
    ("medium", "let through: detail"): 0.80,
    ("none", "rejected: other"): 1.0,
    ("low", "rejected: other"): 0.80,
    ("medium", "rejected: other"): 0.80,
    ("low", "rejected: detail"): 0.60,
    ("medium", "rejected: elsewhere"): 0.95,
}


@dataclass(frozen=True)
class Case:
    """An edit of a prompt, and what kind it is."""

    number: int
    """Of the prompt."""
    prompt: str
    kind: str
    text: str


def cases(seed: int = 0) -> Iterator[Case]:
    """Every prompt with two edits of every kind."""
    rng = np.random.default_rng(seed)
    catalogue = load_catalogue()
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    known = (*prompts.benchmark("general"), *prompts.benchmark("miniature"))
    for number, prompt in enumerate(known):
        others = [other for other in known if not _words(other) & _words(prompt)]
        elsewhere = [str(text) for text in rng.choice(others, 2, replace=False)]
        made = {"catalogue": [prompt, prompt], **texts[prompt], "elsewhere": elsewhere}
        for kind in KINDS:
            for text in made[kind]:
                yield Case(number, prompt, kind, with_values(text, catalogue, rng))


def _words(prompt: str) -> set[str]:
    return {word for word in prompt.split() if len(word) > 2}


def with_values(prompt: str, catalogue: Catalogue, rng: np.random.Generator) -> str:
    """The prompt with values of the catalogue, each on an axis of its own."""
    axes = rng.permutation(sorted(catalogue.weights))[: rng.integers(1, MOST_ADDED + 1)]
    values = [rng.choice(np.array([v.phrase for v in catalogue.axis(axis)])) for axis in axes]
    return ", ".join([prompt, *map(str, values)])


def figures_of(case: Case, own: OwnWords) -> dict[str, float]:
    """The case's figures by name."""
    return {name: measured(own, case.text, name)[0] for name in (VERBATIM, WORDS, SUBJECT)}


def is_let_through(figures: Mapping[str, float], level: Stray) -> bool:
    """Whether figures reach all that a level wants."""
    return all(figures[name] >= least for name, least in LEAST[level].items())


def chosen(figures: list[float], share: float) -> float:
    """The highest limit, in hundredths, that lets at least a share of the figures through."""
    return float(np.floor(100 * np.quantile(figures, 1 - share, method="lower")) / 100)


def main() -> None:
    """Measures, chooses, prints."""
    args = parser(__doc__).parse_args()
    from scorer.minilm import embed_spans

    report = Report("python -m benchmarks.stray")
    every = list(cases())
    owns = {case.prompt: OwnWords(case.prompt, embed_spans) for case in every}
    measures = [figures_of(case, owns[case.prompt]) for case in every]
    seen = [m for case, m in zip(every, measures, strict=True) if _is(case, "same", half=0)]
    for level, share in LET_THROUGH.items():
        figure = WORDS if level == "low" else SUBJECT
        limit = chosen([m[figure] for m in seen], share)
        report.figures[f"{level}: least {figure}, as chosen"] = round(limit, 2)
    for level in LEAST:
        for kind in KINDS:
            shares = _shares(every, measures, level, kind)
            value = float(shares.mean())
            report.figures[f"{level}, let through: {kind}"] = round(value, 4)
            for verb, found in (("let through", shares), ("rejected", 1 - shares)):
                need = NEED.get((level, f"{verb}: {kind}"))
                if need is not None:
                    report.bar(
                        f"{level}, {verb}: {kind}",
                        float(found.mean()),
                        at_least=need,
                        n=2 * len(found),
                        ci95=bootstrap_mean(found),
                    )
    report.close(json_output=args.json)


def _is(case: Case, kind: str, *, half: int) -> bool:
    return case.kind == kind and case.number % 2 == half


def _shares(
    every: list[Case], measures: list[dict[str, float]], level: Stray, kind: str
) -> np.ndarray:
    """The share that is let through of each prompt that no limit was chosen on."""
    by_prompt: dict[int, list[bool]] = defaultdict(list)
    for case, figures in zip(every, measures, strict=True):
        if _is(case, kind, half=1):
            by_prompt[case.number].append(is_let_through(figures, level))
    return np.array([np.mean(let) for let in by_prompt.values()])


if __name__ == "__main__":
    in_one_line(main)
