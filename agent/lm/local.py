"""A language model of `transformers` in this process, asked for a whole beam at once.

    engine = TransformersEngine("./llama-3.1-8b-instruct")
    engine.expect(3)                # the next three calls belong together
    dspy.LM("transformers:./llama-3.1-8b-instruct", engine=engine, cache=False)

Calls that come at the same time are one `generate`, ordered by the candidate that they are about.
A token is drawn by adding Gumbel noise to its log-probability and taking the largest sum, which is
a draw from the softmax (Gumbel 1954; Maddison et al. 2014, "A* sampling", section 2); each row of
the batch has its own generator, seeded by the request. The one rule that is not obvious: that is
why torch's global random state is neither read nor changed, and who shares the batch is no matter
but for rounding.

Where llguidance is installed, answers are kept to the form that is asked for
(`agent.lm.constrained`). When the run's time is up, generation stops and there is no answer.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from dspy.lm15 import (
    ConfigurationError,
    ContextLengthError,
    Request,
    Response,
    TimeoutError,
    Usage,
)
from jinja2 import TemplateError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
)
from transformers.utils import logging as transformers_logging

from agent.errors import InputError, PrerequisiteError
from agent.lm.constrained import LIBRARY, Constraint, make_grammar
from agent.lm.engine import FREE, TOO_LATE, chat_of, read_document, text_response
from agent.lm.gather import Gatherer
from agent.retry import one_line
from scorer.device import resolve_device

MAX_NEW_TOKENS = 800
TEMPERATURE = 0.8
MAX_BATCH = 16
ROOM = 16
"""Tokens that an answer needs at the very least."""


@dataclass(frozen=True, order=True)
class Question:
    """One call, with what orders and seeds it."""

    candidate_id: str
    seed: int
    chat: tuple[tuple[str, str], ...]
    """Roles and texts."""
    max_new_tokens: int
    document: str
    """The request, as JSON."""


@dataclass(frozen=True)
class Answer:
    """What the model said."""

    text: str
    tokens_in: int
    tokens_out: int


class GumbelNoise(LogitsProcessor):
    """Turns the largest logit into a draw from the softmax, each row with its own generator."""

    def __init__(self, seeds: list[int], temperature: float) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._temperature = temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores (batch, token) divided by the temperature, plus noise."""
        size = scores.shape[-1]
        uniform = torch.stack([torch.rand(size, generator=g) for g in self._generators])
        noise = -torch.log(-torch.log(uniform.clamp(1e-10, 1 - 1e-7)))
        return scores.float() / self._temperature + noise.to(scores.device)


class TransformersEngine:
    """Answers chats with a causal language model.

    Args:
        model: A folder, or the id of a model in the local cache of the hub.
        device: `auto`, `cpu`, `cuda` or `mps`.
        dtype: Of the weights, as torch calls it.

    Raises:
        InputError: there is no such model, or it can't chat.
    """

    def __init__(self, model: str, *, device: str = "auto", dtype: str = "bfloat16") -> None:
        self._name = model
        self._device = resolve_device(device)
        self._dtype: torch.dtype = getattr(torch, dtype)
        self.keep_to(None)
        config = _text_config(model)
        self._context = int(getattr(config, "max_position_embeddings", None) or 4096)
        self._tokenizer = _load_tokenizer(model)
        self._eos = _end_of_answer(model, self._tokenizer)
        self._grammar = make_grammar(
            self._tokenizer, vocabulary=int(config.vocab_size), eos=self._eos
        )
        self._model: Any = None
        self._gatherer: Gatherer[Question, Answer] = Gatherer(
            self._answer_all, order=lambda question: (len(question.candidate_id), question)
        )

    def keep_to(self, time_left: Callable[[], float | None] | None) -> None:
        """From now on answers may take as many seconds as this says; None is no limit."""
        self._time_left = time_left or (lambda: None)

    @property
    def form(self) -> str:
        """What keeps answers to the form that is asked for, with its version."""
        return FREE if self._grammar is None else f"{LIBRARY} {version(LIBRARY)}"

    def expect(self, count: int) -> None:
        """Says how many calls come next and belong together."""
        self._gatherer.expect(count)

    def complete(self, request: Request) -> Response:
        """Waits for the calls that belong together, then answers this one."""
        document = read_document(request, "request") or {}
        question = Question(
            candidate_id=str(document.get("candidate_id", "")),
            seed=int(document.get("seed", 0)),
            chat=tuple((turn["role"], turn["content"]) for turn in chat_of(request)),
            max_new_tokens=request.config.max_tokens or MAX_NEW_TOKENS,
            document=json.dumps(document),
        )
        answer = self._gatherer.ask(question)
        usage = Usage(input_tokens=answer.tokens_in, output_tokens=answer.tokens_out)
        return text_response(self._name, answer.text, usage=usage)

    def _answer_all(self, questions: list[Question]) -> list[Answer]:
        batches = [questions[i : i + MAX_BATCH] for i in range(0, len(questions), MAX_BATCH)]
        return [answer for batch in batches for answer in self._generate(batch)]

    @torch.inference_mode()
    def _generate(self, questions: Sequence[Question]) -> list[Answer]:
        model = self.load()
        texts = [self._rendered(question) for question in questions]
        tokens = self._tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=False
        ).to(self._device)
        length = int(tokens["input_ids"].shape[1])
        left = self._context - length
        if left < ROOM:
            raise ContextLengthError(f"{length} tokens leave no room in {self._context}")
        seconds, started = self._time_left(), time.monotonic()
        if seconds == 0:
            raise TimeoutError(TOO_LATE)
        output = model.generate(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            logits_processor=self._processors(questions),
            generation_config=self._settings(
                min(left, max(question.max_new_tokens for question in questions)), seconds
            ),
        )
        if seconds is not None and time.monotonic() - started >= seconds:
            raise TimeoutError(TOO_LATE)
        answers = output[:, length:].cpu()
        asked = tokens["attention_mask"].sum(dim=1).tolist()
        return [self._answer(row, tokens_in) for row, tokens_in in zip(answers, asked, strict=True)]

    def _answer(self, row: torch.Tensor, tokens_in: int) -> Answer:
        text = self._tokenizer.decode(row, skip_special_tokens=True)
        spoken = int((row != self._tokenizer.pad_token_id).sum())
        return Answer(text, tokens_in=tokens_in, tokens_out=spoken)

    def _rendered(self, question: Question) -> str:
        chat = [{"role": role, "content": text} for role, text in question.chat]
        try:
            return self._tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, tokenize=False
            )
        except TemplateError:  # a template without a system role
            merged = [{"role": "user", "content": "\n\n".join(turn["content"] for turn in chat)}]
            return self._tokenizer.apply_chat_template(
                merged, add_generation_prompt=True, tokenize=False
            )

    def _processors(self, questions: Sequence[Question]) -> LogitsProcessorList:
        """What makes a draw of the largest number, after what rules tokens out."""
        noise = GumbelNoise([question.seed for question in questions], TEMPERATURE)
        if self._grammar is None:
            return LogitsProcessorList([noise])
        matchers = [self._grammar.matcher(json.loads(question.document)) for question in questions]
        return LogitsProcessorList([Constraint(matchers), noise])

    def _settings(self, room: int, seconds: float | None) -> GenerationConfig:
        return GenerationConfig(
            do_sample=False,
            max_new_tokens=room,
            max_time=seconds,
            eos_token_id=self._eos,
            pad_token_id=self._tokenizer.pad_token_id,
        )

    def load(self) -> Any:
        """The model itself, loaded the first time."""
        if self._model is None:
            transformers_logging.disable_progress_bar()
            try:
                model: Any = AutoModelForCausalLM.from_pretrained(
                    self._name, dtype=self._dtype, local_files_only=True
                )
            except (OSError, ValueError) as error:
                raise ConfigurationError(f"it does not load: {one_line(error)}") from error
            self._model = model.to(self._device).eval()
        return self._model


def _text_config(model: str) -> Any:
    """What the model says of itself, as far as it reads and writes text."""
    folder = Path(model)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise InputError(f"the folder {model!r} is no language model: it has no config.json")
    try:
        config = AutoConfig.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError) as error:
        raise PrerequisiteError(
            f"the language model {model!r} is neither a folder with a model that transformers "
            f"reads nor in the local cache of the hub: give its folder, or get it with "
            f"`hf download {model}`"
        ) from error
    return config.get_text_config()


def _end_of_answer(model: str, tokenizer: Any) -> int | list[int]:
    """The tokens that end an answer: not always the one that the tokenizer calls its end."""
    with suppress(OSError):  # not every model has a file for it
        own = GenerationConfig.from_pretrained(model, local_files_only=True).eos_token_id
        return tokenizer.eos_token_id if own is None else own
    return tokenizer.eos_token_id


def _load_tokenizer(model: str) -> Any:
    """The model's tokenizer, padding on the left as generation needs it."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, padding_side="left")
    except (OSError, ValueError) as error:
        raise InputError(
            f"the language model {model!r} has no tokenizer: {one_line(error)}"
        ) from error
    if not tokenizer.chat_template:
        raise InputError(
            f"the language model {model!r} has no chat template: take one that follows "
            f"instructions (its name often ends in -instruct)"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
