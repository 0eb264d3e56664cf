from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from fast_style.training.tensorboard import RunLogger, chart_of


@pytest.mark.parametrize(
    ("name", "chart"),
    [
        ("train/total", "loss/total"),
        ("val/total", "loss/total_on_held_out_photos"),
        ("train/style", "loss_terms/style"),
        ("train/style/relu3_2@1", "loss_terms_by_layer/style/relu3_2@1"),
        ("train_by_style/wave/content", "loss_terms_by_style/wave/content"),
        ("val/total_variation", "validation/total_variation"),
        ("val/content/relu3_2@0.5", "validation_by_layer/content/relu3_2@0.5"),
        ("val_by_style/wave/style", "validation_by_style/wave/style"),
        ("learning_rate", "optimizer/learning_rate"),
        ("learning_rate/strength", "optimizer/learning_rate_of_strength"),
        ("photos_per_second", "run/photos_per_second"),
        ("epoch", None),
        ("my/own", "my/own"),
        ("train", "train"),
    ],
)
def test_charts_are_grouped_by_meaning(name: str, chart: str | None) -> None:
    assert chart_of(name) == chart


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return events


def test_a_chart_begins_with_its_second_point(tmp_path: Path) -> None:
    logger = RunLogger(tmp_path)
    for step in range(3):
        logger.log_metrics({"train/total": 1.0 / (step + 1), "epoch": 0}, step)
    logger.log_metrics({"val/total": 3.0}, 2)
    logger.log_metrics({"val/total": 2.0}, 2)  # validated once more after the last step
    logger.log_metrics({"train/total": 9.0}, 2)
    logger.save()
    events = read(tmp_path)
    assert events.Tags()["scalars"] == ["loss/total"]
    points = events.Scalars("loss/total")
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert points[0].wall_time <= points[1].wall_time

    logger = RunLogger(tmp_path)  # resumed: its charts are there
    logger.log_metrics({"train/total": 0.25}, 3)
    logger.save()
    assert [point.step for point in read(tmp_path).Scalars("loss/total")] == [0, 1, 2, 3]


def test_settings_and_texts(tmp_path: Path) -> None:
    logger = RunLogger(tmp_path)
    logger.log_settings({"loss.style_weight": 10.0, "style.name": "wave", "model.strength": True})
    logger.log_text("card", "# Wave", 3)
    logger.save()
    events = read(tmp_path)
    assert events.Tags()["scalars"] == []
    assert events.Tags()["tensors"] == ["card/text_summary"]
    tags = events.PluginTagToContent(metadata.PLUGIN_NAME)
    assert metadata.EXPERIMENT_TAG not in tags, "TensorBoard takes the columns of all runs from one"
    start = metadata.parse_session_start_info_plugin_data(tags[metadata.SESSION_START_INFO_TAG])
    assert start.hparams["loss.style_weight"].number_value == 10
    assert start.hparams["style.name"].string_value == "wave"
    assert metadata.SESSION_END_INFO_TAG in tags
