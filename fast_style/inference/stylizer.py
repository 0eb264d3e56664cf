"""Stylizer: a trained model, loaded once, that stylises any picture in one forward pass.

An `.onnx` file runs on ONNX Runtime and imports no torch; a `.safetensors` file runs on torch. A picture that does
not fit into memory in one piece is stylised in tiles that show no seam (`tiling`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

import numpy as np

from fast_style.errors import ConfigError, ImageError, ModelError
from fast_style.inference.engines import Engine, TorchEngine, load_engine
from fast_style.models.artifact import ModelFiles, ModelInfo, find_model
from fast_style.system.hardware import available_memory, parse_bytes, used_memory

if TYPE_CHECKING:
    from PIL.Image import Image

Advance = Callable[[float], None]

SMALLEST_STROKE, LARGEST_STROKE = 0.5, 2.0
NEVER_TILED = 1 << 20
"""Pixels of a picture that is not worth a question about memory."""


@dataclass(frozen=True)
class Tiling:
    """When pictures are stylised in tiles, and how.

    Args:
        tile: `auto`, where the whole does not fit into memory; `off`; or pixels, for all pictures that are larger.
        memory: most bytes that the process may take, `2GB`; by default half of what is free.

    Raises:
        ConfigError: another value.
    """

    tile: str | int = "auto"
    memory: str | int | None = None

    def __post_init__(self) -> None:
        self.side()
        if self.memory is not None:
            parse_bytes(str(self.memory))

    def side(self) -> int | None:
        """Of the tiles, where it is given."""
        if self.tile in ("auto", "off"):
            return None
        if not str(self.tile).isdecimal() or int(self.tile) < 64:
            raise ConfigError(f"tile={self.tile}: must be auto, off or a number of pixels from 64 up")
        return int(self.tile)

    def budget(self, held: int) -> int:
        """Bytes that a network may take besides what is in memory, after `held` more."""
        if self.memory is None:
            return available_memory() // 2 - held
        return min(parse_bytes(str(self.memory)) - used_memory(), available_memory()) - held


class Stylizer:
    """A model ready to stylise; several threads may share it. Make one with `Stylizer.load`; copied or unpickled it
    is loaded anew.

    ```python
    stylizer = Stylizer.load("starry_night")
    stylized = stylizer(photo)  # PIL image in, PIL image out; uint8 RGB array in, array out
    ```
    """

    def __init__(self, engine: Engine, files: ModelFiles | None = None, tiling: Tiling | None = None) -> None:
        if isinstance(engine, str | Path):
            raise ModelError(f"Stylizer({str(engine)!r}): takes an engine; use Stylizer.load({str(engine)!r})")
        self.engine = engine
        self.tiling = tiling or Tiling()
        self._files = files
        self._bytes_per_pixel: float | None = None
        self._tiler: TorchEngine | None = engine if isinstance(engine, TorchEngine) else None
        self._lock = threading.Lock()
        self._load: partial[Stylizer] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Sessions, compiled networks and locks belong to one process.
        if self._load is None:
            raise ModelError("a Stylizer around an engine can't be pickled or copied; make it with Stylizer.load")
        return self._load, ()

    @property
    def info(self) -> ModelInfo:
        """What the model says of itself."""
        return self.engine.info

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,
        tile: str | int = "auto",
        memory: str | int | None = None,
    ) -> Stylizer:
        """Loads a model by name, by folder or by file.

        Args:
            model: a name (`starry_night`), a model folder, or a `.safetensors` or `.onnx` file.
            engine: `onnx`, `torch`, or `auto`: the one that the file is for; of a folder, ONNX Runtime, which
                starts faster, but torch for a GPU.
            device: `cpu`, `cuda`, `mps`, `coreml`, `directml`, or `auto`: the fastest that works.
            precision: `fp32`, `bf16`, `fp16`, or `auto`: torch computes in bfloat16 where the processor has it.
            compile: let torch compile the network: for video, many pictures of one size.
            tile, memory: of pictures too large for one piece, see `Tiling`.

        Raises:
            ModelError: no such model, unreadable, of an unknown schema, or not usable with this engine.
            ConfigError: an impossible tile or memory.
        """
        tiling = Tiling(tile, memory)
        files = find_model(model)
        chosen: dict[str, Any] = {"engine": engine, "device": device, "precision": precision, "compile": compile}
        made = cls(load_engine(files, **chosen), files, tiling)
        made._load = partial(cls.load, model, **chosen, tile=tile, memory=memory)
        return made

    @property
    def has_strength(self) -> bool:
        """Whether the model has a dial."""
        return "strength" in self.info.inputs

    @overload
    def __call__(
        self,
        picture: np.ndarray,
        *,
        strength: float | None = ...,
        keep_color: bool = ...,
        stroke: float = ...,
        advance: Advance | None = ...,
    ) -> np.ndarray: ...
    @overload
    def __call__(
        self,
        picture: Image | str | Path,
        *,
        strength: float | None = ...,
        keep_color: bool = ...,
        stroke: float = ...,
        advance: Advance | None = ...,
    ) -> Image: ...
    @overload
    def __call__(
        self,
        picture: bytes | bytearray | BinaryIO,
        *,
        strength: float | None = ...,
        keep_color: bool = ...,
        stroke: float = ...,
        advance: Advance | None = ...,
    ) -> bytes: ...
    def __call__(
        self,
        picture: Any,
        *,
        strength: float | None = None,
        keep_color: bool = False,
        stroke: float = 1.0,
        advance: Advance | None = None,
    ) -> Any:
        """Stylises one picture, or a batch of equal size.

        Args:
            picture: uint8 RGB array `[H, W, 3]` or `[N, H, W, 3]`, a PIL image of any mode, an image file's bytes
                (bytes, bytearray, BytesIO or a file opened in binary mode), or its path.
            strength: of the style, for a model with a dial: from 0, nearly the picture itself, over 1, as trained
                and by default, to 1.5.
            keep_color: takes only the light of the result, and the colours of the picture.
            stroke: size of the strokes, from half to twice as large.
            advance: told from time to time which share of a large picture is done.

        Returns:
            The same kind, exactly as large: an array for an array, bytes of the same format and with the same
            metadata for a file's bytes, a PIL image for a PIL image or for a path. What is transparent is stylised
            over white, and keeps its alpha in images (mode RGBA, else RGB) and in bytes whose format holds it.

        Raises:
            ImageError: another type, dtype or shape, no pixels, or an unreadable file.
            ModelError: a strength out of range, or for a model without a dial; or the engine fails.
            ConfigError: a stroke out of range, or a strength or stroke that is no number.
        """
        for name, value in (("strength", 1 if strength is None else strength), ("stroke", stroke)):
            if not isinstance(value, Real):
                raise ConfigError(f"{name}={value!r}: must be a number, not a {type(value).__name__}")
        strength = self._checked(strength)
        if not SMALLEST_STROKE <= stroke <= LARGEST_STROKE:
            raise ConfigError(f"stroke={stroke}: must lie from {SMALLEST_STROKE:g} to {LARGEST_STROKE:g}")

        def stylize(array: np.ndarray) -> np.ndarray:
            return self._stylize(array, strength, keep_color, stroke, advance or (lambda share: None))

        if isinstance(picture, np.ndarray):
            if picture.dtype != np.uint8 or picture.ndim not in (3, 4) or picture.shape[-1] != 3 or 0 in picture.shape:
                raise ImageError(
                    f"cannot stylise {picture.dtype} {list(picture.shape)}: want uint8 RGB [H, W, 3] or [N, H, W, 3]"
                )
            return stylize(picture) if picture.ndim == 4 else stylize(picture[None])[0]
        from PIL import Image

        from fast_style.images.codec import decode_alpha, encode_rgb, load_picture, make_image

        if isinstance(picture, Image.Image):
            rgb, alpha = decode_alpha(picture)
            return make_image(stylize(rgb[None])[0], alpha)
        if isinstance(picture, str | Path):
            rgb, alpha, _ = load_picture(picture)
            return make_image(stylize(rgb[None])[0], alpha)
        if isinstance(picture, bytearray):
            picture = bytes(picture)
        if isinstance(picture, bytes) or (hasattr(picture, "read") and not isinstance(picture, io.TextIOBase)):
            rgb, alpha, metadata = load_picture(picture)
            return encode_rgb(stylize(rgb[None])[0], metadata.format, metadata=metadata, alpha=alpha)
        raise ImageError(
            f"cannot stylise a {type(picture).__name__}: want a uint8 RGB array, a PIL image, a path, "
            f"or an image file's bytes or the file opened in binary mode"
        )

    def _checked(self, strength: float | None) -> float | None:
        """The strength to run with: None for a model without a dial."""
        if not self.has_strength:
            if strength in (None, 1):
                return None
            raise ModelError(
                f"strength={strength}: {self.info.name} has no strength; use a model with one, or leave it out"
            )
        dial = self.info.inputs["strength"]
        if strength is None:
            return dial["default"]
        if not dial["minimum"] <= strength <= dial["maximum"]:
            raise ModelError(f"strength={strength}: must lie from {dial['minimum']:g} to {dial['maximum']:g}")
        return strength

    def _stylize(
        self, batch: np.ndarray, strength: float | None, keep_color: bool, stroke: float, advance: Advance
    ) -> np.ndarray:
        """`batch` `[N, H, W, 3]`."""
        given = batch
        if stroke != 1:
            from fast_style.images.codec import MAX_PIXELS, resize_rgb

            height, width = (max(1, round(side / stroke)) for side in batch.shape[1:3])
            if height * width > MAX_PIXELS:
                raise ImageError(
                    f"stroke={stroke}: would make {width} x {height} pixels of the picture, and {MAX_PIXELS} are the "
                    f"most; use a larger stroke or --max-size"
                )
            given = np.stack([resize_rgb(picture, width, height) for picture in batch])
        # Pictures smaller than the network takes are mirrored outwards, and cut back after.
        height, width = given.shape[1:3]
        short_h, short_w = (max(0, self.info.minimum_side - side) for side in (height, width))
        if short_h or short_w:
            given = np.pad(given, ((0, 0), (0, short_h), (0, short_w), (0, 0)), mode="symmetric")
        result = self._run(given, strength, advance)[:, :height, :width]
        if stroke != 1:
            result = np.stack([resize_rgb(picture, batch.shape[2], batch.shape[1]) for picture in result])
        if keep_color:
            from fast_style.images.color import keep_color as with_colors_of

            result = with_colors_of(batch, result)
        return result

    def _run(self, batch: np.ndarray, strength: float | None, advance: Advance) -> np.ndarray:
        """Whole, one by one, or in tiles."""
        count, height, width = batch.shape[:3]
        side = self.tiling.side()
        if side is not None:
            whole = max(height, width) <= side
        else:
            whole = self.tiling.tile == "off" or self._fits(count * height * width)
        if whole:
            return self.engine(np.ascontiguousarray(batch), strength)
        if count > 1:
            return np.concatenate([self._run(picture[None], strength, advance) for picture in batch])
        return self._in_tiles(batch[0], side, strength, advance)[None]

    def _fits(self, pixels: int) -> bool:
        if pixels <= NEVER_TILED:
            return True
        with self._lock:
            if self._bytes_per_pixel is None:
                self._bytes_per_pixel = self.engine.bytes_per_pixel()
        free = self.engine.free_memory()
        budget = self.tiling.budget(held=3 * pixels) if free is None else free
        return pixels * self._bytes_per_pixel <= budget

    def _in_tiles(self, picture: np.ndarray, side: int | None, strength: float | None, advance: Advance) -> np.ndarray:
        engine = self._tiling_engine()
        tiled = engine.tiled()
        budget = self.tiling.budget(held=picture.nbytes)
        # A quarter for the tile, and for the rest maps that are kept.
        share = engine.free_memory() or budget
        if side is None:
            side = tiled.side_within(share // 4)
            if side is None:
                least = tiled.least_memory() * 4 + picture.nbytes + used_memory()
                raise ImageError(
                    f"memory={self.tiling.memory or 'auto'}: too little for {picture.shape[1]} x {picture.shape[0]} "
                    f"pixels, which take at least {least / 1e9:.1f} GB; give more, or use --max-size"
                )
        room = max(0, budget // 2)
        try:
            return tiled(picture, side=side, strength=strength, room=room, advance=advance)
        except (RuntimeError, MemoryError, OSError) as error:
            raise ModelError(f"stylising in tiles failed ({error}); give less --memory or a smaller --tile") from error

    def _tiling_engine(self) -> TorchEngine:
        """torch computes tiles; where ONNX Runtime does the rest, in float32 like it."""
        with self._lock:
            if self._tiler is None:
                path = self._files.safetensors if self._files is not None else None
                if path is None and self._files is not None:
                    beside = self._files.folder / "model.safetensors"
                    path = beside if beside.is_file() else None
                if path is None:
                    raise ModelError(
                        f"{self.info.name}: tiles need its model.safetensors, and there is only an .onnx file; "
                        f"export it again, or use --max-size or --tile off"
                    )
                device = "auto" if self.engine.device == "cuda" else "cpu"
                self._tiler = TorchEngine(path, device, precision="fp32")
            return self._tiler
