"""Numba code only: arrays in, arrays out, no Python objects.

Every kernel releases the GIL and is compiled once per machine (numba's on-disk cache). Nothing here knows of
settings, files or Arrow; the modules one level up call these functions and give them their meaning.
"""
