"""All scenarios, in the order in which they run."""

from ..bench import Scenario
from . import connections, growth, latency, operations, overload, primitives, profile, throughput

ALL: tuple[Scenario, ...] = (
    *growth.SCENARIOS,
    *throughput.SCENARIOS,
    *latency.SCENARIOS,
    *connections.SCENARIOS,
    *overload.SCENARIOS,
    *operations.SCENARIOS,
    *profile.SCENARIOS,
    *primitives.SCENARIOS,
)
