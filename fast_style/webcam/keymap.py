"""The keys of the live window: one table says what each of them does, and what the help says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fast_style.images.arrays import RGB
from fast_style.webcam.live_view import STRENGTH_STEP, LiveView


@dataclass(frozen=True)
class KeyPress:
    """A key, and the picture that was shown when it was pressed."""

    key: str
    """A character or a name, as `Window.key` returns it."""
    picture: RGB
    """uint8 RGB `[H, W, 3]`."""


Action = Callable[[LiveView, KeyPress], None]


@dataclass(frozen=True)
class KeyBinding:
    """Keys that do the same."""

    cap: str
    """What the help shows as a key cap."""
    keys: tuple[str, ...]
    action: Action


@dataclass(frozen=True)
class HelpLine:
    """Keys that the help explains in one line."""

    text: str
    """Empty for keys that the help does not show."""
    bindings: tuple[KeyBinding, ...]


def _choose_by_number(view: LiveView, press: KeyPress) -> None:
    index = int(press.key) - 1
    if index < len(view.styles):
        view.choose_style(index)


KEYMAP = (
    HelpLine(
        "next, previous style",
        (
            KeyBinding("N", ("n", "right"), lambda view, press: view.choose_style(view.chosen + 1)),
            KeyBinding("P", ("p", "left"), lambda view, press: view.choose_style(view.chosen - 1)),
        ),
    ),
    HelpLine(
        "style by number, 1 to 9",
        (KeyBinding("1", tuple("12345678"), _choose_by_number), KeyBinding("9", ("9",), _choose_by_number)),
    ),
    HelpLine(
        "strength",
        (
            KeyBinding("+", ("+", "=", "up"), lambda view, press: view.change_strength(STRENGTH_STEP)),
            KeyBinding("-", ("-", "_", "down"), lambda view, press: view.change_strength(-STRENGTH_STEP)),
        ),
    ),
    HelpLine("blend with the next style", (KeyBinding("B", ("b",), lambda view, press: view.blend_further()),)),
    HelpLine("keep the picture's own colors", (KeyBinding("C", ("c",), lambda view, press: view.toggle_keep_color()),)),
    HelpLine("original beside it", (KeyBinding("O", ("o",), lambda view, press: view.toggle_split()),)),
    HelpLine("mirror", (KeyBinding("M", ("m",), lambda view, press: view.toggle_mirror()),)),
    HelpLine("filter flicker", (KeyBinding("T", ("t",), lambda view, press: view.toggle_deflicker()),)),
    HelpLine("save this frame", (KeyBinding("S", ("s",), lambda view, press: view.save_picture(press.picture)),)),
    HelpLine("record, stop", (KeyBinding("R", ("r",), lambda view, press: view.toggle_recording(press.picture)),)),
    HelpLine("these keys", (KeyBinding("H", ("h",), lambda view, press: view.toggle_help()),)),
    HelpLine("quit", (KeyBinding("Q", ("q", "closed"), lambda view, press: view.quit()),)),
    HelpLine("", (KeyBinding("Esc", ("escape",), lambda view, press: view.close_help_or_quit()),)),
)
"""All keys, in the order of the help."""

_ACTIONS = {key: binding.action for line in KEYMAP for binding in line.bindings for key in binding.keys}


def press_key(view: LiveView, key: str, picture: RGB) -> None:
    """Does what a key is for; `picture` is the one that is shown. Other keys do nothing."""
    action = _ACTIONS.get(key)
    if action is not None:
        with view.lock:
            action(view, KeyPress(key, picture))
