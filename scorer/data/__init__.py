"""Rating data sets, read into one table."""
