"""What a long run writes down: a row for each commit, and nothing of others' lost."""

from pathlib import Path

from tests.faults.soak import PAGE, write_page

CHUNK = {"commit": "aaaa", "first": 1, "seeds": 50, "events": 1500, "violations": 0}


def test_a_page_has_a_row_for_each_commit_and_keeps_those_of_others(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(PAGE.read_text())
    write_page(page, [CHUNK, {**CHUNK, "commit": "bbbb"}])
    write_page(page, [{**CHUNK, "commit": "bbbb"}, {**CHUNK, "commit": "bbbb", "first": 51}])
    rows = [line for line in page.read_text().splitlines() if line.startswith(("| aaaa", "| bbbb"))]
    assert rows == ["| bbbb | 100 | 1-100 | 3,000 | 0 |", "| aaaa | 50 | 1-50 | 1,500 | 0 |"]


def test_the_page_of_this_repository_has_a_table() -> None:
    assert "| commit | worlds |" in PAGE.read_text()
