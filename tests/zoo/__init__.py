"""A zoo of TLS servers, good, bad and broken, each with its ground truth written down from how it was set up.

``animals/*.yaml`` say what each server is and what is true of it; ``papers.py`` makes the certificates; ``keeper.py``
starts everything on loopback; ``toy.py`` speaks what no library speaks any more; ``truth.py`` compares what we see
with what is true; ``witnesses.py`` asks other scanners about the same servers.

The truth is never written down from what our own tool printed.
"""
