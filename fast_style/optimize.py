"""The slow reference: Gatys, Ecker and Bethge 2015 (arXiv 1508.06576), with the very loss that networks train on.

The pixels of one picture are optimised until they satisfy the loss: minutes for what a network does in
milliseconds. It shows what a style, size and weight can give, and it is what networks are measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fast_style.losses import PerceptualLoss

Method = Literal["lbfgs", "adam"]


@dataclass(frozen=True)
class Progress:
    """Where an optimisation is after an iteration."""

    iteration: int
    terms: dict[str, float]
    """Of `PerceptualLoss`."""
    picture: Tensor
    """Float RGB in [0, 1], `[1, 3, H, W]`."""


class _Enough(Exception):
    """Ends L-BFGS from inside its closure; it offers no other way."""


def optimize(
    photo: Tensor,
    loss: PerceptualLoss,
    *,
    iterations: int,
    initial: Tensor | None = None,
    method: Method = "lbfgs",
    learning_rate: float = 0.02,
    watch: Callable[[Progress], bool] | None = None,
) -> Progress:
    """Optimises the pixels of a picture.

    Args:
        photo: what the content is compared with, float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        iterations: of L-BFGS, each a line search of one or more evaluations, or steps of Adam.
        initial: where it starts, like `photo`; None: at the photo.
        method: `lbfgs` (history 50, strong Wolfe line search) or `adam`.
        learning_rate: of Adam.
        watch: called after each iteration; True ends the optimisation there.

    Returns:
        The best iteration.
    """
    # Contiguous, because L-BFGS takes its gradient as one flat view.
    picture = (photo if initial is None else initial).detach().clone(memory_format=torch.contiguous_format)
    picture.requires_grad_(True)
    content = loss.content_features(photo)
    best: Progress | None = None  # of all evaluations
    current: Progress | None = None  # the best one of this iteration

    def finish() -> None:
        nonlocal best, current
        if current is None:
            return
        done, current = current, None
        if best is None or done.terms["total"] < best.terms["total"]:
            best = done
        if watch is not None and watch(done):
            raise _Enough

    def closure() -> Tensor:
        nonlocal current
        iteration = count()
        if current is not None and iteration != current.iteration:
            finish()
        optimizer.zero_grad()
        # A pixel beyond [0, 1] has no gradient: nothing is to be gained out there.
        clamped = picture.clamp(0, 1)
        terms = loss(clamped, content)
        terms["total"].backward()
        values = {name: value.item() for name, value in terms.items()}
        if current is None or values["total"] < current.terms["total"]:
            current = Progress(iteration, values, clamped.detach().clone())
        return terms["total"].detach()

    if method == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam([picture], lr=learning_rate)
    else:
        optimizer = torch.optim.LBFGS(
            [picture],
            max_iter=iterations,
            max_eval=25 * iterations,
            history_size=50,
            line_search_fn="strong_wolfe",
            tolerance_grad=0,
            tolerance_change=0,
        )

    def count() -> int:
        # Both keep count themselves; before the first iteration there is no state.
        state = optimizer.state[picture]
        return int(state.get("n_iter", state.get("step", 0)))

    try:
        # L-BFGS does all its iterations in one step, Adam one in each.
        for _ in range(iterations if method == "adam" else 1):
            optimizer.step(closure)  # type: ignore[arg-type]
        if method == "adam":
            closure()  # the last step's picture is not evaluated yet
        finish()
    except _Enough:
        pass
    assert best is not None
    return best


def equivalent_iterations(total: float, photo: Tensor, loss: PerceptualLoss, *, limit: int) -> int:
    """How many L-BFGS iterations, begun at the photo, reach the objective that a network reached (Johnson et al.
    2016, section 4.1 and figure 5, begin at noise, which takes more).

    Args:
        total: the network's objective on `photo`.
        photo: float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        limit: where to stop looking.

    Returns:
        0 to `limit`; 0 if the untouched photo is as good; `limit` if even that many do not reach it.
    """
    last = optimize(photo, loss, iterations=limit, watch=lambda progress: progress.terms["total"] <= total)
    return last.iteration if last.terms["total"] <= total else limit
