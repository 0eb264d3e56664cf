"""The slow reference: Gatys, Ecker and Bethge 2015 (arXiv 1508.06576), with the very loss that networks train on.

The pixels of one picture are optimized until they satisfy the loss: minutes for what a network does in
milliseconds. It shows what a style, size and weight can give, and it is what networks are measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.perceptual.losses import PerceptualLoss

METHODS = ("lbfgs", "adam")
STARTS = ("photo", "noise", "style")


@dataclass(frozen=True)
class Iteration:
    """The state of an optimization after an iteration."""

    number: int
    """How many iterations are done; 0 before the first."""
    terms: dict[str, float]
    """Terms of the `PerceptualLoss`."""
    picture: Tensor
    """Float RGB in [0, 1], `[1, 3, H, W]`."""


Callback = Callable[[Iteration], bool]
"""Is called after each iteration, and ends the optimization there by returning True."""


class _OptimizationStopped(Exception):  # noqa: N818  (control flow, not an error)
    """Leaves L-BFGS from inside its closure, which is the only way out before its last iteration."""


class _Evaluation:
    """Evaluates the loss for an optimizer, and keeps the best picture of each iteration and of them all.

    An L-BFGS iteration is a line search of one or more evaluations.
    """

    def __init__(
        self, picture: Tensor, photo: Tensor, loss: PerceptualLoss, optimizer: torch.optim.Optimizer, callback: Callback
    ) -> None:
        self.picture = picture
        self.loss = loss
        self.content = loss.content_features(photo)
        self.optimizer = optimizer
        self.callback = callback
        self.best: Iteration | None = None
        self.current: Iteration | None = None

    def closure(self) -> float:
        """Computes the loss and its gradient; what `Optimizer.step` calls."""
        number = self.iterations_done()
        if self.current is not None and number != self.current.number:
            self.finish_iteration()
        self.optimizer.zero_grad()
        # A pixel beyond [0, 1] has no gradient: nothing is to be gained out there.
        clamped = self.picture.clamp(0, 1)
        terms = self.loss(clamped, self.content)
        terms["total"].backward()
        values: dict[str, float] = {name: value.item() for name, value in terms.items()}
        if self.current is None or values["total"] < self.current.terms["total"]:
            self.current = Iteration(number, values, clamped.detach().clone())
        return values["total"]

    def finish_iteration(self) -> None:
        """Reports the iteration that is under way, if there is one.

        Raises:
            _OptimizationStopped: the callback asked for it.
        """
        if self.current is None:
            return
        done, self.current = self.current, None
        if self.best is None or done.terms["total"] < self.best.terms["total"]:
            self.best = done
        if self.callback(done):
            raise _OptimizationStopped

    def iterations_done(self) -> int:
        """Returns the optimizer's own count; before the first iteration there is none."""
        state = self.optimizer.state[self.picture]
        return int(state.get("n_iter", state.get("step", 0)))


def optimize(
    photo: Tensor,
    loss: PerceptualLoss,
    *,
    iterations: int,
    initial: Tensor | None = None,
    method: str = "lbfgs",
    learning_rate: float = 0.02,
    callback: Callback = lambda iteration: False,
) -> Iteration:
    """Optimizes the pixels of a picture.

    Args:
        photo: the photo that content is compared with, float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        iterations: iterations of L-BFGS, each a line search of one or more evaluations, or steps of Adam.
        initial: the picture to begin with, of the photo's shape; None for the photo itself.
        method: `lbfgs` (history 50, strong Wolfe line search) or `adam`.
        learning_rate: learning rate of Adam.
        callback: called after each iteration; ends the optimization by returning True.

    Returns:
        The best iteration.
    """
    # Contiguous, because L-BFGS takes its gradient as one flat view.
    picture = (photo if initial is None else initial).detach().clone(memory_format=torch.contiguous_format)
    picture.requires_grad_(True)
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
    evaluation = _Evaluation(picture, photo, loss, optimizer, callback)
    try:
        # L-BFGS does all its iterations in one step, Adam one in each.
        for _ in range(iterations if method == "adam" else 1):
            optimizer.step(evaluation.closure)
        if method == "adam":
            evaluation.closure()  # The last step's picture is not evaluated yet.
        evaluation.finish_iteration()
    except _OptimizationStopped:
        pass
    assert evaluation.best is not None
    return evaluation.best


def starting_picture(start: str, photo: Tensor, style: Tensor, *, seed: int) -> Tensor:
    """Returns the picture that an optimization begins with, of the photo's shape.

    Args:
        start: `photo` itself, uniform `noise`, or the `style` image stretched to the photo's size.
        photo: float RGB in [0, 1], `[1, 3, H, W]`.
        style: float RGB in [0, 1], `[1, 3, h, w]`.
        seed: seed of the noise.
    """
    if start == "noise":
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(photo.shape, generator=generator).to(photo.device)
    return photo if start == "photo" else resized(style, photo.shape[-2:])


def resized(image: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Resizes `image` `[N, 3, H, W]` to another height and width, antialiased."""
    return F.interpolate(image, tuple(size), mode="bilinear", antialias=True).clamp(0, 1)
