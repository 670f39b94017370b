"""Strategies of tests run where the test runs: no process to start, and virtual time stays virtual."""

from quant_pipelines.sdk import Strategy, compile_strategy


def in_process(name: str, source: str) -> type[Strategy]:
    return compile_strategy(name, source).strategy_class
