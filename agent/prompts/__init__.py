"""The words a model reads, versioned, and what assembles them.

No numbers stand in for coordinates here: models echo a `0.0` in a template as their answer in 35 to
60 % of cases (DESIGN.md section 5).
"""
