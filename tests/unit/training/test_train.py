"""Settings of a training run; training from end to end is tested in tests/e2e/test_train.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.config.entry import compose_training
from fast_style.errors import ConfigError, ImageNotFoundError
from fast_style.training.train import hyperparameters, scaled_learning_rate, session_settings, train


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
def test_the_learning_rate_grows_with_the_photos_in_a_step(overrides: list[str], devices: int, rate: float) -> None:
    assert scaled_learning_rate(compose_training(overrides), devices) == pytest.approx(rate)


def test_settings_reach_the_module_and_the_session() -> None:
    config = compose_training(
        [
            "model.width=4",
            "model.strength=false",
            "trainer.max_steps=7",
            "trainer.gradient_clip=2",
            "runs_dir=r",
            "seed=3",
        ]
    )
    made = hyperparameters(config, device_count=4)
    assert made.network_arguments == {
        "width": 4, "blocks": 5, "takes_strength": False, "upsampling": "linear",
    }  # fmt: skip
    assert (made.max_steps, made.seed, made.learning_rate) == (7, 3, pytest.approx(2 * config.trainer.learning_rate))
    session = session_settings(config, "name")
    assert (str(session.runs), session.max_steps, session.gradient_clip) == ("r/name", 7, 2)
    assert session.val_every == config.trainer.val_every


def test_wrong_arguments_are_named_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = compose_training([])
    with pytest.raises(ConfigError, match=r"config: must be settings .*, not a str; give .* as style='painting\.jpg'"):
        train("painting.jpg")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"config: holds all settings, and there are more beside it \(photos, seed\)"):
        train(config, photos="photos", seed=1)
    with pytest.raises(ConfigError, match=r"max_steps: no such setting"):
        train(max_steps=3)
    with pytest.raises(ConfigError, match=r"callbacks="):
        train(config, callbacks=3)  # type: ignore[arg-type]
    with pytest.raises(ImageNotFoundError, match=r"painting\.jpg"):
        train(style="painting.jpg", photos="photos/")
    assert list(tmp_path.iterdir()) == []
