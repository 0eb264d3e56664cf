"""A network as a graph of steps, of which any stretch can be computed.

The statistics of the normalizations are given from outside, so that a stretch can run on a part of a picture.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from fast_style.models.layers import (
    Condition,
    InstanceNorm2d,
    LinearUpsampleConv2d,
    LowPass,
    ReflectionConv2d,
    UpsampleConv2d,
)
from fast_style.models.networks import TransformationNetwork
from fast_style.models.pixel_interface import PixelInterface

Values: TypeAlias = dict[fx.Node, object]
"""Results of steps: tensors, sizes, numbers."""
Observe: TypeAlias = Callable[[Values], None]
"""A function that sees all values in memory after each step, the newest among them."""


class Normalize(Protocol):
    """The computation at a normalization."""

    def __call__(self, node: fx.Node, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
        """Normalizes features `[N, C, H, W]` in place of `norm`, which stands at `node`."""


@dataclass(frozen=True)
class Statistics:
    """Mean and variance of each channel, float32 `[C]`."""

    mean: Tensor
    variance: Tensor

    def normalize(self, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
        """Does what `norm` does, with these statistics in place of the features' own."""
        scale, shift = (value.reshape(-1) for value in norm.affine_parameters(condition))
        return F.batch_norm(features, self.mean, self.variance, scale, shift, False, 0.0, norm.eps)


def normalize_by_own_statistics(node: fx.Node, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
    """Normalizes as the network itself does."""
    normalized: Tensor = norm(features, condition)
    return normalized


def normalize_by_no_statistics(node: fx.Node, norm: InstanceNorm2d, features: Tensor, condition: Condition) -> Tensor:
    """Normalizes by a mean of 0 and a variance of 1, so that no place depends on another."""
    zeros = torch.zeros(features.shape[1], device=features.device)
    return Statistics(zeros, zeros + 1).normalize(norm, features, condition)


class StatisticsAccumulator:
    """Mean and variance of features that come piece by piece (Chan et al. 1979), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Adds a piece `[N, C, H, W]`."""
        variance, mean = torch.var_mean(features.float(), dim=(0, 2, 3), correction=0)
        variance, mean = variance.cpu().double(), mean.cpu().double()  # not every device has float64
        count = features.numel() // features.shape[1]
        total = self.count + count
        difference = mean - self.mean
        self.squares = self.squares + variance * count + difference**2 * (self.count * count / total)
        self.mean = self.mean + difference * (count / total)
        self.count = total

    def result(self, device: str) -> Statistics:
        """Returns the statistics of all pieces, on `device`."""
        return Statistics(self.mean.float().to(device), (self.squares / self.count).float().to(device))


class _Tracer(fx.Tracer):
    """Goes into everything but PyTorch's own modules and ours that look at devices and batches."""

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        leaves = (ReflectionConv2d, UpsampleConv2d, LinearUpsampleConv2d, LowPass, InstanceNorm2d)
        return isinstance(m, leaves) or super().is_leaf_module(m, module_qualified_name)


class _StretchInterpreter(fx.Interpreter):
    """Computes a stretch of the network; each value is let go after its last use.

    Args:
        interface: the network.
        graph: the stretch, a graph whose inputs are the known values.
        copies: nodes of `graph` by the network's nodes that they are copies of.
    """

    def __init__(self, interface: PixelInterface, graph: fx.Graph, copies: dict[fx.Node, fx.Node]) -> None:
        super().__init__(interface, graph=graph)
        self.extra_traceback = False  # errors go to the user in one line
        self.copies = copies
        self._origins = {copied: node for node, copied in copies.items()}
        self._normalize: Normalize = normalize_by_own_statistics
        self._observe: Observe | None = None

    def prepare(self, normalize: Normalize, observe: Observe | None) -> _StretchInterpreter:
        """Returns an interpreter for one pass, with normalizations as asked.

        Several threads may compute the same stretch, each with values of its own. What the interpreter knows of the
        graph is shared: finding it out would take as long as a small tile.
        """
        prepared = copy.copy(self)
        prepared._normalize = normalize
        prepared._observe = observe
        return prepared

    def run_node(self, n: fx.Node) -> object:
        """Computes one node."""
        norm = self.submodules.get(str(n.target)) if n.op == "call_module" else None
        if isinstance(norm, InstanceNorm2d):
            (features, condition), _ = self.fetch_args_kwargs_from_env(n)
            result: object = self._normalize(self._origins[n], norm, features, condition)
        else:
            result = super().run_node(n)
        if self._observe is not None and n.op != "output":
            values: Values = {self._origins[node]: value for node, value in self.env.items()}
            self._observe({**values, self._origins[n]: result})
        return result


class NetworkGraph:
    """A network as a list of steps, of which any stretch can be computed."""

    def __init__(self, interface: PixelInterface) -> None:
        assert isinstance(interface.network, TransformationNetwork)
        self._interface = interface
        self._modules = dict(interface.named_modules())
        takes_strength = interface.network.takes_strength
        absent = {"style": None} if takes_strength else {"strength": None, "style": None}
        self.nodes = list(_Tracer().trace(interface, absent).nodes)
        self.image = self.nodes[0]
        self.strength = self.nodes[1] if takes_strength else None
        end = self.nodes[-1].args[0]
        assert isinstance(end, fx.Node)
        self.end = end
        self.norms = [node for node in self.nodes if self._is_norm(node)]
        self._place = {node: number for number, node in enumerate(self.nodes)}
        self._without_modules: set[fx.Node] = set()
        """Steps in which no module has a part and that cost little: the picture at another range, its size."""
        for node in self.nodes:
            if node.op != "call_module" and self._without_modules.issuperset(node.all_input_nodes):
                self._without_modules.add(node)
        self._stretches: dict[tuple[frozenset[fx.Node], tuple[fx.Node, ...]], _StretchInterpreter] = {}

    def _is_norm(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self._modules[str(node.target)], InstanceNorm2d)

    def live(self, norm: fx.Node) -> list[fx.Node]:
        """Returns the steps before `norm` whose results are needed there or later and are worth keeping."""
        cut = self._place[norm]
        return [
            node
            for node in self.nodes[:cut]
            if node not in self._without_modules and any(self._place[user] >= cut for user in node.users)
        ]

    def needed(self, targets: Sequence[fx.Node], known: Sequence[fx.Node]) -> set[fx.Node]:
        """Returns the nodes on the way to `targets`: `known` ones included, nothing before these."""
        found: set[fx.Node] = set()
        pending = list(targets)
        while pending:
            node = pending.pop()
            if node not in found:
                found.add(node)
                if node not in known:
                    pending += node.all_input_nodes
        return found

    def compute(
        self, targets: Sequence[fx.Node], known: Values, normalize: Normalize, observe: Observe | None = None
    ) -> list[Tensor]:
        """Computes the values of `targets` from those of `known`.

        Args:
            targets: nodes of this graph.
            known: values of nodes that everything else follows from. It is emptied, so that each value can be let
                go after its last use.
            normalize: the computation at every normalization.
            observe: sees the values in memory after each step.
        """
        stretch = self._stretch(targets, frozenset(known))
        inputs = {copied: known[node] for node, copied in stretch.copies.items() if node in known}
        known.clear()
        interpreter = stretch.prepare(normalize, observe)
        results: list[Tensor] = list(interpreter.run(initial_env=inputs, enable_io_processing=False))
        return results

    def _stretch(self, targets: Sequence[fx.Node], known: frozenset[fx.Node]) -> _StretchInterpreter:
        key = known, tuple(targets)
        if key not in self._stretches:
            needed = self.needed(targets, list(known))
            graph = fx.Graph()
            copies: dict[fx.Node, fx.Node] = {}
            for node in self.nodes:
                if node in known and node in needed:
                    copies[node] = graph.placeholder(node.name)
                elif node in needed:
                    copies[node] = graph.node_copy(node, lambda source: copies[source])
            graph.output(tuple(copies[target] for target in targets))
            self._stretches[key] = _StretchInterpreter(self._interface, graph, copies)
        return self._stretches[key]
