"""The state of a training of the predictor: goes on from its checkpoint, alone or with others.

    training = Training(network, train, recipe, Workers(), seed=0, checkpoint=Path("state.pt"))
    while not training.finished:
        training.advance()                          # one epoch
        training.judge({"seen": 0.4})               # keeps the best, and writes the checkpoint

The one rule that is not obvious: all randomness comes from the seed, the number of the epoch and
that of the process, so that a training that was killed ends where an undisturbed one does.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from scorer.device import resolve_device
from scorer.errors import InputError
from scorer.files import written
from scorer.predictor import PamelaNetwork
from scorer.ratings import Ratings
from scorer.recipe import Recipe, batch_loss, draw_people


class Workers:
    """The processes that train together, as `accelerate launch` started them; mostly one."""

    def __init__(self) -> None:
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        self._state: Any = state if state.num_processes > 1 else None

    @property
    def first(self) -> bool:
        """Whether this process shows progress and writes files."""
        return self._state is None or self._state.is_main_process

    @property
    def number(self) -> int:
        """Of this process, from 0."""
        return 0 if self._state is None else int(self._state.process_index)

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 if self._state is None else int(self._state.num_processes)

    def device(self, name: str) -> torch.device:
        """Where this process computes."""
        return resolve_device(name) if self._state is None else self._state.device

    def average(self, parameters: "list[nn.Parameter]") -> None:
        """Replaces gradients by their mean over the processes."""
        from accelerate.utils import reduce

        if self._state is not None:
            for parameter in parameters:
                if parameter.grad is not None:
                    mean: Any = reduce(parameter.grad, reduction="mean")
                    parameter.grad.copy_(mean)


class Training:
    """A network with its optimizer, what its epochs gave, and the best weights so far.

    Raises:
        InputError: the checkpoint belongs to something else.
    """

    def __init__(
        self,
        network: PamelaNetwork,
        train: Ratings,
        recipe: Recipe,
        workers: Workers,
        *,
        seed: int,
        checkpoint: Path | None,
    ) -> None:
        self._network, self._train, self._recipe = network, train, recipe
        self._workers, self._seed, self._checkpoint = workers, seed, checkpoint
        people = range(int(train.user.max()) + 1)
        self._members = [torch.nonzero(train.user == person).flatten() for person in people]
        self._steps = max(1, len(train) // (recipe.people * recipe.ratings * workers.count))
        self._optimizer = torch.optim.AdamW(
            _groups(network, recipe.weight_decay), lr=recipe.learning_rate
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            recipe.learning_rate,
            total_steps=recipe.epochs * self._steps,
            pct_start=0.1,
        )
        self.history: list[Mapping[str, float]] = []
        self.best: dict[str, Any] = copy.deepcopy(network.state_dict())
        self.best_epoch = -1
        if checkpoint is not None and checkpoint.is_file():
            self._restore(checkpoint)

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or `patience` of them brought nothing better."""
        behind = self.epoch - 1 - self.best_epoch
        return self.epoch >= self._recipe.epochs or behind >= self._recipe.patience

    def advance(self) -> None:
        """One epoch of steps."""
        sampler = np.random.default_rng((self._seed, self.epoch, self._workers.number))
        torch.manual_seed(int(sampler.integers(2**31)))
        self._network.train()
        for _ in range(self._steps):
            rows = draw_people(self._members, self._recipe, sampler)
            loss = batch_loss(self._network, self._train, rows, self._recipe)
            self._optimizer.zero_grad()
            loss.backward()
            self._workers.average(list(self._network.parameters()))
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
            self._optimizer.step()
            self._schedule.step()

    def judge(self, figures: Mapping[str, float]) -> None:
        """Takes the validation figures of the epoch, keeps the best weights, and saves."""
        self.history.append({**figures, "mean": float(np.mean(list(figures.values())))})
        if self.best_epoch < 0 or self.history[-1]["mean"] > self.history[self.best_epoch]["mean"]:
            self.best_epoch = self.epoch - 1
            self.best = copy.deepcopy(self._network.state_dict())
        if self._checkpoint is not None and self._workers.first:
            self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
            with written(self._checkpoint) as stream:
                torch.save(self._state(), stream)

    def _state(self) -> dict[str, Any]:
        return {
            "of": self._identity(),
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "history": self.history,
            "best": self.best,
            "best_epoch": self.best_epoch,
        }

    def _identity(self) -> str:
        """What a checkpoint has to agree with."""
        encoder = self._train.source.encoder.id
        return f"{self._recipe} seed={self._seed} ratings={len(self._train)} encoder={encoder}"

    def _restore(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if state["of"] != self._identity():
            raise InputError(
                f"{str(checkpoint)!r} is of another training ({state['of']}): delete it, or train "
                f"with what it was begun with"
            )
        try:
            self._network.load_state_dict(state["network"])
        except RuntimeError as error:
            raise InputError(
                f"{str(checkpoint)!r} is of another version of the network: delete it, or finish "
                f"the training with the version that began it"
            ) from error
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.history, self.best = list(state["history"]), state["best"]
        self.best_epoch = state["best_epoch"]


def _groups(network: PamelaNetwork, weight_decay: float) -> list[dict[str, object]]:
    """Matrices decay; biases, norms and kind embeddings do not."""
    plain = [p for name, p in network.named_parameters() if p.ndim < 2 or name == "kind"]
    chosen = {id(p) for p in plain}
    matrices = [p for p in network.parameters() if id(p) not in chosen]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
