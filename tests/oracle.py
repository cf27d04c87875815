"""Say in the simplest way what `dedup` must compute.

Nothing here is fast and nothing here is imported from `dedup`: the tests hold the kernels against this file.
Sets are sets, pairs are all pairs, and every definition is written once.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import NamedTuple
from unicodedata import category, combining, decomposition, normalize

import numpy as np
import xxhash
from datasketch import MinHash  # type: ignore[import-untyped]
from numpy.typing import NDArray

K = 5
MASK = 2**64 - 1
P1 = 0x9E3779B185EBCA87  # XXH_PRIME64_1, 2 and 3
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9

# ---------------------------------------------------------------------------------------------------- normalised text

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\uff07\u0060\u00b4", "'"))


def normalise(text: str) -> str:
    """Fold compatibility forms, case and apostrophes.

    Apostrophes are folded at both ends: before, because NFKC would take U+00B4 apart into a space and an accent;
    after, because NFKC and casefold produce new ones (U+0149 gives U+02BC and n, U+FF40 gives U+0060).
    """
    folded = normalize("NFKC", text.translate(APOSTROPHES)).casefold()
    return normalize("NFKC", folded).translate(APOSTROPHES)


@lru_cache(maxsize=1)
def composing_seconds() -> frozenset[str]:
    """Return the characters that can melt into the one before them (NFC_Quick_Check=Maybe)."""
    seconds = set()
    for code in range(sys.maxunicode + 1):
        parts = decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (chr(int(part, 16)) for part in parts)
            if normalize("NFC", first + second) == chr(code):  # false for the composition exclusions
                seconds.add(second)
    for code in range(0x1100, 0x1200):  # Hangul vowels and finals compose by rule, not by table
        if any(len(normalize("NFC", first + chr(code))) == 1 for first in "\u1100\uac00"):
            seconds.add(chr(code))
    return frozenset(seconds)


def starts_cluster(char: str) -> bool:
    """Say whether normalisation can never join or reorder `char` with what stands before it."""
    first = normalize("NFKD", char)[0]
    return combining(first) == 0 and first not in composing_seconds()


def clusters(text: str) -> list[tuple[int, int]]:
    """Cut the text where normalisation cannot reach across: the normalised pieces, joined, are the normalised text."""
    starts = [i for i, char in enumerate(text) if i == 0 or starts_cluster(char)]
    return list(pairwise([*starts, len(text)])) if text else []


# ------------------------------------------------------------------------------------------------------------- tokens

SOLID = (  # scripts written without spaces
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x3100, 0x312F),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)  # fmt: skip
LONG_VOWEL = "\u30fc"


class Token(NamedTuple):
    """A normalised token and the characters of the original text that it came from (end exclusive)."""

    text: str
    start: int
    end: int


def is_word(char: str) -> bool:
    """Letters, marks and numbers."""
    return category(char)[0] in "LMN"


def is_solid(char: str) -> bool:
    """Letters of scripts written without spaces."""
    return category(char)[0] == "L" and any(low <= ord(char) <= high for low, high in SOLID)


def is_loose(char: str) -> bool:
    """Word characters that join their neighbours; false past the end of the text, where `char` is empty."""
    return char != "" and is_word(char) and not is_solid(char)


def extends(before: str, char: str, after: str) -> bool:
    """Say whether `char`, with `after` behind it, continues the token that has begun with `before`."""
    if is_solid(before):
        return category(char)[0] == "M" or char == LONG_VOWEL
    return is_loose(char) or (char == "'" and is_loose(after))


def token_ranges(normalised: str) -> list[tuple[int, int]]:
    """Return where the tokens stand in a normalised text."""
    ranges = []
    start = 0
    while start < len(normalised):
        end = start + 1
        if is_word(normalised[start]):
            while end < len(normalised) and extends(normalised[start], normalised[end], normalised[end + 1 : end + 2]):
                end += 1
            ranges.append((start, end))
        start = end
    return ranges


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens, each with its character offsets in the text as given.

    A token spans whole clusters. Tokens never decrease in start or end, but two may share a cluster: U+00BD is
    normalised to 1, fraction slash, 2, and both numbers span that one character.
    """
    normalised, origin = "", []
    for cluster in clusters(text):
        piece = normalise(text[slice(*cluster)])
        normalised += piece
        origin += [cluster] * len(piece)
    return [Token(normalised[i:j], origin[i][0], origin[j - 1][1]) for i, j in token_ranges(normalised)]


def words(text: str) -> list[str]:
    """Return the tokens without their offsets."""
    normalised = normalise(text)
    return [normalised[i:j] for i, j in token_ranges(normalised)]


# ----------------------------------------------------------------------------------------------------------- shingles


def token_hash(token: str) -> int:
    """xxh64 of the UTF-8 bytes, padded with NUL to whole words of 8 bytes."""
    data = token.encode()
    return xxhash.xxh64_intdigest(data + b"\0" * (-len(data) % 8), seed=0)


def shingle_hash(shingle: Sequence[str]) -> int:
    """Hash a shingle of n tokens: sum of hash(t_i) * P1 ** (n - 1 - i), then the avalanche of xxh64."""
    h = 0
    for token in shingle:
        h = (h * P1 + token_hash(token)) & MASK
    h ^= h >> 33
    h = (h * P2) & MASK
    h ^= h >> 29
    h = (h * P3) & MASK
    return h ^ (h >> 32)


def shingles(tokens: Sequence[str], k: int = K) -> list[tuple[str, ...]]:
    """Return the runs of k tokens in order; all tokens as one shingle where there are fewer than k; none for none."""
    if not tokens:
        return []
    return [tuple(tokens[i : i + k]) for i in range(max(1, len(tokens) - k + 1))]


def shingle_hashes(tokens: Sequence[str], k: int = K) -> list[int]:
    """Return the hashes of the shingles, in order, repeats included."""
    return [shingle_hash(shingle) for shingle in shingles(tokens, k)]


def shingle_set(tokens: Sequence[str], k: int = K) -> frozenset[int]:
    """Return the distinct shingle hashes."""
    return frozenset(shingle_hashes(tokens, k))


# --------------------------------------------------------------------------------------------------------- signatures


def signature(shingles: Iterable[int], num_perm: int = 128, seed: int = 1) -> NDArray[np.uint32]:
    """Return the minima as datasketch computes them, from the low 32 bits of the shingle hashes."""
    minhash = MinHash(num_perm=num_perm, seed=seed, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF)
    for shingle in shingles:
        minhash.update(shingle)
    minima: NDArray[np.uint32] = minhash.hashvalues
    return minima


def signature_by_formula(shingles: Iterable[int], num_perm: int = 128, seed: int = 1) -> NDArray[np.uint32]:
    """Return the same minima without datasketch: min over h of a * fmix32(h) + b mod 2 ** 32, a odd."""
    random = np.random.RandomState(seed)
    a = random.randint(0, 2**31, num_perm, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = random.randint(0, 2**32, num_perm, dtype=np.uint32)
    minima = np.full(num_perm, 2**32 - 1, dtype=np.uint32)  # the signature of no shingle
    for shingle in shingles:
        minima = np.minimum(minima, a * np.uint32(fmix32(shingle & 0xFFFFFFFF)) + b)
    return minima


def fmix32(h: int) -> int:
    """Mix 32 bits by MurmurHash3's finaliser."""
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


# ---------------------------------------------------------------------------------------------------------- two texts


def set_resemblance(a: frozenset[int], b: frozenset[int]) -> float:
    """Jaccard; 1 for two empty sets, so that it is 1 exactly for equal sets."""
    return len(a & b) / len(a | b) if a | b else 1.0


def set_containment(a: frozenset[int], b: frozenset[int]) -> float:
    """Share of a that is in b; nothing is contained only in nothing, so that resemblance never exceeds it."""
    return len(a & b) / len(a) if a else float(not b)


def resemblance(a: str, b: str, k: int = K) -> float:
    """Return the Jaccard similarity of the shingle sets of two texts."""
    return set_resemblance(shingle_set(words(a), k), shingle_set(words(b), k))


def containment(a: str, b: str, k: int = K) -> float:
    """Return the containment of a in b."""
    return set_containment(shingle_set(words(a), k), shingle_set(words(b), k))


def copied_words(a_tokens: Sequence[str], b_tokens: Sequence[str], k: int = K) -> list[bool]:
    """Say of each token of a whether it lies in a run of k or more tokens that also stands in b."""
    in_b = {tuple(b_tokens[i : i + k]) for i in range(len(b_tokens) - k + 1)}
    copied = [False] * len(a_tokens)
    for i in range(len(a_tokens) - k + 1):
        if tuple(a_tokens[i : i + k]) in in_b:
            copied[i : i + k] = [True] * k
    return copied


# -------------------------------------------------------------------------------------------------------- many texts

STRENGTH = {"excerpt": 0, "near": 1, "identical": 2}


class Match(NamedTuple):
    """Two articles, by position, left < right, with their strongest relation."""

    left: int
    right: int
    relation: str
    resemblance: float
    containment_left_in_right: float
    containment_right_in_left: float

    @property
    def score(self) -> float:
        """Resemblance, or for an excerpt the containment of the shorter in the longer, which is the greater one."""
        if self.relation == "excerpt":
            return max(self.containment_left_in_right, self.containment_right_in_left)
        return self.resemblance


def matches(articles: Sequence[str], near: float, excerpt: float, excerpt_min: int, k: int = K) -> list[Match]:
    """Compare all pairs; keep those that are identical, near or excerpt, ordered by (left, right)."""
    sequences = [words(article) for article in articles]
    sets = [shingle_set(sequence, k) for sequence in sequences]
    found = []
    for left, right in combinations(range(len(articles)), 2):
        a, b = sets[left], sets[right]
        scores = set_resemblance(a, b), set_containment(a, b), set_containment(b, a)
        if sequences[left] == sequences[right]:
            relation = "identical"
        elif scores[0] >= near:
            relation = "near"
        elif max(scores[1:]) >= excerpt and min(len(a), len(b)) >= excerpt_min:
            relation = "excerpt"
        else:
            continue
        found.append(Match(left, right, relation, *scores))
    return found


def length_rank(articles: Sequence[str], k: int = K) -> list[int]:
    """Rank by distinct shingles, then tokens, then position (of two equal ones the later ranks higher)."""
    sequences = [words(article) for article in articles]
    order = sorted(range(len(articles)), key=lambda i: (len(shingle_set(sequences[i], k)), len(sequences[i]), i))
    return [order.index(i) for i in range(len(articles))]


def witnesses(matches: Iterable[Match], rank: Sequence[int]) -> list[Match | None]:
    """Return for each article its best match with one of higher rank, or None.

    `rank` is a total order of the articles: equal values are not allowed, higher means longer. Best is the strongest
    relation, then the highest score, then the highest rank of the other article.
    """
    if len(set(rank)) < len(rank):
        message = "rank must be a total order"
        raise ValueError(message)
    best: list[Match | None] = [None] * len(rank)
    best_key: list[tuple[int, float, int]] = [(-1, 0.0, 0)] * len(rank)
    for match in matches:
        lower, higher = sorted((match.left, match.right), key=lambda i: rank[i])
        key = STRENGTH[match.relation], match.score, rank[higher]
        if key > best_key[lower]:
            best[lower], best_key[lower] = match, key
    return best


def copy_groups(matches: Iterable[Match], rank: Sequence[int]) -> list[list[int]]:
    """Return the trees of the witness forest: sorted positions, ordered by the first; single articles included."""
    parent = [
        i if match is None else match.left + match.right - i  # the other end of the match
        for i, match in enumerate(witnesses(matches, rank))
    ]
    groups: dict[int, list[int]] = {}
    for i in range(len(rank)):
        root = i
        while parent[root] != root:
            root = parent[root]
        groups.setdefault(root, []).append(i)
    return sorted(groups.values())
