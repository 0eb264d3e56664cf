"""The help of commands that take Hydra settings."""

from __future__ import annotations

TRAIN_HELP = """\
fast-style train [NAME=VALUE …]: one style in, one model out.

fast-style train                                                 a style of our own, in minutes
fast-style train style.image=painting.jpg data.dir=photos/
fast-style train -m style.image=a.jpg,b.jpg data.dir=photos/     one model for each
fast-style train … resume=runs/painting                          goes on after an interruption
fast-style train experiment=release --help                       what a recipe sets

It is a Hydra application; `--hydra-help` shows Hydra's own flags. Ready-made groups of settings:
"""


DISTILL_HELP = """\
fast-style distill [NAME=VALUE …]: an encoder of your own, learnt from a VGG.

fast-style distill photos=photos/ 'styles=[data/styles,paintings/]' output=own.safetensors
fast-style distill … resume=runs/distill                         goes on after an interruption
"""
