"""Runner and collector talk to the venue over TLS; a certificate that is not its own is refused.

    python -m tests.processes.tls --rounds 5

The authority is made on the fly. Each round kills the runner and trades on. Then runners meet an expired
certificate, one of another address, and one of an unknown authority: they say so, and trade nothing.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.runner.world import rows
from tests.processes.authority import Authority, Served
from tests.processes.outcome import Round, finish, told
from tests.processes.stage import staged
from tests.processes.waiting import trade_until, wait_until

_COLLECTED = (
    "select count(*) from ops.heartbeats where service = 'collector' "
    "and (detail->'data_age_seconds'->>'BTC/USDT:USDT') is not null"
)
_OUTAGES = "select message from ops.alerts where source = 'outage:venue'"
_WORD = "certificate"


def trade(folder: Path, authority: Authority, n_rounds: int) -> dict[str, object]:
    """Trade over TLS, and be killed so many times; what the last line tells."""
    with staged(folder, tls=authority.sign()) as stage:
        stage.more = {"QUANT_EXCHANGE__CA_FILE": str(authority.file)}
        rounds, collector = list[Round](), stage.start("collector")
        runner = stage.start()
        trade_until(stage, stage.is_holding)
        for _ in range(n_rounds):
            n_lives, n_fills = stage.n_lives(), stage.n_fills()
            stage.end(runner)
            begun, runner = time.monotonic(), stage.start()
            wait_until(lambda n_lives=n_lives: stage.n_lives() > n_lives and stage.agreement.holds())  # type: ignore[misc]
            rounds.append(Round("killed, over TLS", 0.0, time.monotonic() - begun))
            rounds[-1].say()
            trade_until(stage, lambda n_fills=n_fills: stage.n_fills() > n_fills and stage.is_holding())  # type: ignore[misc]
        wait_until(lambda: rows(stage.engine, _COLLECTED) == [(1,)])
        assert collector.ended() is None
        return told(stage, rounds)


def refused(folder: Path, served: Served, authority: Authority, fault: str) -> list[str]:
    """Let a runner meet a certificate that it must not trust; what it did wrong."""
    with staged(folder, tls=served) as stage:
        stage.more = {"QUANT_EXCHANGE__CA_FILE": str(authority.file)}
        runner = stage.start()
        wait_until(lambda: rows(stage.engine, _OUTAGES))
        stage.skip_minute()
        time.sleep(3.0)
        sentences = [message for (message,) in rows(stage.engine, _OUTAGES)]
        sys.stdout.write(f"{fault}: {sentences[0]}\n")
        found = [] if _WORD in sentences[0] else [f"{fault}: {sentences[0]!r} names no certificate"]
        if stage.n_orders():
            found.append(f"{fault}: {stage.n_orders()} orders were sent")
        if runner.ended() is not None:
            found.append(f"{fault}: the runner ended with {runner.ended()}")
        return found


def refusals(folder: Path, authority: Authority) -> list[str]:
    """All certificates that must be refused."""
    stranger = Authority(folder / "stranger")
    cases = {
        "expired": authority.sign(days=-2),
        "of another address": authority.sign("127.0.0.9"),
        "of an unknown authority": stranger.sign(),
    }
    return [
        one
        for number, (fault, served) in enumerate(cases.items())
        for one in refused(folder / f"refused{number}", served, authority, fault)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder / "authority")
        document = trade(folder / "trades", authority, chosen.rounds)
        document["violations"] = [*document["violations"], *refusals(folder, authority)]  # type: ignore[misc]
    finish(document)


if __name__ == "__main__":
    main()
