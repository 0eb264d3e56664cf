"""What Hydra and OmegaConf find wrong, in one line with its parts."""

from __future__ import annotations

import pytest

from fast_style.config.choices import check_choices, not_a_setting
from fast_style.config.compose import compose_raw, typed
from fast_style.config.entry import compose_distillation, compose_training
from fast_style.config.hydra_errors import _expected
from fast_style.config.schema import DistillConfig, TrainConfig, settings
from fast_style.errors import UNSET, ConfigError


def config(*overrides: str) -> object:
    return typed(compose_raw(list(overrides), TrainConfig), TrainConfig)


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
def test_misspelled_keys_and_wrong_types_are_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        config("style.image=a.jpg", override)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("style.imgae=a.jpg", "style.imgae: no such setting; did you mean style.image?"),
        ("trainer.max_steps=many", "trainer.max_steps=many: must be a whole number"),
        ("style=nothing", "stained_glass"),
        ("style.image=a b=c.jpg", "quotes"),
        ("hue=red", "hue: no such setting"),
        ("trainer.devices=1.5", "trainer.devices=1.5: must be a whole number or a text"),
        ("loss.scales=[a]", "loss.scales=[a]: must be a list of numbers, like [1.0,0.5]"),
        ("loss.style_layers=relu1_2", "loss.style_layers=relu1_2: must be a list of words"),
        ("model.arguments=[1]", "model.arguments=[1]: must be given one entry at a time, like +"),
        ("+loss.layer_weights.relu1_2=x", "loss.layer_weights.relu1_2=x: must be a number"),
        ("style.image.part=3", "style.image: must be a text or null"),
        ("style.size=null", "style.size=null: must be a whole number"),
        ("seed=${nope}", "seed: refers to nope, which is no setting"),
        ("trainer.max_steps=1,2", "trainer.max_steps=1,2: one value is wanted; several in turn need -m"),
        ("seed=range(1,3)", "seed=range(1,3): stands for several values; add -m"),
        ("~nothing", "nothing: is not there to be left out"),
        ("+experiment=smoke", "experiment: is there already; write it without the +"),
        ("seed@here=1", "seed: no such group of settings"),
        ("style=woodcutt", "style=woodcutt: no such choice; did you mean style=woodcut?"),
        ("style=painting.jpg", "style=painting.jpg: no such choice; did you mean style.image=painting.jpg?"),
        ("data=photos/", "data=photos/: no such choice; did you mean data.dir=photos/?"),
        ("loss.layer_weights.relu1_2=2", "loss.layer_weights.relu1_2: is not there yet; put a + before it"),
    ],
)
def test_errors_are_explained_in_one_line(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(override)
    line = str(caught.value)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("painting.jpg", "did you mean style.image=painting.jpg?"),
        ("photos/", "did you mean data.dir=photos/?"),
        ("runs/a/1/last.ckpt", "did you mean resume=runs/a/1/last.ckpt?"),
        ("model.safetensors", "did you mean init_from=model.safetensors?"),
        ("woodcut", "did you mean style=woodcut?"),
        ("smoke", "did you mean experiment=smoke?"),
        ("stlye.image", "did you mean style.image=VALUE?"),
        ("seed", "did you mean seed=VALUE?"),
        ("nonsense", "for example style.image=painting.jpg"),
    ],
)
def test_a_word_without_a_name_is_told_its_setting(word: str, meant: str) -> None:
    assert str(not_a_setting(word, TrainConfig)) == f"{word}: settings are written NAME=VALUE; {meant}"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nonsense", "for example photos=photos/"),
        ("style=3", "style: no such setting; did you mean styles?"),
        ("style=wave", "style: no such setting; did you mean styles?"),
        ("student.widths=3", "student.widths=3: must be a list of whole numbers, like [32,48]"),
    ],
)
def test_a_distillation_is_told_its_own_settings(word: str, message: str) -> None:
    assert str(not_a_setting("painting.jpg", DistillConfig)).endswith("did you mean styles=[painting.jpg]?")
    with pytest.raises(ConfigError) as caught:
        compose_distillation([word])
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize("value", ["3", "null", "1.5", "true", "[1]", "{a: 1}"])
def test_what_is_no_name_is_no_choice(value: str) -> None:
    with pytest.raises(ConfigError, match=r"no such choice; use one of johnson2016, painter, release"):
        check_choices([f"experiment={value}"])
    check_choices(["experiment=smoke", "experiment=smoke,release", "style=glob(*)"])
    with pytest.raises(ConfigError, match=r"^=3: settings are written"):
        compose_training(["=3"])


def test_every_setting_says_in_words_what_it_must_be() -> None:
    for schema in (TrainConfig, DistillConfig):
        for each in settings(schema):
            words = _expected(each.name, schema)
            assert "typing" not in words and "[" not in words.partition("like [")[0], words


@pytest.mark.parametrize(("style", "title"), [("starry_night", "The Starry Night"), ("wave", "The Great Wave")])
def test_a_painting_that_is_not_part_of_the_project(style: str, title: str) -> None:
    with pytest.raises(ConfigError, match=rf"style\.image: {title}.* \(its painting is not .*; add style\.image=PATH"):
        compose_training([f"style={style}"])
    assert compose_training([f"style={style}", "style.image=a.jpg"]).style.name == style


@pytest.mark.parametrize(
    ("override", "setting", "value"),
    [
        ("trainer.max_steps=many", "trainer.max_steps", "many"),
        ("trainer.compile=perhaps", "trainer.compile", "perhaps"),
        ("style.imgae=a.jpg", "style.imgae", UNSET),
        ("style=nothing", "style", "nothing"),
        ("seed=(1", "seed", "(1"),
    ],
)
def test_errors_carry_their_parts(override: str, setting: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_raw([override], TrainConfig)
    assert (caught.value.setting, caught.value.value) == (setting, value)
