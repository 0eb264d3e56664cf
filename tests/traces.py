"""Traces of networks for ONNX, of which the processes of a test session make each one once.

A trace takes seconds, whatever the size of the network, and has nothing to do with its weights.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from onnx import ModelProto

    from fast_style.models.networks import TransformationNetwork


def share_traces(folder: Path) -> None:
    """Lets this process, and those that it forks, trace only architectures that no other has left in a folder."""
    from onnx import ModelProto

    from fast_style.training import onnx_file

    trace = onnx_file._trace

    def shared(network: TransformationNetwork) -> ModelProto:
        architecture = json.dumps([network.name, network.arguments], sort_keys=True)
        path = folder / f"{hashlib.sha256(architecture.encode()).hexdigest()[:16]}.onnx"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                # Whoever is killed here leaves no half a file.
                new = path.with_suffix(".new")
                new.write_bytes(trace(network).SerializeToString())
                new.rename(path)
            return ModelProto.FromString(path.read_bytes())

    onnx_file._trace = shared
