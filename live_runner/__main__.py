"""Entry of the live runner: ``python -P -m live_runner``."""

import argparse
import gc
import sys
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="live_runner", description="the process that trades")
    parser.add_argument("--pulse", type=Path, help="file that this process writes every second")
    asked = parser.parse_args()
    gc.disable()  # until all is imported, of which nothing is garbage: a tenth of the time to the first stop
    from live_runner.process.root import main
    from quant_pipelines.core.clock import system_clock_ms

    sys.exit(main(asked.pulse, system_clock_ms))
