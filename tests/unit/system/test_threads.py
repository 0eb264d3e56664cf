"""The bound on how long threads spin, which has to be there before torch is imported."""

import os
import subprocess
import sys

import pytest

from fast_style.system.threads import CHOICES, SPIN_COUNT, bound_spinning


@pytest.mark.parametrize("name", CHOICES)
def test_a_user_s_choice_is_left_alone(name):
    environment = {name: "7"}
    bound_spinning(environment)
    assert environment == {name: "7"}


def test_the_package_bounds_spinning_and_imports_no_torch():
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    program = "import os, sys, fast_style; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(SPIN_COUNT), "False"]
