"""Which backups stay: the newest of the last days and weeks that have one, and never all but none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.operations.kept_backups import KeptBackup, backup_name, kept_backups, superseded

MOMENTS = st.lists(
    st.integers(0, 730 * 24).map(lambda hour: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour)),
    unique=True,
    max_size=60,
)


def of(moments: list[datetime]) -> list[KeptBackup]:
    return [KeptBackup(at, Path(backup_name(at))) for at in moments]


@given(MOMENTS, st.integers(1, 30), st.integers(0, 30))
def test_what_stays_is_the_newest_of_each_of_the_last_days_and_weeks(
    moments: list[datetime], days: int, weeks: int
) -> None:
    backups = of(moments)
    gone = superseded(backups, days, weeks)
    stay = {one.at for one in backups} - {one.at for one in gone}
    by_day = {at.date(): max(other for other in moments if other.date() == at.date()) for at in moments}
    by_week = {
        at.isocalendar()[:2]: max(
            other for other in moments if other.isocalendar()[:2] == at.isocalendar()[:2]
        )
        for at in moments
    }
    expected = {by_day[day] for day in sorted(by_day, reverse=True)[:days]}
    expected |= {by_week[week] for week in sorted(by_week, reverse=True)[:weeks]}
    assert stay == expected


@given(MOMENTS, st.integers(1, 30), st.integers(0, 30))
def test_thinning_out_again_removes_nothing_more(moments: list[datetime], days: int, weeks: int) -> None:
    backups = of(moments)
    gone = set(superseded(backups, days, weeks))
    assert superseded([one for one in backups if one not in gone], days, weeks) == []


def test_only_files_by_its_names_are_the_stacks_own(tmp_path: Path) -> None:
    at = datetime(2026, 3, 4, 5, 15, tzinfo=UTC)
    names = [backup_name(at), backup_name(at + timedelta(days=1))]
    others = [
        "before-update.quant",
        "backup-yesterday.quant",
        f".{names[0]}.partial",
        "backup-20260304T051500Z.zip",
    ]
    for name in [*names, *others]:
        (tmp_path / name).touch()
    assert [one.file.name for one in kept_backups(tmp_path)] == names[::-1]
    assert kept_backups(tmp_path / "nowhere") == []
