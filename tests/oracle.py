"""Say in the simplest way what `dedup` must compute.

Nothing here is fast and nothing here is imported from `dedup`: the tests hold the kernels against this file.
Sets are sets, pairs are all pairs, and every definition is written once.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import NamedTuple
from unicodedata import category, combining, decomposition, normalize

import numpy as np
import xxhash
from datasketch import MinHash
from numpy.typing import NDArray

K = 5
MASK = 2**64 - 1
P1 = 0x9E3779B185EBCA87  # XXH_PRIME64_1, 2 and 3
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9

# ---------------------------------------------------------------------------------------------------- normalised text

APOSTROPHES = "\u0060\u00b4\u02bc\u1ffd\u2018\u2019\uff07"
INVISIBLE = "\u00ad\u200c\u200d\u2060\ufeff" + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
TYPOGRAPHY = str.maketrans(APOSTROPHES, "'" * len(APOSTROPHES), INVISIBLE)


def normalise(text: str) -> str:
    """Fold compatibility forms, case and apostrophes; drop what is invisible inside words.

    Apostrophes are folded at both ends: before, because NFKC would take U+00B4 apart into a space and an accent;
    after, because NFKC and casefold produce new ones (U+0149 gives U+02BC and n, U+FF40 gives U+0060).
    """
    folded = normalize("NFKC", text.translate(TYPOGRAPHY)).casefold()
    return normalize("NFKC", folded).translate(TYPOGRAPHY)


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
    """Say whether normalisation can never drop `char`, or join or reorder it with what stands before it."""
    if char in INVISIBLE:
        return False
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


def is_mark(char: str) -> bool:
    """Say whether `char` is a mark, which extends the token before it, whatever that is."""
    return category(char)[0] == "M"


def is_solid(char: str) -> bool:
    """Letters of scripts written without spaces; the long vowel mark is one."""
    return category(char)[0] == "L" and any(low <= ord(char) <= high for low, high in SOLID)


def is_loose(char: str) -> bool:
    """Letters and numbers that join their neighbours; false past the end of the text, where `char` is empty."""
    return char != "" and category(char)[0] in "LN" and not is_solid(char)


def extends(before: str, char: str, after: str) -> bool:
    """Say whether `char`, with `after` behind it, continues the token that has begun with `before`."""
    if is_mark(char):
        return True
    if is_solid(before):
        return char == LONG_VOWEL
    return is_loose(char) or (char == "'" and is_loose(after))


def token_ranges(normalised: str) -> list[tuple[int, int]]:
    """Return where the tokens stand in a normalised text."""
    ranges = []
    start = 0
    while start < len(normalised):
        end = start + 1
        if is_loose(normalised[start]) or is_solid(normalised[start]):
            while end < len(normalised) and extends(normalised[start], normalised[end], normalised[end + 1 : end + 2]):
                end += 1
            ranges.append((start, end))
        start = end
    return ranges


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens, each with its character offsets in the text as given.

    A token spans whole clusters, without what is invisible at their ends. Tokens never decrease in start or end, but
    two may share a cluster: U+00BD is normalised to 1, fraction slash, 2, and both numbers span that one character.
    """
    normalised, origin = "", []
    for cluster in clusters(text):
        piece = normalise(text[slice(*cluster)])
        normalised += piece
        origin += [(cluster[0], cluster[0] + len(text[slice(*cluster)].rstrip(INVISIBLE)))] * len(piece)
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
    return avalanche(h)


def avalanche(h: int) -> int:
    """Mix 64 bits as xxh64 does at its end."""
    h ^= h >> 33
    h = (h * P2) & MASK
    h ^= h >> 29
    h = (h * P3) & MASK
    return h ^ (h >> 32)


def shingles(tokens: Sequence[str], k: int = K) -> list[tuple[str, ...]]:
    """Return the runs of k tokens in order; all tokens as one shingle where there are fewer than k; none for none.

    Only signatures see the shingle of a text shorter than k: such a text takes part in nothing else.
    """
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


def copied_words(sequence: Sequence[str], others: Iterable[Sequence[str]], k: int = K) -> list[bool]:
    """Say of each token whether it lies in a run of k tokens that also stands in one of the others."""
    elsewhere = {tuple(other[i : i + k]) for other in others for i in range(len(other) - k + 1)}
    copied = [False] * len(sequence)
    for i in range(len(sequence) - k + 1):
        if tuple(sequence[i : i + k]) in elsewhere:
            copied[i : i + k] = [True] * k
    return copied


# -------------------------------------------------------------------------------------------------------- many texts
# Texts are numbered by rank: the longest is 0. Of two texts the one with the lower number is the longer one.

STRENGTH = {"excerpt": 0, "near": 1, "identical": 2}


class Rule(NamedTuple):
    """What counts as a copy."""

    near: float = 0.8
    excerpt: float = 0.6
    excerpt_shingles: int = 40
    k: int = K


class Match(NamedTuple):
    """Two texts with their strongest relation and exact scores."""

    longer: int
    shorter: int
    relation: str
    resemblance: float
    longer_in_shorter: float
    shorter_in_longer: float

    @property
    def score(self) -> float:
        """What the relation rests on."""
        return self.shorter_in_longer if self.relation == "excerpt" else self.resemblance


def matches(sequences: Sequence[Sequence[str]], rule: Rule) -> list[Match]:
    """Compare all pairs of token sequences; keep those that are near or excerpt, ordered by (longer, shorter)."""
    sets = [shingle_set(sequence, rule.k) for sequence in sequences]
    found = []
    for longer, shorter in combinations(range(len(sequences)), 2):
        a, b = sets[longer], sets[shorter]
        scores = set_resemblance(a, b), set_containment(a, b), set_containment(b, a)
        if scores[0] >= rule.near:
            found.append(Match(longer, shorter, "near", *scores))
        elif scores[2] >= rule.excerpt and len(b) >= rule.excerpt_shingles:
            found.append(Match(longer, shorter, "excerpt", *scores))
    return found


def witnesses(matches: Iterable[Match], count: int) -> list[Match | None]:
    """Return for each text its best match with a longer one, or None.

    Best is the strongest relation, then the highest score, then the longest other text.
    """
    best: list[Match | None] = [None] * count
    for match in matches:
        held = best[match.shorter]
        if held is None or _strength(match) > _strength(held):
            best[match.shorter] = match
    return best


def _strength(match: Match) -> tuple[int, float, int]:
    return STRENGTH[match.relation], match.score, -match.longer


def roots(matches: Iterable[Match], count: int) -> list[int]:
    """Return for each text the longest one of its copy group: the root of its tree of witnesses."""
    root = list(range(count))
    for text, match in enumerate(witnesses(matches, count)):  # the longer come first
        if match is not None:
            root[text] = root[match.longer]
    return root


# ------------------------------------------------------------------------------------------------------------ a corpus


class Article(NamedTuple):
    """What of an article decides: `published` in any unit, None where it is unknown."""

    id: str
    text: str | None
    published: float | None = None


class Verdict(NamedTuple):
    """What must be said of an article; the match that admitted it is None where there is none."""

    copy_id: str
    relation: str | None
    witness_id: str | None
    score: float | None
    words: int
    copied: list[bool]


class Findings(NamedTuple):
    """Verdicts by id, and matches by (id of the longer, id of the shorter) with relation and scores."""

    verdicts: dict[str, Verdict]
    matches: dict[tuple[str, str], tuple[str, float, float, float]]


Text = tuple[str, ...]


def find(articles: Iterable[Article], rule: Rule, rank: Callable[[Text], object]) -> Findings:
    """Say everything of a corpus; `rank` orders texts of the same number of tokens, as a sort key."""
    articles = sorted(articles, key=lambda a: (a.published is None, a.published or 0, a.id))
    sequences = {article.id: tuple(words(article.text or "")) for article in articles}
    twins: dict[Text, list[str]] = {}  # the articles of each text that is long enough, first published first
    for article in articles:
        if len(sequences[article.id]) >= rule.k:
            twins.setdefault(sequences[article.id], []).append(article.id)
    texts = sorted(twins, key=lambda text: (-len(text), rank(text)))
    found = matches(texts, rule)
    first = [twins[text][0] for text in texts]
    admitted = witnesses(found, len(texts))
    group_of = {id_: root for text, root in zip(texts, roots(found, len(texts)), strict=True) for id_ in twins[text]}
    groups: dict[int, list[str]] = {}
    for article in articles:
        if article.id in group_of:
            groups.setdefault(group_of[article.id], []).append(article.id)

    verdicts = {id_: Verdict(id_, None, None, None, len(s), [False] * len(s)) for id_, s in sequences.items()}
    for number, text in enumerate(texts):
        match = admitted[number]
        for id_ in twins[text]:
            members = groups[group_of[id_]]
            copied = copied_words(text, [sequences[other] for other in members if other != id_], rule.k)
            admission: tuple[str | None, str | None, float | None] = (None, None, None)
            if id_ != first[number]:
                admission = "identical", first[number], 1.0
            elif match is not None:
                admission = match.relation, first[match.longer], match.score
            verdicts[id_] = Verdict(members[0], *admission, len(text), copied)
    pairs = {(first[m.longer], first[m.shorter]): m[2:] for m in found}
    same = {(ids[0], other): ("identical", 1.0, 1.0, 1.0) for ids in twins.values() for other in ids[1:]}
    return Findings(verdicts, pairs | same)
