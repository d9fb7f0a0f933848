"""The benchmark suite: makes a world, measures it against peers, and reports. See ../README.md."""
