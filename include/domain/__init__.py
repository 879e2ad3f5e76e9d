"""Hold records of runs, decisions and evidence, the verdict's rules and errors: pure, light, below everything."""
