"""Tail probabilities of the distributions that the tests need; checked against scipy in the tests."""

from __future__ import annotations

import math

_TERMS = 1000
_TINY = 1e-300


def chi_squared(statistic: float, degrees: int) -> float:
    """P(X ≥ statistic) for chi-squared with `degrees` of freedom; 1 where there are none."""
    if degrees <= 0 or not statistic > 0:
        return 1.0
    return gamma_upper(degrees / 2, statistic / 2)


def gamma_upper(shape: float, x: float) -> float:
    """Regularized upper incomplete gamma function Q(shape, x), shape > 0.

    The series below shape + 1 and Lentz's continued fraction above it (Abramowitz & Stegun 6.5.29, 6.5.31).
    """
    if x <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    logarithm = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1:
        term = total = 1 / shape
        for n in range(1, _TERMS):
            term *= x / (shape + n)
            total += term
            if term < total * 1e-16:
                break
        return max(0.0, 1.0 - total * math.exp(logarithm))
    b = x + 1 - shape
    c = 1 / _TINY
    d = 1 / b
    fraction = d
    for n in range(1, _TERMS):
        a = -n * (n - shape)
        b += 2
        d = 1 / _away_from_zero(a * d + b)
        c = _away_from_zero(b + a / c)
        step = d * c
        fraction *= step
        if abs(step - 1) < 1e-15:
            break
    return min(1.0, fraction * math.exp(logarithm)) if logarithm > -745 else 0.0


def kolmogorov(scaled: float) -> float:
    """P(K ≥ scaled) of Kolmogorov's distribution, for a distance times the root of the effective count."""
    if scaled < 0.2:
        return 1.0
    if scaled < 1.18:
        # the theta form converges where the alternating one needs many terms
        root = math.sqrt(2 * math.pi) / scaled
        factor = -(math.pi**2) / (8 * scaled**2)
        return 1 - root * sum(math.exp(factor * (2 * k - 1) ** 2) for k in range(1, 6))
    total = sum((1.0 if k % 2 else -1.0) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 9))
    return min(1.0, max(0.0, 2 * total))


def normal_two_sided(z: float) -> float:
    """P(|Z| ≥ |z|) of the standard normal distribution."""
    return math.erfc(abs(z) / math.sqrt(2))


def gamma_by_moments(value: float, mean: float, variance: float) -> float:
    """P(X ≥ value) of the gamma distribution with this mean and variance; 1 where it has none."""
    if not (mean > 0 and variance > 0):
        return 1.0
    return gamma_upper(mean * mean / variance, value * mean / variance)


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
