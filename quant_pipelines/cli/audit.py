"""``quant audit``: prove that the audit log is whole, write it down, or accept that of a restored backup."""

import argparse
import os
import sys

from quant_pipelines.cli.operator import claimant_of, home_of, opened, print_receipt
from quant_pipelines.cli.output import print_answer, print_document


def run(arguments: argparse.Namespace) -> int:
    """Verify: exit code 1 says what does not fit. Export: one JSON document a row. Accept: with a receipt."""
    action = {"verify": _verify, "export": _export, "accept": _accept}[arguments.action]
    return action(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.audit_anchors import keep_anchor, prove
    from quant_pipelines.stack.home import open_home

    file = open_home(home_of(arguments)).audit_anchors
    with opened(arguments) as (engine, _):
        proof = prove(engine, file)
        if proof.is_whole:
            keep_anchor(engine, file, system_clock_ms)
    report = proof.report
    if arguments.json:
        print_document(
            {
                "whole": proof.is_whole,
                "rows": report.rows,
                "broken_id": report.broken_id,
                "reason": report.reason or proof.explanation,
                "anchors": len(proof.anchors),
            }
        )
    elif proof.is_whole:
        print(f"{report.rows} rows, each fits the one before, and {len(proof.anchors)} anchors in {file}")
    if report.broken_id is not None:
        print(f"quant: audit row {report.broken_id} was tampered with: {report.reason}", file=sys.stderr)
    elif proof.explanation:
        print(f"quant: {proof.explanation}", file=sys.stderr)
    return 0 if proof.is_whole else 1


def _accept(arguments: argparse.Namespace) -> int:
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.core.secret_variables import MASTER_VARIABLES
    from quant_pipelines.operations.audit_anchors import accept_log
    from quant_pipelines.operations.key_store import KeyStore
    from quant_pipelines.operations.people import identify
    from quant_pipelines.stack.home import open_home

    home = open_home(home_of(arguments))
    with opened(arguments, MASTER_VARIABLES) as (engine, _):
        store = KeyStore(engine, home.folder, os.environ)
        signature = identify(store, claimant_of(arguments, engine, "admin"))
        receipt = accept_log(engine, signature, home.audit_anchors, system_clock_ms)
    print_receipt(arguments, receipt)
    return 0


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
