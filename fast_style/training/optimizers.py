"""Muon for convolutions and Adam for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class MuonAdam(torch.optim.Optimizer):
    """Muon for the weights of convolutions, as matrices `[out, in·k·k]`, and Adam for biases and scales.

    Muon: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". Each of the two has parameter
    groups of its own here, so that a schedule reaches them all.

    Args:
        parameters: parameters of the network, divided between Muon and Adam by their number of dimensions.
        separate: further parameters, which Adam trains as a group of their own, the last one, so that they can have a
            schedule of their own.
        muon_rate: learning rate of Muon, which is the size of a step whatever the size of the gradient.
        adam_rate: learning rate of Adam.
        betas: decay rates of Adam's averages.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        separate: Iterable[nn.Parameter] = (),
        muon_rate: float,
        adam_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        parameters = list(parameters)
        self._weights = [parameter for parameter in parameters if parameter.ndim == 4]
        others = [parameter for parameter in parameters if parameter.ndim != 4]
        adam_groups = [group for group in (others, list(separate)) if group]
        groups = [(self._weights, muon_rate), *((group, adam_rate) for group in adam_groups)]
        super().__init__([{"params": group, "lr": rate} for group, rate in groups], {})
        self._matrices = [nn.Parameter(_as_matrix(weight.data)) for weight in self._weights]
        self._muon = torch.optim.Muon(self._matrices, lr=muon_rate, weight_decay=0.0)
        self._adam = torch.optim.Adam([{"params": group} for group in adam_groups], lr=adam_rate, betas=betas)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        inner_groups = [*self._muon.param_groups, *self._adam.param_groups]
        for inner, group in zip(inner_groups, self.param_groups, strict=True):
            inner["lr"] = group["lr"]
        for matrix, weight in zip(self._matrices, self._weights, strict=True):
            # Again at each step: moving a network to another device gives its weights other memory.
            matrix.data = _as_matrix(weight.data)
            # With columns in the order of the weight's, whatever the memory layout of the gradient.
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, layout_of=weight)
        self._muon.step()  # type: ignore[no-untyped-call]  # the newest torch annotates it
        self._adam.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        # With the rates of these groups: a schedule has set those of the next step in them, while the inner optimizers
        # still have the rates of the last one.
        rates = [group["lr"] for group in self.param_groups]
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict(), "rates": rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._muon.load_state_dict(state_dict["muon"])
        self._adam.load_state_dict(state_dict["adam"])
        for group, rate in zip(self.param_groups, state_dict["rates"], strict=True):
            group["lr"] = rate


def _as_matrix(weight: Tensor, *, layout_of: Tensor | None = None) -> Tensor:
    """Returns `[out, in, k, k]` as `[out, in·k·k]`, without copying where it has the layout asked for.

    Args:
        weight: the weight of a convolution, or its gradient.
        layout_of: the tensor whose order in memory decides the order of the columns; `weight` itself by default. Muon
            does not depend on that order.
    """
    layout_of = weight if layout_of is None else layout_of
    channels_last = layout_of.is_contiguous(memory_format=torch.channels_last)
    return (weight.permute(0, 2, 3, 1) if channels_last else weight).reshape(len(weight), -1)
