"""Intervals of shares and of differences of paired shares."""

import math

from scipy.stats import beta, binom

Z95 = 1.959963984540054
Z90 = 1.6448536269514722


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval (Clopper, Pearson, 1934, Biometrika 26); its upper end is a 97.5 % bound."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(0.975, hits + 1, n - hits))
    return low, high


def upper_bound(hits: int, n: int) -> float:
    """Exact one-sided 95 % upper bound."""
    return 1.0 if hits == n else float(beta.ppf(0.95, hits + 1, n - hits))


def median_ranks(n: int) -> tuple[int, int]:
    """Ranks, from 0, of the two ordered values between which the median is in 95 of 100 cases (binomial)."""
    low = int(binom.ppf(0.025, n, 0.5))
    return max(low - 1, 0), min(n - low, n - 1)


def paired_lower_bound(differences: list[float]) -> float:
    """One-sided 95 % lower bound of the mean of paired differences, by their own scatter."""
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((one - mean) ** 2 for one in differences) / max(n - 1, 1)
    return mean - Z90 * math.sqrt(variance / n)
