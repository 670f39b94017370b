"""Process that shows the pages of a folder: ``python -P -m quant_pipelines.pages --folder F --port N``."""

import argparse
from pathlib import Path

from quant_pipelines.pages.server import PageServer


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Show the pages of a folder on 127.0.0.1.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    with PageServer(given.folder, given.port) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
