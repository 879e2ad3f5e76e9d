"""Pure functions on frames and estimators: no file, no network, no clock."""
