from __future__ import annotations

import pytest

from fast_style.config import compose_training
from fast_style.train import scaled_rate


@pytest.mark.parametrize(
    ("overrides", "devices", "rate"),
    [
        ([], 1, 5e-3),
        (["data.batch_size=8"], 1, 1e-2),
        (["data.batch_size=2"], 4, 1e-2),
        (["data.batch_size=1"], 1, 5e-3 * 0.5**0.5),
        (["data.batch_size=8", "trainer.learning_rate_batch=null"], 4, 5e-3),
        (["experiment=johnson2016", "data.dir=photos"], 1, 1e-3),
        (["experiment=johnson2016", "data.dir=photos", "data.batch_size=16"], 1, 2e-3),
    ],
)
def test_the_learning_rate_goes_with_the_photos_in_a_step(overrides: list[str], devices: int, rate: float) -> None:
    assert scaled_rate(compose_training(overrides), devices) == pytest.approx(rate)
