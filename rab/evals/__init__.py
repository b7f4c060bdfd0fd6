"""Evaluations: suites as data in `evals/`, answers with their evidence, held against gates and baselines."""
