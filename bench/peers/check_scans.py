#!/usr/bin/env python3
"""Whether the peers that do the job of a scan do it: real codes of a running world.

    python3 bench/peers/check_scans.py WORLD-DIRECTORY [NAME...]     WORLD-DIRECTORY: .run

Each sample code must be accepted, bare and as a URL; with one bit flipped it must be forged.
A peer that knows half of the holders must accept half of the codes: the serial is read rightly.
"""
import base64
import json
import os
import random
import re
import sys
import tempfile

import epoch_keys
import peers

HOME = "310000"
# The demo's sample codes are those of its first holders, a few of whom get none.
HOLDERS = 1_050
# Of the 1,000 sample codes.
EVERY = 20


def scan_all(peer, scheme, workdir, texts):
    """The outcomes of `texts`, one connection each: curl 7.88 does not reuse one in clear text."""
    url = peer.urls()[scheme].replace(peer.path, peer.scan_path)
    return [
        json.loads(peers.ask(peer, scheme, url, workdir, "POST", text))["outcome"]
        for text in texts]


def forged(text, numbers):
    code = bytearray(base64.b32decode(text))
    code[numbers.randrange(18, 50)] ^= 1 << numbers.randrange(8)
    return base64.b32encode(code).decode("ascii")


def started(kind, people, cache, workdir):
    peer = kind()
    peer.people = people
    peers.prepare(workdir, b"{}", *peers.certificate(workdir))
    epoch_keys.write(cache, f"{workdir}/epoch-keys.json")
    peer.start(peers.free_port(), peers.free_port(), 0, workdir)
    return peer


def check(kind, people, cache, codes):
    numbers = random.Random(1)
    broken = [forged(code, numbers) for code in codes]
    links = [f"HTTPS://CODE.EXAMPLE/C/{code}" for code in codes]
    with tempfile.TemporaryDirectory() as workdir:
        peer = started(kind, people, cache, workdir)
        try:
            for texts, wanted in ((codes, "accepted"), (links, "accepted"), (broken, "forged")):
                for scheme in ("h2c", "tls"):
                    found = scan_all(peer, scheme, workdir, texts)
                    if len(found) != len(texts) or set(found) != {wanted}:
                        raise RuntimeError(f"{scheme}: {set(found)} for {wanted}: {texts[0]}")
        finally:
            peer.stop()
        peer = started(kind, HOLDERS // 2, cache, workdir)
        try:
            found = scan_all(peer, "h2c", workdir, codes)
        finally:
            peer.stop()
    known = found.count("accepted")
    if set(found) != {"accepted", "unknown_holder"} or not 0.4 < known / len(found) < 0.6:
        raise RuntimeError(f"half of the holders: {known} of {len(found)}: {set(found)}")
    print(f"{kind.name}: {len(codes)} codes accepted, and forged after one bit; "
          f"with half of the holders: {known}")


def main(arguments):
    if not arguments:
        print(__doc__)
        return 2
    directory, *names = arguments
    with open(f"{directory}/env", encoding="utf-8") as file:
        variables = dict(re.findall(r"^export (\w+)='(.*)'$", file.read(), re.MULTILINE))
    with open(variables["SAMPLE_CODES"], encoding="ascii") as file:
        codes = file.read().split()[::EVERY]
    cache = os.path.join(directory, "world", HOME, "cache")
    failed = 0
    for kind in (peers.GoService, peers.Hummingbird):
        if names and kind.name not in names:
            continue
        try:
            kind().build()
            check(kind, int(variables["WORLD_PEOPLE"]), cache, codes)
        except (RuntimeError, OSError, ValueError) as error:
            failed += 1
            print(f"{kind.name}: FAILED: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
