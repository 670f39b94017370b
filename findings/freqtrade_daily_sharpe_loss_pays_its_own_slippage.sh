#!/bin/sh
# One would guess: the loss that freqtrade writes beside an epoch (`SharpeHyperOptLossDaily`) is minus the Sharpe ratio of the
# daily profits that stand in the same line of its `.fthypt`.
# What happens (freqtrade 2025.9): it takes 0.0005 from every trade's profit before it sums the days, on top of the fees that
# the backtest paid, and writes that nowhere. A set that earns a little on many trades has a positive Sharpe ratio by the
# profits of the file and a negative one by the loss beside them.
# Why it matters: whoever judges such a file by its daily profits judges other returns than the search ranked; the epoch that
# the search calls its best need not be the best of them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# joblib 1.6.0 has no cloudpickle for it any more, see freqtrade_hyperopt_breaks_on_newer_joblib.sh
"$folder/venv/bin/pip" --disable-pip-version-check -qq install 'freqtrade[hyperopt]==2025.9' joblib==1.5.2 2>/dev/null
cat >"$folder/seen.py" <<'END'
import numpy as np
import pandas as pd
from freqtrade.optimize.hyperopt_loss.hyperopt_loss_sharpe_daily import SharpeHyperOptLossDaily

closes = pd.date_range("2024-01-01", periods=1000, freq="1h", tz="UTC")
ratios = np.where(np.arange(1000) % 2, 0.0023, -0.0017)  # +0.0003 a trade after fees
ratios = ratios + np.random.default_rng(1).normal(0.0, 0.001, 1000).round(6)
trades = pd.DataFrame({"close_date": closes, "profit_ratio": ratios})
days = trades.resample("1D", on="close_date")["profit_ratio"].sum()
loss = SharpeHyperOptLossDaily.hyperopt_loss_function(trades.copy(), 1000, closes[0], closes[-1])
print("by the profits:", "positive" if days.mean() / days.std() > 0 else "negative")
print("by the loss:", "positive" if -loss > 0 else "negative")
trades["profit_ratio"] += 0.0005
again = SharpeHyperOptLossDaily.hyperopt_loss_function(trades, 1000, closes[0], closes[-1])
print("with 0.0005 a trade more, the loss is that of the profits:", bool(np.isclose(-again, days.mean() / days.std() * 365**0.5)))
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "by the profits: positive
by the loss: negative
with 0.0005 a trade more, the loss is that of the profits: True" ]
