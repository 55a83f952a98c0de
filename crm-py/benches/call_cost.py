"""Prints what a call from Python costs, warm, in a file in memory: the best of several rounds."""

import timeit

import crm

CALLS = 20_000

with crm.open() as db:
    best = min(timeit.repeat(db.info, number=CALLS, repeat=5))
print(f"database.info {best / CALLS * 1e6:.3f}")
