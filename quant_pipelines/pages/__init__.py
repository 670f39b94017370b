"""Pages of verdicts: gathered from stored rows, written as files, shown on 127.0.0.1; reports render them."""
