"""Protective stops that a strategy declares; the kernel and the runner's paper broker execute them."""

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk.parameters import Float, Int, Parameter

HARD_STOP = "hard_stop"
ATR_STOPS = ("atr_stop", "chandelier_stop")
VOLATILITY_STOPS = ("volatility_stop",)


class Stops:
    """Stops and take-profit, each searched like any parameter; those that are not named don't exist.

    The tightest level is in force and its name is the exit reason. Levels move when an execution bar closes,
    from what was known then; all are live in the entry bar but the parabolic one.

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
        and the peak begins anew.
    take_profit
        Distance of a limit order from the entry price as a fraction of it.
    atr_window, volatility_window
        Strategy bars behind the average true range and the deviation.
    """

    def __init__(
        self, *, atr_window: int = 14, volatility_window: int = 48, **rules: Parameter[float] | Parameter[int]
    ) -> None:
        self.atr_window = atr_window
        self.volatility_window = volatility_window
        self.declared: dict[str, Float | Int] = {}
        for name, declared in rules.items():
            if name not in KINDS or not isinstance(declared, KINDS[name]):
                expected = ", ".join(f"{rule}={kind.__name__}(...)" for rule, kind in KINDS.items())
                raise StrategyError(f"stop {name} is declared as {declared!r}; expected one of {expected}")
            declared.name = name
            self.declared[name] = declared

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
}
