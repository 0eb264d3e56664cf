"""Equivalent iterations: how many L-BFGS iterations on the pixels reach the objective that a network reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from torch import Tensor

from fast_style.evaluation.gatys import Iteration, optimize, starting_picture
from fast_style.evaluation.photos import Stylize, on_device
from fast_style.images.arrays import RGB
from fast_style.perceptual.losses import PerceptualLoss


class Quartiles(TypedDict):
    """Three quartiles of several counts."""

    lower_quartile: float
    median: float
    upper_quartile: float


class EquivalentIterations(TypedDict):
    """The part of a scorecard that counts equivalent iterations."""

    photos: int
    """How many photos they were counted on."""
    limit: int
    """The most that was looked for."""
    from_photo: Quartiles
    """Counts of an optimization that begins at the photo."""
    from_noise: Quartiles
    """Counts of an optimization that begins at noise."""


def equivalent_iterations(
    totals: Sequence[float], photo: Tensor, loss: PerceptualLoss, *, limit: int, initial: Tensor | None = None
) -> list[int]:
    """Counts the L-BFGS iterations that reach the objectives of several networks (Johnson et al. 2016, section 4.1
    and figure 5, where they begin at noise).

    Args:
        totals: the objective that each network reaches on `photo`; one optimization answers for all.
        photo: float RGB in [0, 1], `[1, 3, H, W]`.
        loss: the objective.
        limit: the most iterations to look for.
        initial: the picture to begin with; None for the photo, from which it takes fewer.

    Returns:
        A count for each network, 0 to `limit`: 0 if the untouched photo is as good, `limit` if even that many do not
        reach it.
    """
    counts = [limit] * len(totals)
    missing = set(range(len(totals)))

    def note_reached(iteration: Iteration) -> bool:
        for network in [network for network in missing if iteration.terms["total"] <= totals[network]]:
            counts[network] = iteration.number
            missing.remove(network)
        return not missing

    optimize(photo, loss, iterations=limit, initial=initial, callback=note_reached)
    return counts


def count_equivalent_iterations(
    models: Sequence[Stylize],
    photos: Sequence[RGB],
    loss: PerceptualLoss,
    *,
    limit: int,
    advance: Callable[[], None] = lambda: None,
) -> list[EquivalentIterations]:
    """Counts the equivalent iterations of each of `models`, which takes minutes for each photo.

    Args:
        models: the models.
        photos: uint8 RGB `[H, W, 3]` each.
        loss: the reference objective.
        limit: the most iterations to look for.
        advance: called after each photo.
    """
    from_photo: list[list[int]] = []  # for each photo, one count for each model
    from_noise: list[list[int]] = []
    for number, photo in enumerate(photos):
        given = on_device(photo, loss)
        content = loss.content_features(given)
        results = [on_device(stylize(photo), loss) for stylize in models]
        totals = [loss.values(result, content)["total"] for result in results]
        for start, counts in (("photo", from_photo), ("noise", from_noise)):
            initial = starting_picture(start, given, given, seed=number)
            counts.append(equivalent_iterations(totals, given, loss, limit=limit, initial=initial))
        advance()
    return [
        {
            "photos": len(photos),
            "limit": limit,
            "from_photo": quartiles([counts[model] for counts in from_photo]),
            "from_noise": quartiles([counts[model] for counts in from_noise]),
        }
        for model in range(len(models))
    ]


def quartiles(values: Sequence[float]) -> Quartiles:
    """Returns the quartiles of some values, interpolated linearly."""
    lower, median, upper = (float(value) for value in np.percentile(values, [25, 50, 75]))
    return {"lower_quartile": lower, "median": median, "upper_quartile": upper}
