"""Group ``selection``: how useful the hot score has been, and the weights that follow from it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.rendering import plot, table
from assets.resources import Platform
from assets.selection import HOT_SCORES
from quant_pipelines.hotlist.usefulness import HORIZONS_HOURS, Usefulness
from quant_pipelines.marketdata.scan import weights_of
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.hot_usefulness import SCORE

if TYPE_CHECKING:
    from quant_pipelines.hotlist.weights import Move

HOT_USEFULNESS, HOT_WEIGHTS = dg.AssetKey("hot_usefulness"), dg.AssetKey("hot_weights")
_SELECTION: dict[str, Any] = {
    "group_name": "selection",
    "owners": ["team:quant"],
    "kinds": {"python", "postgres"},
}
_CHECK = dg.AssetCheckSpec(
    "no_worse_than_shuffled",
    asset=HOT_USEFULNESS,
    description="Fails where the score ranked returns backwards beyond chance; too few hours fail nothing",
)
_SPECS = [
    dg.AssetSpec(
        HOT_USEFULNESS,
        deps=[HOT_SCORES],
        description="Measure how the stored hot scores went with what came after them: the information "
        "coefficient (rank correlation across symbols) and its decay by horizon, beside shuffled rankings."
        "\n\nA return begins at the first full hour after its scan. The interval rests on stretches of time "
        "that hardly share a return; with fewer than ten nothing is claimed. Against the size of returns "
        "a useful score finds what moves, not where it goes.",
        **_SELECTION,
    ),
    dg.AssetSpec(
        HOT_WEIGHTS,
        deps=[HOT_USEFULNESS],
        description="Move the weights of the score by the measured usefulness of each factor, a step a day, "
        "within bounds around what people set; each move has an audit row.",
        **_SELECTION,
    ),
]


@dg.multi_asset(specs=_SPECS, check_specs=[_CHECK], name="hot_coin_evidence")
def hot_coin_usefulness(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult]:
    """Measure, then move the weights."""
    from quant_pipelines.marketdata.hot_usefulness import measure_usefulness  # noqa: PLC0415 - scipy
    from quant_pipelines.operations.hot_weights import move_weights  # noqa: PLC0415 - scipy

    engine, exchange, settings = platform.engine, platform.exchange, platform.settings.hotlist
    seed = platform.settings.optimization.seed
    seen = measure_usefulness(engine, exchange, settings, now_ms=platform.clock(), seed=seed)
    decisive = next(one for one in seen if _is_decisive(one, settings.usefulness_horizon))
    passed = dg.AssetCheckResult(
        passed=decisive.claim != "misleading",
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=HOT_USEFULNESS,
        check_name=_CHECK.name,
        description=decisive.sentence,
    )
    shown = usefulness_metadata(seen) | {"told": decisive.sentence}
    yield dg.MaterializeResult(asset_key=HOT_USEFULNESS, metadata=shown, check_results=[passed])
    moves = move_weights(engine, exchange, settings, seen, platform.clock)
    for move in moves:
        context.log.info("%s: %.4g to %.4g: %s", *move)
    with transaction(engine) as connection:
        weights = weights_of(connection, exchange, settings)
    yield dg.MaterializeResult(asset_key=HOT_WEIGHTS, metadata=_weights(list(weights.values()), moves))


def usefulness_metadata(seen: list[Usefulness]) -> dict[str, Any]:
    """Tables and a plot of what was measured: the score by horizon, each factor at the decisive one."""
    score = [one for one in seen if one.ranking == SCORE]
    told = {(one.target, one.horizon_hours): one for one in score if one.claim != "too_few"}
    lines: dict[str, list[float]] = {}
    for target in ("return", "size"):
        known = [told[target, hours] for hours in HORIZONS_HOURS if (target, hours) in told]
        lines[target] = [one.coefficient for one in known]
        lines[f"{target}, shuffled up to"] = [one.shuffled.high for one in known if one.shuffled]
    return {
        "score": table(_row(one) for one in score),
        "factors": table(_row(one) for one in seen if one.ranking != SCORE),
        "decay": plot(lines, "information coefficient by horizon (1, 4, 12, 24, 72, 168 hours)"),
        "hours": max((one.hours for one in seen), default=0),
    }


def _row(one: Usefulness) -> dict[str, Any]:
    names = ("ranking", "target", "horizon_hours", "hours", "blocks", "coefficient", "low", "high")
    row = {name: getattr(one, name) for name in names}
    told = one.shuffled
    if one.ranking == SCORE:
        row |= {"shuffled_low": told and told.low, "shuffled_high": told and told.high}
        row |= {"p_value": told and told.p_value}
    return {name: _known(value) for name, value in row.items()} | {"claim": one.claim}


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _is_decisive(one: Usefulness, horizon: str) -> bool:
    return one.ranking == SCORE and one.target == "return" and f"{one.horizon_hours}h" == horizon


def _weights(weights: list[Any], moves: "list[Move]") -> dict[str, Any]:
    return {
        "run_moved": len(moves),
        "weights": table(one._asdict() for one in weights),
        "moves": table(one._asdict() for one in moves),
    }
