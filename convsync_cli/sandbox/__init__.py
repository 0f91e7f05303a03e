"""Simulated providers on loopback, with faults; serves ``demo`` and the tests.

It knows the standard library only and imports nothing of convsync outside this package, so that it
cannot share a mistake with what it tests. Everybody and everything in it is invented.
"""
