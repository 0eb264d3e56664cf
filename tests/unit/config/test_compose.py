from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fast_style.config.compose import groups, read_config, register, to_config, write_config
from fast_style.config.entry import compose_training, described
from fast_style.config.hydra_errors import as_config_error
from fast_style.config.overrides import with_own_style, with_quoted_paths
from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.errors import ConfigError
from fast_style.models.networks import NETWORKS
from fast_style.system.paths import find_input, resource

CONF = resource("conf")


def config(*overrides: str) -> TrainConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_config(compose("train", list(overrides)))


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("style", options("style"))
@pytest.mark.parametrize("encoder", options("encoder"))
def test_every_style_and_encoder_composes(style: str, encoder: str) -> None:
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


@pytest.mark.parametrize(
    "override",
    [
        "stlye.image=a.jpg",
        "data.batchsize=2",
        "trainer.max_steps=many",
        "style=nothing",
        "model.width=3.5",
    ],
)
def test_misspelt_keys_and_wrong_types_are_refused(override: str) -> None:
    with pytest.raises((HydraException, OmegaConfBaseException)):
        config("style.image=a.jpg", override)


@pytest.mark.parametrize(
    "override",
    [
        "trainer.max_steps=0",
        "data.batch_size=0",
        "data.min_crop=0",
        "data.workers=-1",
        "trainer.schedule=linear",
        "trainer.precision=fp64",
        "trainer.learning_rate=0",
        "trainer.learning_rate_batch=0",
        "loss.style_weight=-1",
        "loss.style_weight=nan",
        "loss.style_weight=inf",
        "trainer.learning_rate=inf",
        "trainer.strength_share=0",
        "trainer.strength_share=1",
        "seed=-1",
        "seed=99999999999999999999999",
        "loss.style_layers=[]",
        "loss.scales=[1.0,0.01]",
    ],
)
def test_impossible_values_name_their_key(override: str) -> None:
    with pytest.raises(ConfigError, match=override.split("=")[0]):
        config("style.image=a.jpg", override)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("style.imgae=a.jpg", "style.imgae: no such setting; did you mean style.image?"),
        ("trainer.max_steps=many", "trainer.max_steps=many: must be a whole number"),
        ("style=nothing", "stained_glass"),
        ("style.image=a b=c.jpg", "quotes"),
        ("colour=red", "colour: no such setting"),
        ("loss.layer_weights.relu1_2=2", "loss.layer_weights.relu1_2: is not there yet; put a + before it"),
    ],
)
def test_errors_are_explained_in_one_line(override: str, words: str) -> None:
    with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
        config(override)
    line = str(as_config_error(caught.value))
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize("path", ["~/photos", "größe.jpg", "photo(1).jpg", "it's.jpg", "a b=c.jpg", "C#x/a&b.jpg"])
def test_paths_need_no_quotes(path: str) -> None:
    given = with_quoted_paths([f"style.image={path}", f"data.dir={path}", "seed=3"])
    made = config(*given)
    assert (made.style.image, made.data.dir, made.seed) == (path, path, 3)


@pytest.mark.parametrize("override", ["style.image=a.jpg,b.jpg", 'style.image="a b.jpg"', "data.dir=null", "seed=(1"])
def test_what_hydra_takes_is_left_to_it(override: str) -> None:
    assert with_quoted_paths([override]) == [override]


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


@pytest.mark.parametrize(("style", "title"), [("starry_night", "The Starry Night"), ("wave", "The Great Wave")])
def test_a_painting_that_is_not_part_of_the_project(style: str, title: str) -> None:
    with pytest.raises(ConfigError, match=rf"style\.image: {title}.* \(its painting is not .*; add style\.image=PATH"):
        compose_training([f"style={style}"])
    assert compose_training([f"style={style}", "style.image=a.jpg"]).style.name == style


def test_shipped_files_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_input("data/scenes/lake.jpg").is_file()
    (tmp_path / "data").mkdir()
    assert find_input("data") == Path("data")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], []),
        (["style.image=a.jpg"], ["style.image=a.jpg", "style=custom"]),
        (["style=wave", "style.image=a.jpg"], ["style=wave", "style.image=a.jpg"]),
        (["style=wave", "seed=1"], ["style=wave", "seed=1"]),
    ],
)
def test_a_picture_of_ones_own_is_no_default_style(overrides: list[str], expected: list[str]) -> None:
    assert with_own_style(overrides) == expected


def test_every_setting_is_explained() -> None:
    found = described([])
    assert all(meaning for _, _, meaning in found)
    values = {name: value for name, value, _ in found}
    assert values["style.image"] == "data/styles/stained_glass.jpg"
    assert values["loss.style_layers"] == "[relu1_2, relu2_2, relu3_2, relu3_4]"
    assert (values["data.dir"], values["model.strength"], values["loss.layer_weights"]) == ("null", "true", "{}")
    changed = {name: value for name, value, _ in described(["experiment=release", "style=custom"])}
    assert (changed["style.image"], changed["trainer.max_steps"]) == ("???", "3000")
    with pytest.raises(ConfigError, match=r"loss\.style_wait: no such setting; did you mean loss\.style_weight"):
        described(["loss.style_wait=1"])


def test_help_shows_what_a_training_gets() -> None:
    ours = {name: value for name, value, _ in described(["style.image=größe.jpg", "data.dir=~/photos"])}
    assert (ours["style.image"], ours["data.dir"]) == ("größe.jpg", "~/photos")
    assert ours["style.title"] == "null", "a picture of one's own goes by the title of the default style"


def test_help_shows_every_job_of_a_sweep() -> None:
    swept = {name: value for name, value, _ in described(["-m", "model=lite,johnson", "loss.style_weight=5,50"])}
    assert (swept["model.name"], swept["loss.style_weight"], swept["seed"]) == ("lite, johnson", "5.0, 50.0", "0")
    assert swept["style.name"].startswith("stained_glass-model-lite-style_weight-5.0, ")
    assert {name: value for name, value, _ in described(["-m", "model=glob(*)"])}["model.name"] == "johnson, lite"
    with pytest.raises(ConfigError, match="not readable as a setting"):
        described(["-m", "seed=(1"])
    with pytest.raises(ConfigError):
        described(["-m", "loss.style_weight=interval(1,2)"])
    pictureless = {name: value for name, value, _ in described(["-m", "style=custom", "seed=1,2"])}
    assert (pictureless["style.image"], pictureless["seed"]) == ("???", "1, 2")


def test_every_setting_of_a_distillation_is_explained() -> None:
    found = described(["max_steps=7", "photos=größe"], DistillConfig)
    assert all(meaning for _, _, meaning in found)
    values = {name: value for name, value, _ in found}
    assert (values["teacher.name"], values["student.widths"], values["resume"]) == ("vgg19", "[32, 48, 112]", "null")
    assert (values["max_steps"], values["photos"], values["styles"]) == ("7", "größe", "[data/styles]")
    with pytest.raises(ConfigError, match=r"colour: no such setting; fast-style distill --help shows them all"):
        described(["colour=red"], DistillConfig)


def test_paths_need_no_quotes_outside_of_the_command_either() -> None:
    assert compose_training(["data.dir=~/photos"]).data.dir == "~/photos"
    assert compose_training(["style.image=a.jpg"]).style.title is None


def test_the_groups_are_those_of_conf() -> None:
    assert groups()["model"] == ["johnson", "lite"]
    assert "experiment" in groups()


def test_the_schema_has_the_defaults_of_the_command() -> None:
    composed, schema = config(), TrainConfig()
    for section in ("data", "model", "trainer", "export"):
        assert getattr(composed, section) == getattr(schema, section)
    loss = {key: value for key, value in vars(schema.loss).items() if value != "???"}
    assert loss.items() <= vars(composed.loss).items()
