#!/usr/bin/env python3
"""The epoch keys of a throw-away world as JSON, for the peers that do the job of a scan.

    python3 bench/peers/epoch_keys.py CACHE-DIRECTORY OUT.json

Reads the text file `epoch-keys` beside the status cache and writes {"EPOCH": "HEX KEY", ...}.
The keys of a real region have no business outside its verifiers.
"""
import json
import os
import re
import sys


def read(cache_directory):
    with open(os.path.join(cache_directory, "epoch-keys"), encoding="ascii") as file:
        first, *lines = file.read().splitlines()
    if not re.fullmatch(r"citycode-epoch-keys 1 \d{6}", first):
        raise ValueError("not a file of epoch keys")
    keys = {}
    for line in lines:
        found = re.fullmatch(r"(\d+) ([0-9a-f]{64})", line)
        if not found:
            raise ValueError("not a line of an epoch and its key")
        keys[found.group(1)] = found.group(2)
    return keys


def write(cache_directory, path):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(read(cache_directory), file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2])
