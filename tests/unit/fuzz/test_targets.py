"""Do the fuzzer's targets hold for their seeds, and for thousands of mutilations of them?"""

from __future__ import annotations

import random

import pytest

from tests.fuzz.targets import TARGETS

ROUNDS = 3_000
WORDS = (
    b"\r\n",
    b"\n\n",
    b"\r",
    b'"',
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b",",
    b"1e999",
    b"0",
    b"\xff",
    b"\xc3\xa9",
    b"data",
    b"\0",
)


def mutilated(chance: random.Random, seed: bytes) -> bytes:
    """The seed with one to four bits cut out, doubled, put in or overwritten."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(seed))
        end = min(len(seed), start + chance.choice((0, 0, 1, 2, 8)))
        word = chance.choice((*WORDS, seed[start:end] * 2, chance.randbytes(1)))
        seed = seed[:start] + word + seed[end:]
    return seed


@pytest.mark.parametrize("name", TARGETS)
def test_target_when_given_seeds_and_mutilated_seeds_then_it_holds(name: str) -> None:
    target, chance = TARGETS[name], random.Random(7)
    for seed in target.inputs():
        target.run(seed)
    for _ in range(ROUNDS):
        data = mutilated(chance, chance.choice(target.inputs()))
        try:
            target.run(data)
        except Exception as error:
            raise AssertionError(data) from error
