"""Looking into runs: what was tried, what it brought, why a branch died."""
