"""How small a difference a paired experiment can find, told before anything is asked.

Two runs are right or wrong on the same photos. Only the discordant ones, right in one run and wrong
in the other, tell the runs apart, so what can be found depends on how frequent those are.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from geofix.evaluation.metrics import mcnemar

ALPHA = 0.05
"""How often a difference is found where there is none."""

POWER = 0.8
"""How often one is to be found where there is one."""

STEPS = 60
"""Halvings of an interval; more than a double has bits of fraction."""

DRAWS = 200
"""Experiments that are made up to tell a power: it is known to 3 percentage points or so."""

SPREAD = 9.0
"""Standard deviations around the expected number of discordant pairs that count; beyond them lies
less than 1e-17."""


def pairs_needed(
    difference: float, discordant: float, *, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return how many pairs McNemar's test needs to find a difference, not rounded.

    Source: R. J. Connor, 'Sample size for testing differences in proportions for the paired-sample
    design', Biometrics 43, 1987, 207-211. It is for the test by the normal distribution; the exact
    one needs somewhat more (`exact_power`).

    Args:
        difference: Of the two shares, without a sign.
        discordant: Share of pairs that are right in one run and wrong in the other.
        alpha: Of the two-sided test.
        power: How often it is to be found.

    Raises:
        ValueError: There is no such difference: it is 0, or more than `discordant`.
    """
    if not 0 < difference <= discordant <= 1:
        raise ValueError(
            f"a difference of {difference!r} cannot come of {discordant!r} discordant pairs; give"
            " one above 0 that is not greater"
        )
    from scipy.stats import norm  # noqa: PLC0415 - a second, which `--help` must not take

    by_chance = float(norm.isf(alpha / 2)) * math.sqrt(discordant)
    in_truth = float(norm.ppf(power)) * math.sqrt(discordant - difference**2)
    return (by_chance + in_truth) ** 2 / difference**2


def smallest_difference(
    pairs: int, discordant: float, *, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """Return the smallest difference that so many pairs find; none if they find none at all.

    Args:
        pairs: How many there are.
        discordant: Share of them that are right in one run and wrong in the other.
        alpha: Of the two-sided test.
        power: How often the difference is to be found.
    """
    if pairs < 1 or pairs_needed(discordant, discordant, alpha=alpha, power=power) > pairs:
        return None
    too_small, enough = 0.0, discordant
    for _ in range(STEPS):
        middle = (too_small + enough) / 2
        if pairs_needed(middle, discordant, alpha=alpha, power=power) > pairs:
            too_small = middle
        else:
            enough = middle
    return enough


def exact_power(pairs: int, discordant: float, difference: float, *, alpha: float = ALPHA) -> float:
    """Return how often the exact two-sided McNemar's test finds a difference.

    Over every number of discordant pairs that so many pairs can have, as S. W. Duffy does,
    'Asymptotic and Exact Power for the McNemar Test', Biometrics 40, 1984, 1005-1015.

    Args:
        pairs: How many there are.
        discordant: Share of them that are right in one run and wrong in the other.
        difference: Of the two shares, at most `discordant`.
        alpha: Of the test.
    """
    from scipy.stats import binom  # noqa: PLC0415 - as in `pairs_needed`

    reach = SPREAD * math.sqrt(pairs * discordant * (1 - discordant)) + 1
    least = max(0, math.floor(pairs * discordant - reach))
    most = min(pairs, math.ceil(pairs * discordant + reach))
    differing = np.arange(least, most + 1)
    # The fewest that have to be right in one run alone: a tail of half of alpha begins there.
    lead = binom.isf(alpha / 2, differing, 0.5) + 1
    share = (discordant + difference) / 2 / discordant
    found = binom.sf(lead - 1, differing, share) + binom.cdf(differing - lead, differing, share)
    return float((binom.pmf(differing, pairs, discordant) * found).sum())


@lru_cache(maxsize=64)
def power_by_place(
    sizes: tuple[int, ...], discordant: float, difference: float, *, alpha: float, seed: int = 0
) -> float:
    """Return how often the test that exchanges runs place by place finds a difference.

    Experiments are made up, and tested as real ones are (`metrics.mcnemar`). Photos of a place are
    taken to share nothing, so where they are alike the power is lower. Kept, since a plan is told
    more than once: for thousands of photos it takes seconds.

    Args:
        sizes: Photos of each place.
        discordant: Share of photos that are right in one run and wrong in the other.
        difference: Of the two shares, at most `discordant`.
        alpha: Of the test.
        seed: Draws the experiments.
    """
    if all(size == 1 for size in sizes):
        return exact_power(len(sizes), discordant, difference, alpha=alpha)
    places = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(DRAWS):
        drawn = rng.random(len(places))
        more = drawn < (discordant + difference) / 2
        less = ~more & (drawn < discordant)
        found += mcnemar(more, less, places).p_value <= alpha
    return found / DRAWS
