"""Protective stops that a strategy declares; the kernel and the runner's paper broker execute them."""

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk.parameters import Float, Int, Parameter

HARD_STOP = "hard_stop"
ATR_STOPS = ("atr_stop", "chandelier_stop")
VOLATILITY_STOPS = ("volatility_stop",)
SLOPE_TIGHTENING = "slope_tightening"
TIGHTENED = (HARD_STOP, "atr_stop", "volatility_stop", "chandelier_stop")
"""Stops whose distance follows the slope of the book's equity."""


class Stops:
    """Stops and take-profit, each searched like any parameter; those that are not named don't exist.

    The tightest level is in force and its name is the exit reason. Levels move when an execution bar closes,
    from what was known then, and only toward the price; all are live in the entry bar but the parabolic one.
    ``Strategy.stop_scales`` lets the values follow the market.

    Parameters
    ----------
    hard_stop
        Distance from the entry price as a fraction of it, fixed at the entry.
    atr_stop, volatility_stop
        Distance from the entry price in average true ranges, or in standard deviations of a bar's log return
        times price; fixed at the entry, by the strategy's bars before it.
    chandelier_stop
        Distance from the best price since the entry in average true ranges of the strategy's bars.
    sar_stop
        Acceleration step of Wilder's parabolic stop on execution bars; capped at ten steps.
    time_stop
        Longest time in a position in strategy bars; it leaves at the next open.
    equity_stop
        Fall of the book's equity from its peak, as a fraction of it, by closes; it leaves at the next open,
        and the peak begins again.
    take_profit
        Distance of a limit order from the entry price as a fraction of it.
    slope_tightening
        Factor in (0, 1] on the distances of hard, ATR, volatility and Chandelier stops while the book's own
        equity falls: while its exponential average over day ends (UTC) is lower than a day before. What is
        fixed at the entry takes the factor of then, what trails the current one. 0 switches it off.
    atr_window, volatility_window
        Strategy bars in the average true range and the deviation.
    equity_slope_days
        Day ends in the average of the equity; it moves by 2 / (days + 1) of the difference.

    Raises
    ------
    StrategyError
        If a rule is unknown or of the wrong kind, or a factor or a number of days is out of its range.

    Examples
    --------
    >>> from quant_pipelines.sdk import Float, Stops, Strategy
    >>> class Idea(Strategy):
    ...     stops = Stops(
    ...         hard_stop=Float(0.05, low=0.01, high=0.2),  # 5 % below the entry of a long
    ...         atr_stop=Float(3.0, low=1.0, high=6.0),  # and three average true ranges
    ...     )
    >>> Idea(atr_stop=2.0).stop_values
    {'hard_stop': 0.05, 'atr_stop': 2.0}
    >>> Idea.stops.windows
    (14,)
    """

    def __init__(
        self,
        *,
        atr_window: int = 14,
        volatility_window: int = 48,
        equity_slope_days: int = 10,
        **rules: Parameter[float] | Parameter[int],
    ) -> None:
        self.atr_window = atr_window
        self.volatility_window = volatility_window
        if not equity_slope_days >= 1:
            raise StrategyError(f"equity_slope_days is {equity_slope_days}; expected at least 1")
        self.equity_slope_days = equity_slope_days
        self.declared: dict[str, Float | Int] = {}
        for name, declared in rules.items():
            if name not in KINDS or not isinstance(declared, KINDS[name]):
                expected = ", ".join(f"{rule}={kind.__name__}(...)" for rule, kind in KINDS.items())
                raise StrategyError(f"stop {name} is declared as {declared!r}; expected one of {expected}")
            declared.name = name
            self.declared[name] = declared
        factor = self.declared.get(SLOPE_TIGHTENING)
        if factor is not None and not 0.0 <= factor.low <= factor.high <= 1.0:
            raise StrategyError(
                f"slope_tightening is searched from {factor.low} to {factor.high}; expected bounds in [0, 1]"
            )

    @property
    def windows(self) -> tuple[int, ...]:
        """Windows of strategy bars that the declared stops look back over."""
        windows = (self.atr_window,) if self.uses(ATR_STOPS) else ()
        return (*windows, self.volatility_window) if self.uses(VOLATILITY_STOPS) else windows

    def uses(self, names: tuple[str, ...]) -> bool:
        """Whether one of these stops is declared."""
        return any(name in self.declared for name in names)


KINDS: dict[str, type[Float] | type[Int]] = {
    HARD_STOP: Float,
    "atr_stop": Float,
    "volatility_stop": Float,
    "chandelier_stop": Float,
    "sar_stop": Float,
    "time_stop": Int,
    "equity_stop": Float,
    "take_profit": Float,
    SLOPE_TIGHTENING: Float,
}
SCALABLE = tuple(name for name in KINDS if name != SLOPE_TIGHTENING)
"""Stops on whose values a strategy may give factors, in the order of the kernel's terms."""
