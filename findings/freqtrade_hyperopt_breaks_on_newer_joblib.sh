#!/bin/sh
# One would guess: `pip install 'freqtrade[hyperopt]==2025.9'` brings what `freqtrade hyperopt` needs.
# What happens (freqtrade 2025.9 with joblib 1.6.0, which pip takes since no upper bound stands there): the module of the
# search can't be imported, as `joblib.externals` has no `cloudpickle` any more, and the command asks to install the hyperopt
# dependencies, which are there. With joblib 1.5.2 it runs.
# Why it matters: a search that is to be repeated (to import its trials, to compare with it) needs joblib pinned besides.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip --disable-pip-version-check -qq"
cat >"$folder/seen.py" <<'END'
from importlib.metadata import version

try:
    import freqtrade.optimize.hyperopt.hyperopt
    print("joblib", version("joblib"), "imported")
except ImportError as error:
    print("joblib", version("joblib"), str(error).partition(" (")[0])
END
$pip install 'freqtrade[hyperopt]==2025.9' joblib==1.6.0 2>/dev/null
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
$pip install joblib==1.5.2 2>/dev/null
seen="$seen
$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)"
echo "$seen"
[ "$seen" = "joblib 1.6.0 cannot import name 'cloudpickle' from 'joblib.externals'
joblib 1.5.2 imported" ]
