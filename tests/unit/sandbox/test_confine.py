"""Compiled code in a process that has given up writing: read where it is kept, else made and forgotten."""

import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.core.jit import cache_home, first_class
from quant_pipelines.sandbox.start import environment

CONFINED = """
import sys
from pathlib import Path
import numpy as np
from quant_pipelines.core.jit import first_class
from quant_pipelines.sandbox.confine import confine

confine(4096)
doubled = first_class(sys.argv[1], sys.argv[2], space={}, arguments=(1,))["doubled"].call
values = np.array([21.0])
doubled(values)
print(values[0], sum(doubled.stats.cache_hits.values()))
"""


@pytest.mark.parametrize("is_kept", [True, False])
def test_confined_process_has_the_handlers_of_a_text_that_is_kept_and_of_one_that_is_not(
    is_kept: bool,
) -> None:
    key = f"test_{uuid.uuid4().hex}"
    text = f"def doubled(values):\n    values[0] *= 2.0\n# {key}\n"
    try:
        if is_kept:
            values = np.array([2.0])
            first_class(text, key, space={}, arguments=(1,))["doubled"].call(values)
            assert values[0] == 4.0
        command = [sys.executable, "-P", "-c", CONFINED, text, key]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
        assert (done.stdout.split(), done.stderr) == (["42.0", "1" if is_kept else "0"], "")
    finally:
        for kept in Path(cache_home(), "quant-pipelines", "kernels").rglob(f"{key}*"):
            kept.unlink()
