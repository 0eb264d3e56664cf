"""A network taken apart: its steps one by one, of which any stretch can be computed, with the statistics of its
normalisations given from outside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from fast_style.models.networks import InstanceNorm2d, PixelInterface, ReflectionConv2d, UpsampleConv2d

Normalize = Callable[[fx.Node, InstanceNorm2d, Tensor, Tensor | None], Tensor]
"""What is computed at a normalisation, of its features and of the strength."""


@dataclass(frozen=True)
class Statistics:
    """Mean and variance of each channel, float32 `[C]`."""

    mean: Tensor
    variance: Tensor

    def normalize(self, norm: InstanceNorm2d, features: Tensor, strength: Tensor | None) -> Tensor:
        """What `norm` does, with these in place of the features' own."""
        scale, shift = (value.reshape(-1) for value in norm.affine_parameters(strength))
        return F.batch_norm(features, self.mean, self.variance, scale, shift, False, 0.0, norm.eps)


class Gathered:
    """Mean and variance of what comes piece by piece (Chan et al. 1979), in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, features: Tensor) -> None:
        """`features` `[N, C, H, W]`."""
        variance, mean = torch.var_mean(features.float(), dim=(0, 2, 3), correction=0)
        variance, mean = variance.cpu().double(), mean.cpu().double()  # not every device has float64
        count = features.numel() // features.shape[1]
        total = self.count + count
        apart = mean - self.mean
        self.squares = self.squares + variance * count + apart**2 * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total

    def result(self, device: str) -> Statistics:
        mean, squares = torch.as_tensor(self.mean), torch.as_tensor(self.squares)
        return Statistics(mean.float().to(device), (squares / self.count).float().to(device))


class _Tracer(fx.Tracer):
    """Goes into everything but PyTorch's own modules and ours that look at devices and batches."""

    def is_leaf_module(self, module: torch.nn.Module, module_qualified_name: str) -> bool:
        leaves = (ReflectionConv2d, UpsampleConv2d, InstanceNorm2d)
        return isinstance(module, leaves) or super().is_leaf_module(module, module_qualified_name)


class Graph:
    """A network as a list of steps, of which any stretch can be computed."""

    def __init__(self, interface: PixelInterface) -> None:
        self.modules = dict(interface.named_modules())
        takes_strength = interface.network.takes_strength
        tracer = _Tracer()
        self.nodes = list(tracer.trace(interface, None if takes_strength else {"strength": None}).nodes)
        self.image = self.nodes[0]
        self.strength = self.nodes[1] if takes_strength else None
        self.end: fx.Node = self.nodes[-1].args[0]
        self.norms = [node for node in self.nodes if self._is_norm(node)]
        self.place = {node: number for number, node in enumerate(self.nodes)}
        self.cheap: set[fx.Node] = set()
        """What no module has a part in: the picture at another range, its size."""
        for node in self.nodes:
            if node.op != "call_module" and self.cheap.issuperset(node.all_input_nodes):
                self.cheap.add(node)

    def _is_norm(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self.modules[str(node.target)], InstanceNorm2d)

    def live(self, norm: fx.Node) -> list[fx.Node]:
        """What is computed before `norm` and needed by it or after it, but for what is cheap."""
        cut = self.place[norm]
        return [
            node
            for node in self.nodes[:cut]
            if node not in self.cheap and any(self.place[user] >= cut for user in node.users)
        ]

    def needed(self, targets: Sequence[fx.Node], known: Sequence[fx.Node]) -> set[fx.Node]:
        """The nodes to go through for `targets`, `known` ones included, nothing before these."""
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
        self,
        targets: Sequence[fx.Node],
        known: dict[fx.Node, Any],
        normalize: Normalize,
        watch: Callable[[dict[fx.Node, Any]], None] | None = None,
    ) -> list[Any]:
        """The values of `targets`, from those of `known`; each value is let go after its last use."""
        needed = self.needed(targets, list(known))
        steps = [node for node in self.nodes if node in needed]
        last = {source: node for node in steps if node not in known for source in node.all_input_nodes}
        values: dict[fx.Node, Any] = {}
        for node in steps:
            values[node] = known.pop(node) if node in known else self._step(node, values, normalize)
            if watch is not None:
                watch(values)
            for source in node.all_input_nodes:
                if last.get(source) is node and source not in targets:
                    values.pop(source, None)
        return [values[target] for target in targets]

    def _step(self, node: fx.Node, values: dict[fx.Node, Any], normalize: Normalize) -> Any:
        args: Any = fx.node.map_arg(node.args, lambda source: values[source])
        kwargs: Any = fx.node.map_arg(node.kwargs, lambda source: values[source])
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self.modules[""])
        if node.op == "call_function":
            return node.target(*args, **kwargs)  # type: ignore[operator]
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        module = self.modules[str(node.target)]
        if isinstance(module, InstanceNorm2d):
            return normalize(node, module, args[0], args[1] if len(args) > 1 else None)
        return module(*args, **kwargs)
