from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from fast_style.training.optimizers import MuonAdam


def network(memory_format: torch.memory_format = torch.contiguous_format) -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3))
    return made.to(memory_format=memory_format)


def optimizer(of: nn.Module) -> MuonAdam:
    return MuonAdam(of.parameters(), muon_rate=0.02, adam_rate=0.01)


def train(net: nn.Module, optim: MuonAdam, steps: int, first: int = 0) -> list[float]:
    losses = []
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        image = torch.rand(2, 3, 12, 12, generator=generator)
        loss = (net(image) - image.mean()).square().mean()
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(float(loss.detach()))
    return losses


def test_it_learns_and_every_parameter_moves() -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())
    losses = train(net, optimizer(net), 30)
    assert losses[-1] < 0.2 * losses[0]
    assert all(not torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_step_of_muon_is_that_of_torch() -> None:
    net, reference = network(), network()
    matrix = nn.Parameter(reference[0].weight.data.flatten(1))
    generator = torch.Generator().manual_seed(1)
    gradient = torch.randn(matrix.shape, generator=generator)
    net[0].weight.grad = gradient.view_as(net[0].weight)
    matrix.grad = gradient
    optimizer(net).step()
    torch.optim.Muon([matrix], lr=0.02, weight_decay=0.0).step()
    assert torch.allclose(net[0].weight.flatten(1), matrix, atol=1e-6)


def test_the_memory_format_makes_no_difference() -> None:
    plain, last = network(), network(torch.channels_last)
    train(plain, optimizer(plain), 5)
    train(last, optimizer(last), 5)
    for one, other in zip(plain.parameters(), last.parameters(), strict=True):
        # Muon orthogonalizes in bfloat16, whose sums depend on the order of the columns.
        assert torch.allclose(one, other, atol=3e-3)


def test_it_continues_where_it_stopped() -> None:
    whole = network()
    train(whole, optimizer(whole), 6)
    half = network()
    first = optimizer(half)
    train(half, first, 3)
    state = copy.deepcopy(first.state_dict())
    second = optimizer(half)
    second.load_state_dict(state)
    train(half, second, 3, first=3)
    for one, other in zip(whole.parameters(), half.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_remembers_the_rate_of_the_next_step() -> None:
    net = network()
    optim = optimizer(net)
    schedule = torch.optim.lr_scheduler.LambdaLR(optim, lambda step: 0.5**step)
    train(net, optim, 1)
    schedule.step()
    again = optimizer(network())
    again.load_state_dict(optim.state_dict())
    assert [group["lr"] for group in again.param_groups] == [0.01, 0.005]


def test_a_schedule_reaches_both() -> None:
    net = network()
    optim = optimizer(net)
    schedule = torch.optim.lr_scheduler.LambdaLR(optim, lambda step: 0.0)
    before = copy.deepcopy(net.state_dict())
    train(net, optim, 1)
    schedule.step()
    assert schedule.get_last_lr() == [0, 0]
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("count", [0, 1])
def test_parameters_without_gradient_stay(count: int) -> None:
    net = network()
    before = net[0].weight.clone()
    if count:
        net[2].weight.grad = torch.ones_like(net[2].weight)
    optimizer(net).step()
    assert torch.equal(net[0].weight, before)
