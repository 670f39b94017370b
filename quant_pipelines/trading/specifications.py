"""What an instrument allowed and cost at which time: lots, smallest order, fees, brackets as of a date."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.instruments import DatedInstrument, Instrument
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.rules import Specification, TradingRules


@dataclass(frozen=True, slots=True)
class DatedSpecification:
    """What is in force from a moment on.

    Parameters
    ----------
    from_ms
        First open time of a bar for which it holds, milliseconds UTC.
    specification
        Lot size and smallest order.
    fee_bps, maker_fee_bps
        In basis points of notional; None leaves the fee of the rules.
    brackets
        Maintenance margin; None leaves that of the rules.
    """

    from_ms: int
    specification: Specification
    fee_bps: float | None = None
    maker_fee_bps: float | None = None
    brackets: tuple[Bracket, ...] | None = None

    def applied(self, rules: TradingRules) -> TradingRules:
        """Rules with what is in force here in the place of their own."""
        fees = {"fee_bps": self.fee_bps, "maker_fee_bps": self.maker_fee_bps}
        known = {name: value for name, value in fees.items() if value is not None}
        execution = rules.execution
        if self.brackets is not None:
            execution = replace(execution, brackets=self.brackets)
        return replace(
            rules,
            specification=self.specification,
            costs=replace(rules.costs, **known),
            execution=execution,
        )


@dataclass(frozen=True, slots=True)
class SpecificationHistory:
    """Specifications of one instrument, oldest first; what was before the first one counts as the first.

    Parameters
    ----------
    dated
        Without any, the rules' own are in force for good.

    Raises
    ------
    ConfigurationError
        If their times do not increase.
    """

    dated: tuple[DatedSpecification, ...] = ()

    def __post_init__(self) -> None:
        times = [one.from_ms for one in self.dated]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ConfigurationError(f"from_ms of specifications are {times}; expected increasing ones")

    @classmethod
    def of_instruments(cls, stored: Sequence[DatedInstrument]) -> "SpecificationHistory":
        """Take what was stored, oldest first.

        Fees in force now are those of the rules, which may be of a better tier than the published ones; an
        earlier one counts where it was published differently.
        """
        return cls(tuple(_dated(one, stored[-1].instrument) for one in stored))

    def span_at(self, ts_ms: int) -> int:
        """Position of the specification in force for a bar that opens then."""
        if len(self.dated) <= 1:
            return 0
        return max(bisect_right([one.from_ms for one in self.dated], ts_ms) - 1, 0)

    def all_rules(self, rules: TradingRules) -> tuple[TradingRules, ...]:
        """Rules under each of the specifications; the given ones where there is none."""
        return tuple(one.applied(rules) for one in self.dated) or (rules,)

    def rules_at(self, rules: TradingRules, ts_ms: int) -> TradingRules:
        """Rules in force for a bar that opens then."""
        return self.dated[self.span_at(ts_ms)].applied(rules) if self.dated else rules


def _dated(dated: DatedInstrument, newest: Instrument) -> DatedSpecification:
    one = dated.instrument
    fees = ((one.taker_fee, newest.taker_fee), (one.maker_fee, newest.maker_fee))
    fee_bps, maker_fee_bps = (None if then == now else float(then) * 1e4 for then, now in fees)
    return DatedSpecification(dated.from_ms, Specification.of(one), fee_bps, maker_fee_bps)


ALWAYS_THE_SAME = SpecificationHistory()
