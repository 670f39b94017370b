"""Strategy: a frozen set of parameters and the target that they make of bars."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.jit import kernel
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.inputs import Inputs
from quant_pipelines.sdk.parameters import Bounded, Choice, Declared, Int
from quant_pipelines.sdk.stops import HARD_STOP, Stops
from quant_pipelines.sdk.turns import Turns, expanded, is_in_order


class Strategy:
    """Base of every strategy; instances are frozen, compared by class and values.

    Declare parameters as class attributes (``fast = Int(12, low=5, high=60)``), write ``target``.

    Parameters
    ----------
    **values
        Parameters by name; the declared defaults stand for the others. ``hard_stop`` is one of them when
        the class declares ``stops = Stops(hard_stop=Float(...))``.

    Raises
    ------
    StrategyError
        If a name is unknown, a value is out of its bounds, or ``is_valid`` refuses the combination.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars, Int, Strategy
    >>> class Trend(Strategy):
    ...     window = Int(1, low=1, high=50)
    ...     def target(self, bars):
    ...         target = np.full(len(bars), np.nan)  # no opinion before there is a past
    ...         target[self.window :] = np.sign(bars.close[self.window :] - bars.close[: -self.window])
    ...         return target
    >>> Trend().target(Bars.of_closes([100, 103, 101]))
    array([nan,  1., -1.])
    >>> Trend(window=20), Trend(window=20) == Trend(), Trend(window=20).history_bars
    (Trend(window=20), False, 100)
    """

    inputs: ClassVar[Inputs] = Inputs()
    stops: ClassVar[Stops] = Stops()
    _space: ClassVar[dict[str, Declared]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        space = {
            name: declared
            for owner in reversed(cls.__mro__)
            for name, declared in vars(owner).items()
            if isinstance(declared, Bounded | Choice)
        }
        cls._space = {**space, **cls.stops.declared}

    def __init__(self, **values: Any) -> None:
        owner, space, own = type(self).__name__, self._space, self.__dict__
        if not values.keys() <= space.keys():
            name = next(name for name in values if name not in space)
            raise StrategyError(f"{owner}: {unknown_name('parameter', name, space)}")
        for name, declared in space.items():
            own[name] = declared.checked(values.get(name, declared.default), owner=owner)
        if not self.is_valid():
            shown = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
            raise StrategyError(f"{owner}: {shown} is not a valid combination; see is_valid")

    @classmethod
    def search_space(cls) -> dict[str, Declared]:
        """Return the declared parameters by name, in the order of declaration; the hard stop comes last."""
        return dict(cls._space)

    @classmethod
    def describe_space(cls) -> dict[str, dict[str, Any]]:
        """Search space as a JSON document: name -> kind, default, and its bounds or options."""
        return {name: declared.describe() for name, declared in cls._space.items()}

    @classmethod
    def is_allowed(cls, values: dict[str, Any]) -> bool:
        """Whether an instance can be made of these values."""
        try:
            cls(**values)
        except StrategyError:
            return False
        return True

    @property
    def parameters(self) -> dict[str, Any]:
        """Values by name; ``type(strategy)(**strategy.parameters) == strategy``."""
        return {name: self.__dict__[name] for name in self._space}

    @property
    def stop_fraction(self) -> float:
        """Distance of the hard stop as a fraction of the entry price; 0 without a stop."""
        return float(self.__dict__.get(HARD_STOP, 0.0))

    @property
    def stop_values(self) -> dict[str, float]:
        """Values of the declared stops by name."""
        return {name: float(self.__dict__[name]) for name in self.stops.declared}

    @property
    def history_bars(self) -> int:
        """Bars of history after which the first decision no longer depends on where history begins.

        Five times the longest whole-number parameter, taken as a window; override where that is wrong.
        """
        own = {name: value for name, value in self.parameters.items() if name not in self.stops.declared}
        windows = [*(value for value in own.values() if isinstance(value, int)), *self.stops.windows]
        return 5 * max(windows, default=1)

    @classmethod
    def higher_history_bars(cls) -> int:
        """Bars of each declared higher timeframe that are read before the first bar.

        Five times the upper bound of the longest whole-number parameter; the same for all parameter sets, so
        that a sweep and a single backtest see the same. Override where that is wrong.
        """
        own = [declared for name, declared in cls._space.items() if name not in cls.stops.declared]
        return 5 * max((declared.high for declared in own if isinstance(declared, Int)), default=1)

    def is_valid(self) -> bool:
        """Whether the values make sense together; each is within its bounds already."""
        return True

    def target(self, bars: Any) -> FloatArray | Turns:
        """Wanted position as a fraction of what sizing allows.

        Parameters
        ----------
        bars
            Closed bars, oldest first, with the inputs that the class declares: ``Bars`` of one symbol; a
            ``Panel`` where ``inputs.symbols`` is not 1.

        Returns
        -------
        ndarray of shape (n_bars,), or (n_bars, n_symbols) for a panel, float64
            In [-1, 1], negative is short; ``target[i]`` uses bars ``[: i + 1]``. NaN is no opinion: what
            is held is held. Of a panel each value is a fraction of what sizing allows of that symbol's
            share of the account, 1 / n_symbols, so the sum needs no bound; where a symbol has no bar its
            value is not read. For bars of one symbol it may be ``Turns``, which a sweep need not search for.
        """
        raise NotImplementedError

    def stop_scales(self, bars: Any) -> dict[str, FloatArray]:
        """Factors on the values of declared stops, where they shall follow the market; none by default.

        Returns
        -------
        dict of str to ndarray of shape (n_bars,), or (n_bars, n_symbols) for a panel, float64
            By name of the stop: positive, NaN is 1; ``factor[i]`` uses bars ``[: i + 1]``. What is fixed at
            an entry (hard, ATR, volatility and time stop, take-profit) takes the factor of the last close
            before it, the others the newest one. Where a symbol of a panel has no bar its factor is not read.
        """
        return {}

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; make a new one with {name}={value!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; {name} can't be taken away")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.parameters == getattr(other, "parameters", None)

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.parameters.items())))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({shown})"


@kernel
def first_outside(target: FloatArray) -> int:
    """Position of the first value beyond -1 or 1; the size where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.strategy import first_outside
    >>> first_outside(np.array([0.5, np.nan, -1.5])), first_outside(np.array([0.5, 1.0]))
    (2, 2)
    """
    for i in range(target.size):
        if abs(target[i]) > 1.0:
            return i
    return int(target.size)


def offered_by(strategy: Strategy, bars: Bars | Panel) -> FloatArray | Turns:
    """Target as a strategy gives it, of which only the shape is proven; for who looks at the values anyway.

    Raises
    ------
    StrategyError
        If the strategy trades another number of symbols, raises, reads what it did not declare, or returns
        another shape.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, Strategy, above
    >>> from quant_pipelines.sdk.strategy import offered_by
    >>> class Rise(Strategy):
    ...     def target(self, bars):
    ...         return above(bars.close, bars.open)
    >>> offered_by(Rise(), Bars.of_closes([100, 103, 101]))  # as turns, which need no array
    Turns(bar=array([0, 1, 2]), value=array([-1.,  1., -1.]), size=3)
    """
    name = type(strategy).__name__
    require_symbols(strategy, bars)
    try:
        target = strategy.target(_narrowed(strategy.inputs, bars))
        if not isinstance(target, Turns):
            target = np.ascontiguousarray(target, dtype=np.float64)
    except StrategyError as error:
        raise StrategyError(f"{name}: {error}") from error
    except Exception as error:
        raise StrategyError(f"{name}: target raised {type(error).__name__}: {error}") from error
    expected = bars.close.shape
    if isinstance(target, Turns):
        if expected != (len(bars),) or not is_in_order(target, len(bars)):
            raise StrategyError(f"{name}: the turns are not those of {len(bars)} bars in their order")
    elif target.shape != expected:
        raise StrategyError(f"{name}: target has shape {target.shape}; expected {expected}")
    return target


def _narrowed(inputs: Inputs, bars: Any) -> Any:
    """Bars or a panel with the declared inputs and nothing else."""
    if not isinstance(bars, Panel):
        return inputs.narrowed(bars)
    return replace(bars, members=tuple(inputs.narrowed(member) for member in bars.members))


def target_of(strategy: Strategy, bars: Bars | Panel) -> FloatArray:
    """Target of a strategy, proven usable; shape (n_bars,), or (n_bars, n_symbols) for a panel.

    Raises
    ------
    StrategyError
        If the strategy trades another number of symbols, raises, or returns another shape, or a value
        outside [-1, 1].

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, Strategy, above
    >>> from quant_pipelines.sdk.strategy import target_of
    >>> class Rise(Strategy):
    ...     def target(self, bars):
    ...         return above(bars.close, bars.open)
    >>> target_of(Rise(), Bars.of_closes([100, 103, 101]))
    array([-1.,  1., -1.])
    """
    offered = offered_by(strategy, bars)
    target = expanded(offered) if isinstance(offered, Turns) else offered
    first = first_outside(target.reshape(-1))
    if first < target.size:
        name, row = type(strategy).__name__, first * len(target) // target.size
        value = target.reshape(-1)[first]
        raise StrategyError(f"{name}: target is {value} at bar {row}; expected -1 to 1 or NaN")
    return target


def require_symbols(strategy: Strategy, bars: Bars | Panel) -> None:
    """Refuse bars of another number of symbols than the strategy trades together.

    Raises
    ------
    StrategyError
        Naming the strategy, what it trades and what it got.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, Inputs, Strategy
    >>> from quant_pipelines.sdk.strategy import require_symbols
    >>> class Pair(Strategy):
    ...     inputs = Inputs(symbols=2)
    >>> require_symbols(Pair(), Bars.of_closes([100]))
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Pair: got bars of one symbol; expected 2 symbols together
    """
    inputs, name = strategy.inputs, type(strategy).__name__
    if isinstance(bars, Panel) and not (inputs.has_panel and inputs.takes(len(bars.members))):
        given = ", ".join(bars.symbols)
        raise StrategyError(f"{name}: got bars of {given}; expected {inputs.wanted}")
    if isinstance(bars, Bars) and inputs.has_panel:
        raise StrategyError(f"{name}: got bars of one symbol; expected {inputs.wanted} together")
