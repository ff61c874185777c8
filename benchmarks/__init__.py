"""`python -m benchmarks.NAME [--json]` prints the figures that the README quotes.

Every benchmark prints `{"figures", "bars", "command", "seconds"}` and exits with 1 if one of its
bars is not met. What it needs and the repository does not hold is made again and cached in
`build/`.
"""
