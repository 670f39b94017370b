#!/bin/sh
# One would guess: one unknown value in a series leaves an indicator unknown for a while, or for ever, as TA-Lib's moving
# averages do, so that whoever looks at the values sees that something is missing.
# What happens (TA-Lib 0.8.2): after one NaN inside, RSI and CMO are exactly 0.0 on every later bar and ADX stays finite and
# wrong, while SMA and EMA are NaN. And `set_unstable_period` is a variable of the process: a thread that sets it changes
# what another one computes.
# Why it matters: 0 is the strongest sign that an oscillator can give. A strategy that buys below 30 buys for ever after a
# single missing value, and no check for NaN sees it. Split the series at its gaps and begin anew after each.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install TA-Lib==0.8.2 2>/dev/null
cat >"$folder/seen.py" <<'END'
import threading

import numpy as np
import talib

close = 100.0 + np.cumsum(np.random.default_rng(1).normal(0.0, 1.0, 400))
gap = close.copy()
gap[100] = np.nan
later = slice(150, None)
print("averages stay unknown:", all(np.isnan(f(gap, 14)[later]).all() for f in (talib.SMA, talib.EMA)))
print("RSI and CMO are exactly 0:", all((f(gap, 14)[later] == 0.0).all() for f in (talib.RSI, talib.CMO)))
adx, right = (talib.ADX(c + 1.0, c - 1.0, c, 14)[later] for c in (gap, close))
print("ADX is finite and wrong:", bool(np.isfinite(adx).all() and not np.allclose(adx, right)))

before = talib.RSI(close, 14)
other = threading.Thread(target=talib.set_unstable_period, args=("RSI", 50))
other.start()
other.join()
print("another thread moved the first RSI from bar 14 to bar 64:", np.isnan(talib.RSI(close, 14)[14:64]).all())
END
seen=$("$folder/venv/bin/python" "$folder/seen.py")
echo "$seen"
[ "$(echo "$seen" | grep -c ': True$')" = 4 ]
