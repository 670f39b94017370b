#!/bin/sh
# One would guess: deleting an old run of Dagster, which is the documented way to keep its database small (there is no
# retention for runs), removes that run's log. What the run materialized stays known: the data are still there.
# What happens (dagster 1.13.27): the materializations are deleted with the run. The partitions that it alone had made
# count as missing from then on, while the asset's own record still tells of a last materialization, that of a run which
# is not there any more.
# Why it matters: a weekly clean-up of runs turns years of backfilled days into missing ones. A person, a sensor or an
# automation condition that asks for what is missing loads them all again. Only runs whose partitions a later run has
# made again may go.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install dagster==1.13.27 2>/dev/null
cat >"$folder/seen.py" <<'END'
import tempfile

import dagster as dg

KEY = dg.AssetKey("bars")


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def bars():
    return None


def told(instance):
    (record,) = instance.get_asset_records([KEY])
    partitions = ", ".join(sorted(instance.get_materialized_partitions(KEY))) or "none"
    return f"{partitions}; last materialization known: {record.asset_entry.last_materialization is not None}"


with tempfile.TemporaryDirectory() as place, dg.DagsterInstance.local_temp(place) as instance:
    days = ("2026-01-01", "2026-01-02")
    runs = [dg.materialize([bars], partition_key=day, instance=instance).run_id for day in days]
    print("before:", told(instance))
    for run in runs:
        instance.delete_run(run)
        print("one run deleted:", told(instance))
END
found=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
expected="before: 2026-01-01, 2026-01-02; last materialization known: True
one run deleted: 2026-01-02; last materialization known: True
one run deleted: none; last materialization known: True"
echo "$found"
[ "$found" = "$expected" ]
