"""What an answer promises: radius, confidence and claims, by calibrations on known photos."""
