"""Where pages are: their names, their folder, and the address under which a browser finds them."""

from dataclasses import dataclass
from pathlib import Path

from quant_pipelines.stack.home import Home
from quant_pipelines.stack.ports import read_ports

HOST = "127.0.0.1"
INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Folder of pages, and the address under which a browser finds it; empty where nothing shows it."""

    folder: Path
    url: str = ""

    def link(self, name: str) -> str:
        """Address of a page."""
        return f"{self.url}/{name}" if self.url else (self.folder / name).as_uri()


def page_name(verdict_id: int) -> str:
    """File name of a verdict's page."""
    return f"verdict-{verdict_id}.html"


def page_place(home: Home) -> PagePlace:
    """Folder of a home's pages, and their address if its stack has one."""
    ports = read_ports(home.ports_file)
    return PagePlace(home.reports, f"http://{HOST}:{ports.pages}" if ports and ports.pages else "")
