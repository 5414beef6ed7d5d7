# The one form in which benchmarks say how a figure stands to its limit.
# SPDX-License-Identifier: MIT


def bar(name, figure, unit, limit, at_most=True):
    """Prints `bar NAME: FIGURE UNIT, limit LIMIT: holds` (or short); figures are compared unrounded."""
    holds = figure <= limit if at_most else figure >= limit
    print(f"bar {name}: {figure:.5g} {unit}, limit {limit:g}: {'holds' if holds else 'short'}", flush=True)
    return holds
