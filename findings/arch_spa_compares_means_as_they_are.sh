#!/bin/sh
# One would guess: `SPA` and `StepM` of arch, told to studentize (the default), ask each model's mean in units of its own
# scatter; the same returns with three times the leverage are then as good as before.
# What happens (arch 8.0.0): the scatter only decides which models are hopeless. The maximum is that of means as they are, so
# that the model with the widest returns sets the critical value alone: beside a wild one without an edge, a calm and
# plainly superior model is found no more; divided by its own deviation, it is.
# Why it matters: whoever lets strategies of different volatility be compared by it loses the calm ones. Divide each by its
# deviation first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install arch==8.0.0 2>/dev/null
cat >"$folder/seen.py" <<'END'
import numpy as np
from arch.bootstrap import StepM

days = np.random.default_rng(1).standard_normal((500, 2))
days -= days.mean(axis=0)
days[:, 0] += 0.4  # nine standard errors
days[:, 1] *= 20.0
for name, returns in (("as they are", days), ("divided", days / days.std(axis=0))):
    test = StepM(np.zeros(500), -returns, size=0.05, block_size=2, reps=999, bootstrap="circular", studentize=True, seed=1)
    test.compute()
    print(name, "superior:", test.superior_models)
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "as they are superior: []
divided superior: [0]" ]
