"""What a strategy reads beside the bars that it trades, declared once."""

from dataclasses import dataclass
from functools import cache

from quant_pipelines.core.bars import DECLARED_AS, Bars
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.timeframes import TIMEFRAMES, timeframe_ms


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a strategy reads; what it did not declare it can't read.

    Parameters
    ----------
    symbols
        Number of instruments that it trades together; 0 is any number from 2 up. Unless it is 1 the strategy
        gets a ``Panel`` and answers for every symbol of it.
    funding
        ``bars.funding_rate``: the last paid rate as its 8-hour equivalent.
    open_interest
        ``bars.open_interest``: open contracts in base units.
    index, mark
        ``bars.index_close``, ``bars.mark_close``: the newest known index and mark price.
    regime
        ``bars.turbulence``, the probability of the turbulent regime, and ``bars.trend``, from -1 (falling)
        over 0 (a range) to 1 (rising): filtered, of hours, known 30 minutes after an hour's end.
    timeframes
        Higher timeframes for ``bars.on(timeframe)``.

    Raises
    ------
    StrategyError
        If a value has another type, the number of symbols is negative, or a timeframe is unknown.

    Examples
    --------
    >>> from quant_pipelines.sdk import Inputs
    >>> inputs = Inputs(funding=True, timeframes=("4h",))
    >>> inputs.columns, inputs.takes(1), Inputs(symbols=0).takes(3)
    (('funding_rate',), True, True)
    >>> Inputs(timeframes=("4H",))
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: inputs: unknown timeframe '4H'; did you mean '4h'?
    """

    symbols: int = 1
    funding: bool = False
    open_interest: bool = False
    index: bool = False
    mark: bool = False
    regime: bool = False
    timeframes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.symbols) is not int or self.symbols < 0:
            raise StrategyError(
                f"inputs: symbols is {self.symbols!r}; expected a number of symbols, or 0 for any"
            )
        for name in DECLARED_AS.values():
            if type(getattr(self, name)) is not bool:
                raise StrategyError(f"inputs: {name} is {getattr(self, name)!r}; expected True or False")
        if type(self.timeframes) is not tuple:
            raise StrategyError(
                f'inputs: timeframes is {self.timeframes!r}; expected a tuple such as ("4h", "1d")'
            )
        for timeframe in self.timeframes:
            if timeframe not in TIMEFRAMES:
                raise StrategyError(f"inputs: {unknown_name('timeframe', str(timeframe), TIMEFRAMES)}")

    @property
    def has_panel(self) -> bool:
        """Whether the strategy trades several symbols together."""
        return self.symbols != 1

    @property
    def wanted(self) -> str:
        """How many symbols it trades, as part of a sentence."""
        if self.symbols == 0:
            return "2 symbols or more"
        return f"{self.symbols} symbol{'s' if self.symbols > 1 else ''}"

    def takes(self, n_symbols: int) -> bool:
        """Whether that many symbols can be traded together."""
        return n_symbols >= 2 if self.symbols == 0 else n_symbols == self.symbols

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the declared columns of bars, such as ``funding_rate``."""
        return tuple(column for column, name in DECLARED_AS.items() if getattr(self, name))

    @property
    def has_more(self) -> bool:
        """Whether anything is declared beside the bars themselves."""
        return _has_more(self)

    def check_timeframe(self, timeframe: str) -> None:
        """Prove that no declared timeframe is finer than that of the strategy's bars.

        Raises
        ------
        StrategyError
            Naming the finer one.
        """
        for higher in self.timeframes:
            if timeframe_ms(higher) < timeframe_ms(timeframe):
                raise StrategyError(
                    f"inputs: timeframe {higher} is finer than the bars; expected {timeframe} or coarser"
                )

    def narrowed(self, bars: Bars) -> Bars:
        """Bars with what is declared and nothing else.

        Raises
        ------
        StrategyError
            If something declared is not attached, or a timeframe is finer than the bars.
        """
        if not self.has_more and not bars.extras and not bars.higher:
            return bars
        self.check_timeframe(bars.timeframe)
        missing = [name for name in self.columns if name not in bars.extras]
        missing += [timeframe for timeframe in self.timeframes if timeframe not in bars.higher]
        if missing:
            raise StrategyError(
                f"inputs {', '.join(missing)} are declared and the bars do not carry them; "
                "expected bars of attach_inputs"
            )
        return bars.only(self.columns, self.timeframes)


@cache
def _has_more(inputs: Inputs) -> bool:
    return bool(inputs.columns or inputs.timeframes)
