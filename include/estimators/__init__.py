"""Hold one module for each family of models: what each builds, its parameters, and the types it is stored with.

A module has the tuple `ESTIMATORS` and is found by that; see docs/add-an-estimator.md.
"""
