"""``quant audit``: prove that the audit log is whole, or write it down."""

import argparse
import sys

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer, print_document


def run(arguments: argparse.Namespace) -> int:
    """Verify: exit code 1 names the first row that does not fit. Export: one JSON document a row."""
    return _verify(arguments) if arguments.action == "verify" else _export(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    from quant_pipelines.store.audit import verify
    from quant_pipelines.store.engine import transaction

    with opened(arguments) as (engine, _), transaction(engine) as connection:
        report = verify(connection)
    is_whole = report.broken_id is None
    if arguments.json:
        print_document(
            {
                "whole": is_whole,
                "rows": report.rows,
                "broken_id": report.broken_id,
                "reason": report.reason,
            }
        )
    elif is_whole:
        print(f"{report.rows} rows, each fits the one before")
    if not is_whole:
        print(f"quant: audit row {report.broken_id} was tampered with: {report.reason}", file=sys.stderr)
    return 0 if is_whole else 1


def _export(arguments: argparse.Namespace) -> int:
    import json

    from quant_pipelines.cli.output import to_json
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.store.audit import read_all
    from quant_pipelines.store.engine import transaction

    with opened(arguments) as (engine, _), transaction(engine) as connection:
        rows = [to_json(row) for row in read_all(connection)]
    if arguments.json and arguments.file is None:
        print_document({"rows": rows})
        return 0
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    if arguments.file is None:
        print(text, end="")
        return 0
    try:
        arguments.file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{str(arguments.file)!r} can't be written: {error.strerror}") from error
    print_answer(
        arguments,
        {"rows": len(rows), "file": arguments.file},
        f"{len(rows)} rows written to {arguments.file}",
    )
    return 0
