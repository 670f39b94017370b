#!/bin/sh
# One would guess: cma searches a box of one dimension as it does one of two (it takes one dimension without a word), and a
# generation in which all sets are worth the same tells it nothing: at worst it stops, as it does in two dimensions.
# What happens (cma 4.5.0): with bounds and one dimension the first `tell` of equal values raises a ValueError, "not yet
# initialized (dimension needed)", since a flat generation widens sigma and what limits sigma to the box knows no dimension
# there. In two dimensions the same generation ends the search (tolfun) after one tell.
# Why it matters: a strategy with one free parameter and a window in which no set trades is an ordinary search. It ends in
# an error that names neither the values nor the box. The option maxstd_boundrange: inf leaves sigma alone and mends it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install cma==4.5.0 2>/dev/null
cat >"$folder/seen.py" <<'END'
import math
import warnings

warnings.simplefilter("ignore")
import cma


def told(dimensions: int, **more: float) -> str:
    """What a generation of equal values does to a search of a unit box."""
    box = {"bounds": [[0.0] * dimensions, [1.0] * dimensions], "seed": 7, "verbose": -9}
    search = cma.CMAEvolutionStrategy([0.5] * dimensions, 0.3, box | more)
    sets = search.ask()
    try:
        search.tell(sets, [1.0] * len(sets))
    except ValueError as error:
        return f"ValueError: {error}"
    return f"stops by {', '.join(search.stop()) or 'nothing'}"


print("two dimensions:", told(2))
print("one dimension:", told(1))
print("one dimension, sigma unlimited:", told(1, maxstd_boundrange=math.inf))
END
cat >"$folder/expected" <<'END'
two dimensions: stops by tolfun
one dimension: ValueError: not yet initialized (dimension needed)
one dimension, sigma unlimited: stops by tolfun
END
"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/expected" "$folder/seen"
