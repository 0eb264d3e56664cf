"""Stylizer: a trained model, loaded once, that stylizes any picture in one forward pass.

An `.onnx` file runs on ONNX Runtime and imports no torch; a `.safetensors` file runs on torch. A picture that does
not fit into memory in one piece is stylized in tiles that show no seam (`tiling`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias, TypeVar, Unpack, overload

import numpy as np

from fast_style.errors import UNSET, ConfigError, ImageError, ModelError, reason_of
from fast_style.inference.engines import Engine, Pixels, StyleWeights, load_engine
from fast_style.inference.options import Advance, Style, StylizeArguments, StylizeOptions, Tiling
from fast_style.inference.pictures import repaint
from fast_style.models.artifact import SAFETENSORS, ModelFiles, ModelInfo, find_model
from fast_style.system.hardware import used_memory
from fast_style.system.optional import require_extra

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from fast_style.inference.torch_engine import TorchEngine

Condition: TypeAlias = tuple[float | None, StyleWeights | None]
"""Strength and style that an engine runs with."""

T = TypeVar("T")

ALWAYS_WHOLE = 1 << 20
"""Pixels of a picture that is too small for a question about memory."""


def _ignore_progress(done: float) -> None:
    """Takes a share of the work and does nothing with it."""


class Stylizer:
    """A model ready to stylize; several threads may share it.

    Make one with `Stylizer.load`. Copied or unpickled, it is loaded anew. At the end of a `with` its memory
    is given back.

    ```python
    stylizer = Stylizer.load("starry_night")
    stylized = stylizer(photo)  # PIL image in, PIL image out; uint8 RGB array in, array out
    ```

    Args:
        engine: runs the network.
        files: the model's files.
        tiling: when pictures are stylized in tiles.

    Raises:
        ModelError: `engine` is a name or a path, which is for `Stylizer.load`.
    """

    def __init__(self, engine: Engine, files: ModelFiles | None = None, tiling: Tiling | None = None) -> None:
        if isinstance(engine, str | Path):
            raise ModelError(f"Stylizer({str(engine)!r}): takes an engine; use Stylizer.load({str(engine)!r})")
        self._engine: Engine | None = engine
        self._info = engine.info
        self.tiling = tiling or Tiling()
        self._files = files
        self._bytes_per_pixel: float | None = None
        self._tile_engine: TorchEngine | None = None
        self._lock = threading.Lock()
        self.painted: Counter[str] = Counter()
        """How many pictures each engine has painted, by its description."""
        self._load: partial[Stylizer] | None = None

    def __reduce__(self) -> tuple[partial[Stylizer], tuple[()]]:
        # Sessions, compiled networks and locks belong to one process.
        if self._load is None:
            raise ModelError("a Stylizer around an engine can't be pickled or copied; make it with Stylizer.load")
        return self._load, ()

    def __repr__(self) -> str:
        how = "closed" if self._engine is None else self._engine.describe()
        return f"<Stylizer {self.info.name}: {self.info.network}, {how}>"

    def __enter__(self) -> Self:
        _ = self.engine  # there must be one
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the model and its memory; whoever stylizes with it afterwards gets a ModelError."""
        self._engine = self._tile_engine = None

    @property
    def engine(self) -> Engine:
        """What runs the network.

        Raises:
            ModelError: the Stylizer is closed.
        """
        if self._engine is None:
            raise ModelError(f"the Stylizer of {self.info.name} is closed", remedy="load it again with Stylizer.load")
        return self._engine

    @property
    def info(self) -> ModelInfo:
        """The model's metadata."""
        return self._info

    @classmethod
    def load(
        cls,
        model: str | Path | ModelFiles,
        *,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,  # noqa: A002  # the public name of the argument
        tile: str | int = "auto",
        memory: str | int | None = None,
    ) -> Stylizer:
        """Loads a model by name, by folder or by file.

        Args:
            model: a name (`starry_night`), a model folder, a `.safetensors` or `.onnx` file, or an entry of
                `list_models`.
            engine: `onnx`, `torch`, or `auto`: the one that the file is for; for a folder ONNX Runtime, which
                starts faster, but torch for a GPU.
            device: `cpu`, `cuda`, `mps`, `coreml`, `directml`, or `auto`: the fastest that works.
            precision: `fp32`, `bf16`, `fp16`, or `auto`: torch computes in bfloat16 where the processor has it.
            compile: lets torch compile the network: for video, many pictures of one size.
            tile: for pictures too large for one piece; see `Tiling`.
            memory: most bytes to take; see `Tiling`.

        Returns:
            The model, ready to stylize.

        Raises:
            ConfigError: a value is unknown or out of range, or cannot be had here.
            ModelNotFoundError: there is no such model.
            ModelError: the model is unreadable, of an unknown schema, or has no file for this engine.
        """
        tiling = Tiling(tile, memory)
        files = find_model(model)
        loaded = load_engine(files, engine=engine, device=device, precision=precision, compile=compile)
        stylizer = cls(loaded, files, tiling)
        stylizer._load = partial(
            cls.load, model, engine=engine, device=device, precision=precision, compile=compile, tile=tile,
            memory=memory,
        )  # fmt: skip
        return stylizer

    @property
    def has_strength(self) -> bool:
        """Whether the model takes a strength."""
        return "strength" in self.info.inputs

    @property
    def styles(self) -> list[str]:
        """Names of the styles of a model that holds several, else none."""
        return [style["name"] for style in self.info.styles]

    @overload
    def __call__(self, picture: Pixels, **how: Unpack[StylizeArguments]) -> Pixels: ...
    @overload
    def __call__(self, picture: Tensor, **how: Unpack[StylizeArguments]) -> Tensor: ...
    @overload
    def __call__(self, picture: Image | str | PathLike[str], **how: Unpack[StylizeArguments]) -> Image: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]  # an open file is an iterator, too, of lines
        self, picture: bytes | bytearray | memoryview | BinaryIO, **how: Unpack[StylizeArguments]
    ) -> bytes: ...
    @overload
    def __call__(self, picture: list[T] | tuple[T, ...], **how: Unpack[StylizeArguments]) -> list[T]: ...
    @overload
    def __call__(self, picture: Iterator[T], **how: Unpack[StylizeArguments]) -> Iterator[T]: ...
    def __call__(
        self,
        picture: object,
        *,
        strength: float | None = None,
        keep_color: bool = False,
        stroke: float = 1.0,
        style: Style | None = None,
        advance: Advance | None = None,
    ) -> object:
        """Stylizes one picture, a batch of equal size, or one picture after the other.

        Args:
            picture: one of

                - a uint8 array, RGB `[H, W, 3]`, RGBA `[H, W, 4]` or gray `[H, W]`, or a batch `[N, H, W, C]` with 1,
                  3 or 4 channels;
                - a torch tensor, float in [0, 1], `[C, H, W]` or `[N, C, H, W]`, or uint8, laid out as an array;
                - a PIL image of any mode;
                - the path of an image file;
                - an image file's bytes (bytes, bytearray, memoryview, BytesIO or a file opened in binary mode);
                - a list, or an iterator such as a generator of frames, of any of these.
            strength: how much style, for a model that takes a strength: from 0, nearly the picture itself, over 1,
                as trained and by default, to 1.5.
            keep_color: takes only the lightness of the result, and the colors of the picture.
            stroke: size of the strokes, from half to twice as large.
            style: for a model that holds several styles, the name of one, or weights to blend them by:
                `{"wave": 0.5, "monet": 0.5}` or `"wave:0.5,monet:0.5"`; by default its first.
            advance: called now and then with the fraction of a large picture that is done.

        Returns:
            The same kind, exactly as large: an array for an array; a tensor of the same dtype, on the same device and
            without a gradient, of levels rounded to 8 bits, for a tensor; a PIL image for a PIL image or for a path;
            bytes of the same format and with the same metadata for a file's bytes; a list for a list; an iterator,
            which stylizes as it goes, for an iterator. Gray becomes RGB. What has an alpha keeps it, be it opaque
            throughout: RGBA for RGBA, in bytes as far as their format holds it. What is transparent is stylized over
            white, which is taken out again.

        Raises:
            ImageError: the picture is of another type, dtype or shape, has no pixels, or is an unreadable file.
            ConfigError: strength or stroke is no number or out of range, the model takes no strength, or has not
                that style.
            ModelError: the engine fails, or the Stylizer is closed.
        """
        options = StylizeOptions(strength, keep_color, stroke, style)
        self._condition(options)  # an iterator comes back before its first picture is looked at
        return repaint(picture, lambda batch: self.stylize(batch, options, advance))

    def stylize(self, batch: Pixels, options: StylizeOptions | None = None, advance: Advance | None = None) -> Pixels:
        """Stylizes a batch of pixels.

        Args:
            batch: uint8 RGB `[N, H, W, 3]`, of any size.
            options: by default, as the model was trained.
            advance: called now and then with the fraction of a large picture that is done.

        Returns:
            The same shape.

        Raises:
            ConfigError: the strength is out of range, or the model takes none.
            ImageError: the picture would be too large at this stroke, or for the memory.
            ModelError: the engine fails.
        """
        options = options or StylizeOptions()
        condition = self._condition(options)
        scaled = self._scale(batch, options.stroke)
        # Pictures smaller than the network takes are mirrored outwards, and cut back after.
        height, width = scaled.shape[1:3]
        short_h, short_w = (max(0, self.info.minimum_side - side) for side in (height, width))
        if short_h or short_w:
            scaled = np.pad(scaled, ((0, 0), (0, short_h), (0, short_w), (0, 0)), mode="symmetric")
        result = self._run(scaled, condition, advance or _ignore_progress)[:, :height, :width]
        if options.stroke != 1:
            from fast_style.images.arrays import resize_rgb

            result = np.stack([resize_rgb(picture, batch.shape[2], batch.shape[1]) for picture in result])
        if options.keep_color:
            from fast_style.images.color import keep_color

            result = keep_color(batch, result)
        return result

    def _condition(self, options: StylizeOptions) -> Condition:
        return self._engine_strength(options.strength), self._engine_style(options)

    def _engine_strength(self, strength: float | None) -> float | None:
        """Returns the strength to run with, None for a model that takes none."""
        if not self.has_strength:
            if strength in (None, 1):
                return None
            raise ConfigError(
                f"{self.info.name} takes no strength",
                setting="strength",
                value=strength,
                remedy="use a model that does, or leave it out",
            )
        limits = self.info.inputs["strength"]
        if strength is None:
            return limits["default"]
        if not limits["minimum"] <= strength <= limits["maximum"]:
            problem = f"must lie from {limits['minimum']:g} to {limits['maximum']:g}"
            raise ConfigError(problem, setting="strength", value=strength)
        return strength

    def _engine_style(self, options: StylizeOptions) -> StyleWeights | None:
        """Returns the weights of the styles to run with, None for a model of one style."""
        weights = options.style_weights()
        known = self.styles or [self.info.name]
        for name in weights:
            if name not in known:
                raise ConfigError(
                    f"{self.info.name} has no style {name}; it has {', '.join(known)}", setting="style",
                    value=options.style,
                )  # fmt: skip
        if not self.styles:
            return None
        return tuple(weights.get(name, 0.0) for name in known) if weights else (1.0, *[0.0] * (len(known) - 1))

    def _scale(self, batch: Pixels, stroke: float) -> Pixels:
        """Returns the batch at the size at which the network's strokes are `stroke` times as large."""
        if stroke == 1:
            return batch
        from fast_style.images.arrays import resize_rgb
        from fast_style.images.formats import MAX_PIXELS

        height, width = (max(1, round(side / stroke)) for side in batch.shape[1:3])
        if height * width > MAX_PIXELS:
            raise ImageError(
                f"would make {width} x {height} pixels of the picture, and {MAX_PIXELS} are the most",
                setting="stroke",
                value=stroke,
                remedy="use a larger stroke, or make the picture smaller first",
            )
        return np.stack([resize_rgb(picture, width, height) for picture in batch])

    def _run(self, batch: Pixels, condition: Condition, advance: Advance) -> Pixels:
        """Stylizes a batch whole, one by one, or in tiles."""
        count, height, width = batch.shape[:3]
        side = self.tiling.side()
        if side is not None:
            whole = max(height, width) <= side
        else:
            whole = self.tiling.tile == "off" or self._fits(count * height * width)
        if whole:
            self.painted[self.engine.describe()] += count
            return self.engine(np.ascontiguousarray(batch), *condition)
        if count > 1:
            return np.concatenate([self._run(picture[None], condition, advance) for picture in batch])
        return self._in_tiles(batch[0], side, condition, advance)[None]

    def _fits(self, pixels: int) -> bool:
        if pixels <= ALWAYS_WHOLE:
            return True
        with self._lock:
            if self._bytes_per_pixel is None:
                self._bytes_per_pixel = self.engine.bytes_per_pixel()
        free = self.engine.free_memory()
        budget = self.tiling.budget(held=3 * pixels) if free is None else free
        return pixels * self._bytes_per_pixel <= budget

    def _in_tiles(self, picture: Pixels, side: int | None, condition: Condition, advance: Advance) -> Pixels:
        engine = self._engine_for_tiles()
        self.painted[f"{engine.describe()}, in tiles"] += 1
        strength, style = condition
        tiled = engine.tiled(style)
        budget = self.tiling.budget(held=picture.nbytes)
        # A quarter for the tile, and for the rest maps that are stored between rounds.
        memory = engine.free_memory() or budget
        if side is None:
            side = tiled.side_within(memory // 4)
            if side is None:
                least = tiled.least_memory() * 4 + picture.nbytes + used_memory()
                raise ImageError(
                    f"too little for {picture.shape[1]} x {picture.shape[0]} pixels, which take at least "
                    f"{least / 1e9:.1f} GB",
                    setting="memory",
                    value=self.tiling.memory or "auto",
                    remedy="give more, or make the picture smaller first",
                )
        try:
            return tiled(picture, side=side, strength=strength, map_memory=max(0, budget // 2), advance=advance)
        except (RuntimeError, MemoryError, OSError) as error:
            raise ModelError(
                f"stylizing in tiles failed ({reason_of(error)})",
                remedy="give less {memory} or a smaller {tile}",
                suggestions={"memory": UNSET, "tile": UNSET},
            ) from error

    def _engine_for_tiles(self) -> TorchEngine:
        """Returns the torch engine: it alone computes tiles; beside ONNX Runtime it computes in float32 too."""
        require_extra("torch")
        from fast_style.inference.torch_engine import TorchEngine

        engine = self.engine
        if isinstance(engine, TorchEngine):
            return engine
        with self._lock:
            if self._tile_engine is None:
                device = "auto" if engine.device == "cuda" else "cpu"
                self._tile_engine = TorchEngine(self._weights(), device, precision="fp32")
            return self._tile_engine

    def _weights(self) -> Path:
        if self._files is not None:
            beside = self._files.folder / SAFETENSORS
            path = self._files.safetensors or (beside if beside.is_file() else None)
            if path is not None:
                return path
        raise ModelError(
            f"{self.info.name}: tiles need its {SAFETENSORS}, and there is only an .onnx file",
            remedy="export it again, make the picture smaller first, or use {tile}",
            suggestions={"tile": "off"},
        )
