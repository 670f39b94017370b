"""Binance-compatible venue on this machine: a synthetic market, served over REST and streams.

The market is documented in ``docs/market.md``. BTC, SOL and XRP carry persistent trends of hours and of days
that a plain moving-average cross can trade after costs; every other symbol is a martingale on which nothing
beats costs.
Nothing but tests and ``__main__`` imports this package: the product meets it through sockets only.
"""
