"""Words in messages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Returns a number with what it counts: `1 picture`, `2 pictures`; the noun takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def none_of(number: int, noun: str, verb: str, rest: str, *, whole: str = "the") -> str:
    """Returns that something holds for none of several: `none of the 2 photos can be read`, `the only photo is not …`.

    Args:
        number: How many there are.
        noun: What they are; it takes an s.
        verb: `can` or `is`.
        rest: What follows the verb.
        whole: The word before the number: `the` or `its`.
    """
    if number == 1:
        return f"{whole} only {noun} {'cannot' if verb == 'can' else f'{verb} not'} {rest}"
    return f"none of {whole} {number} {noun}s {verb} {rest}"
