from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from fast_style.errors import EncoderError
from fast_style.perceptual.encoders import build_encoder, vgg_feature_index, vgg_layers


def test_layer_names_and_indices() -> None:
    assert vgg_layers("vgg16")[-1] == "relu5_3"
    assert vgg_layers("vgg19")[-1] == "relu5_4"
    # The indices that repositories paste from one another: VGG-16 4/9/16/23 are these ReLUs, one further.
    assert [vgg_feature_index(name, "vgg16") + 1 for name in ("relu1_2", "relu2_2", "relu3_3", "relu4_3")] == [
        3,
        8,
        15,
        22,
    ]
    assert vgg_feature_index("relu3_4", "vgg19") == 16


def test_taps_equal_torchvisions_features(vgg16_features: torch.nn.Sequential, vgg16_file: Path) -> None:
    image = torch.rand(1, 3, 40, 56)
    names = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    taps = build_encoder("vgg16", names, str(vgg16_file))(image, names)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        for name, last in zip(names, (3, 8, 15, 22), strict=True):
            assert torch.equal(taps[name], vgg16_features[: last + 1]((image - mean) / std))


def test_no_border_of_a_plain_picture_with_replicated_features(vgg16_file: Path) -> None:
    gray = torch.full((1, 3, 32, 48), 0.3)
    padded = build_encoder("vgg16", ["relu3_3"], str(vgg16_file), padding="replicate")
    features = padded(gray, ["relu3_3"])["relu3_3"]
    torch.testing.assert_close(features, features[..., :1, :1].expand_as(features))
    with_zeros = build_encoder("vgg16", ["relu3_3"], str(vgg16_file))
    assert padded.fingerprint() != with_zeros.fingerprint()
    zeros = with_zeros(gray, ["relu3_3"])["relu3_3"]
    assert not torch.allclose(zeros[..., 0, :], zeros[..., 4, :], rtol=0.1)


def test_truncated_at_the_deepest_layer_asked_for(vgg16_file: Path) -> None:
    encoder = build_encoder("vgg16", ["relu2_2", "relu1_1"], str(vgg16_file))
    assert encoder.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2")
    with pytest.raises(EncoderError, match="relu3_3"):
        encoder(torch.rand(1, 3, 16, 16), ["relu3_3"])


def test_a_file_with_only_the_layers_needed(vgg16_file: Path, tmp_path: Path) -> None:
    state = {k: v for k, v in torch.load(vgg16_file, weights_only=True).items() if int(k.split(".")[1]) <= 7}
    path = tmp_path / "part.safetensors"
    save_file(state, path)
    assert build_encoder("vgg16", ["relu2_2"], str(path)).layers[-1] == "relu2_2"
    with pytest.raises(EncoderError, match=r"relu3_1.*features\.10\.weight"):
        build_encoder("vgg16", ["relu3_3"], str(path))


def test_a_file_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(8, 3, 3, 3), "features.0.bias": torch.zeros(8)}, path)
    with pytest.raises(EncoderError, match="shape"):
        build_encoder("vgg19", ["relu1_1"], str(path))


def test_unreadable_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(EncoderError, match="no such file"):
        build_encoder("vgg19", ["relu1_1"], str(path))
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"weights{suffix}"
        path.write_bytes(b"not weights at all")
        with pytest.raises(EncoderError, match="not readable"):
            build_encoder("vgg19", ["relu1_1"], str(path))


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "pwned").touch, ())

    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(EncoderError):
        build_encoder("vgg19", ["relu1_1"], str(tmp_path / "evil.pth"))
    assert not (tmp_path / "pwned").exists()


def test_no_network_names_the_local_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(EncoderError, match=r"encoder\.weights=FILE"):
        build_encoder("vgg19", ["relu1_1"])


@pytest.mark.parametrize("layers", [["relu6_1"], ["8"]])
def test_unknown_layers(layers: list[str], vgg16_file: Path) -> None:
    with pytest.raises(EncoderError, match=r"relu6_1|8"):
        build_encoder("vgg16", layers, str(vgg16_file))
