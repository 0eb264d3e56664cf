"""What `conf/` and overrides compose to, and settings that are written and read again."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest

from fast_style.config.choices import groups
from fast_style.config.compose import compose_raw, read_config, style_name, to_config, write_config
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError
from fast_style.models.networks import NETWORKS
from fast_style.system.paths import find_input, resource

CONF = resource("conf")


def config(*overrides: str) -> TrainConfig:
    """Returns checked settings from overrides that are given to Hydra as they are."""
    return to_config(compose_raw(list(overrides), TrainConfig))


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


# A file that stays in its own group sets nothing of the other: each file of both is enough, without every pair.
@pytest.mark.parametrize(("style", "encoder"), list(zip(options("style"), cycle(options("encoder")), strict=False)))
def test_every_style_and_encoder_composes(style: str, encoder: str) -> None:
    for file in (f"style/{style}.yaml", f"encoder/{encoder}.yaml"):
        assert "@package" not in (CONF / file).read_text()
    made = config(f"style={style}", f"encoder={encoder}", "style.image=picture.jpg")
    assert made.loss.style_layers == made.encoder.style_layers
    assert made.encoder.name == encoder


@pytest.mark.parametrize("model", options("model"))
def test_every_model_is_a_network(model: str) -> None:
    assert config("style.image=a.jpg", f"model={model}").model.name in NETWORKS


def test_own_styles_are_shipped() -> None:
    own = [style for style in options("style") if "image: data/" in (CONF / "style" / f"{style}.yaml").read_text()]
    assert own
    for style in own:
        assert find_input(config(f"style={style}").style.image).is_file()


def test_the_papers_recipe() -> None:
    made = config("experiment=johnson2016", "style.image=a.jpg", "data.dir=coco")
    assert (made.encoder.name, made.loss.style_layers) == (
        "vgg16",
        ["relu1_2", "relu2_2", "relu3_3", "relu4_3"],
    )
    assert made.loss.content_layers == ["relu3_3"]
    assert (made.data.image_size, made.data.batch_size, made.trainer.max_steps) == (256, 4, 40000)
    assert (made.trainer.learning_rate, made.trainer.schedule) == (1e-3, "constant")
    assert (made.model.width, made.model.blocks) == (32, 5)


def test_command_line_wins_over_the_experiment() -> None:
    assert config("experiment=smoke", "trainer.max_steps=3").trainer.max_steps == 3


def test_settings_come_back_from_a_run(tmp_path: Path) -> None:
    made = config("style=flow", "trainer.max_steps=7", "+loss.layer_weights.relu1_2=0.5")
    write_config(made, tmp_path)
    assert read_config(tmp_path / "config.yaml") == made
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"config\.yaml: not readable as settings"):
        read_config(tmp_path / "config.yaml")


def test_a_plus_does_not_get_past_the_schema() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.max_step: no such setting; did you mean trainer\.max_steps"):
        config("style.image=a.jpg", "+trainer.max_step=3")


def test_a_missing_style_names_its_key() -> None:
    with pytest.raises(ConfigError, match=r"style\.image"):
        config("style=custom")


def test_shipped_files_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_input("data/scenes/lake.jpg").is_file()
    (tmp_path / "data").mkdir()
    assert find_input("data") == Path("data")


def test_the_groups_are_those_of_conf() -> None:
    assert groups()["model"] == sorted(NETWORKS)
    assert "experiment" in groups()


def test_settings_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    made = config("style=watercolor")
    write_config(made, tmp_path)
    path = tmp_path / "config.yaml"
    old = path.read_text().replace("  strength: true", "  dial: true").replace("strength_share", "dial_share")
    old = old.replace("watercolor.jpg", "watercolour.jpg")
    assert "dial: true" in old
    path.write_text(old)
    assert read_config(path) == made


def test_a_network_gets_the_arguments_that_are_given_and_no_others(tmp_path: Path) -> None:
    """A run from before there was another upsampling continues without it, as does a network that has none."""
    made = config("style=flow")
    assert made.model.arguments == {"upsampling": "linear"}
    write_config(made, tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("  arguments:\n    upsampling: linear\n", "  arguments: {}\n"))
    assert read_config(path).model.arguments == {}


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a:b"])
def test_a_name_must_be_usable_as_that_of_a_folder(name: str) -> None:
    made = config("style=flow")
    made.style.name = name
    if name:
        with pytest.raises(ConfigError, match=r"style\.name=.*not usable as the name of a folder; give another"):
            style_name(made)
    else:
        assert style_name(made) == "flow"
