from __future__ import annotations

import pytest

from fast_style.system.wording import counted, none_of


@pytest.mark.parametrize(("number", "text"), [(0, "0 pictures"), (1, "1 picture"), (2, "2 pictures")])
def test_a_number_goes_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "picture") == text


def test_none_of_one_is_the_only_one() -> None:
    assert none_of(2, "photo", "can", "be read") == "none of the 2 photos can be read"
    assert none_of(1, "photo", "can", "be read") == "the only photo cannot be read"
    assert none_of(1, "image", "is", "readable", whole="its") == "its only image is not readable"
