"""Muon for the convolutions, Adam for what is no matrix, as one optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class MuonAdam(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") for weights of
    convolutions, as matrices `[out, in·k·k]`; Adam for biases and scales.

    Parameter groups for each, so that a schedule reaches them all.

    Args:
        parameters: of the network.
        apart: of these, those that are Adam's in a group of their own, the last, for a schedule of their own.
        muon_rate: learning rate of Muon: the size of a step, whatever the size of the gradient.
        adam_rate: learning rate of Adam.
        betas: of Adam.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        apart: Iterable[nn.Parameter] = (),
        muon_rate: float,
        adam_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        apart = list(apart)
        kept_apart = {id(parameter) for parameter in apart}
        every = [p for p in parameters if id(p) not in kept_apart]
        self._weights = [p for p in every if p.ndim == 4]
        adams = [group for group in ([p for p in every if p.ndim != 4], apart) if group]
        groups = [(self._weights, muon_rate), *((group, adam_rate) for group in adams)]
        super().__init__([{"params": group, "lr": rate} for group, rate in groups], {})
        self._matrices = [nn.Parameter(_matrix(weight.data)) for weight in self._weights]
        self._muon = torch.optim.Muon(self._matrices, lr=muon_rate, weight_decay=0.0)
        self._adam = torch.optim.Adam([{"params": group} for group in adams], lr=adam_rate, betas=betas)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        inner_groups = [*self._muon.param_groups, *self._adam.param_groups]
        for inner, group in zip(inner_groups, self.param_groups, strict=True):
            inner["lr"] = group["lr"]
        for matrix, weight in zip(self._matrices, self._weights, strict=True):
            # Anew each time: moving a network to another device gives its weights other memory.
            matrix.data = _matrix(weight.data)
            # In the weight's order of columns, whatever the gradient's own layout.
            matrix.grad = None if weight.grad is None else _matrix(weight.grad, like=weight)
        self._muon.step()
        self._adam.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        # The rates besides: a schedule has set those of the next step here, while the inner ones keep the last one's.
        rates = [group["lr"] for group in self.param_groups]
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict(), "rates": rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._muon.load_state_dict(state_dict["muon"])
        self._adam.load_state_dict(state_dict["adam"])
        for group, rate in zip(self.param_groups, state_dict["rates"], strict=True):
            group["lr"] = rate


def _matrix(weight: Tensor, *, like: Tensor | None = None) -> Tensor:
    """`[out, in, k, k]` as `[out, in·k·k]`, in the order in which `like` (by default itself) lies in memory, and
    so the same memory; Muon does not care in which order columns come."""
    last = (weight if like is None else like).is_contiguous(memory_format=torch.channels_last)
    return (weight.permute(0, 2, 3, 1) if last else weight).reshape(len(weight), -1)
