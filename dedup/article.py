"""The Arrow schemas of the input and of the three output tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import datetime

TIMESTAMP = pa.timestamp("us", tz="UTC")

REQUIRED = ("id", "text")
OPTIONAL = ("title", "source", "published", "url")
FIELDS = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("title", pa.large_string()),
        pa.field("source", pa.large_string()),
        pa.field("published", TIMESTAMP),
        pa.field("url", pa.large_string()),
    ]
)


@dataclass(frozen=True)
class Article:
    """One article. ``published`` is a time (without a zone: UTC) or an ISO date; ``source`` is the outlet."""

    id: str
    text: str | None
    title: str | None = None
    source: str | None = None
    published: datetime | str | None = None
    url: str | None = None


# One row an input article, in input order. `copy_id` and `story_id` are the ids of the first published members of its
# copy group and its story. `relation`, `witness_id` and `score` are the match that admitted the article: to its copy
# group, or, for the longest of its group, to the story (`rewrite`); null for the one that needed none.
#
# The shares are of `words`: boilerplate + copied + reworded + unique = 1, shared = copied + reworded; `borrowed` is
# shared where only members published earlier count, null where a member of a story has no time. `first_id` is the
# earliest published member, `origin_id` the one that the others most likely came from, `origin_confidence` how sure
# that is (0..1) and `origin_evidence` what says so (origin.py); null where times and credits do not say. `credit` is
# the wire credit found in the text, characters `credit_start` to `credit_end`. `role` is toward the origin (roles.py).
# All these are null outside stories.
ARTICLES = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("title", pa.large_string()),
        pa.field("source", pa.large_string()),
        pa.field("published", TIMESTAMP),
        pa.field("url", pa.large_string()),
        pa.field("copy_id", pa.large_string(), nullable=False),
        pa.field("story_id", pa.large_string(), nullable=False),
        pa.field("relation", pa.dictionary(pa.int8(), pa.string())),
        pa.field("witness_id", pa.large_string()),
        pa.field("score", pa.float64()),
        pa.field("words", pa.int32(), nullable=False),
        pa.field("boilerplate", pa.float64(), nullable=False),
        pa.field("copied", pa.float64(), nullable=False),
        pa.field("reworded", pa.float64(), nullable=False),
        pa.field("unique", pa.float64(), nullable=False),
        pa.field("shared", pa.float64(), nullable=False),
        pa.field("borrowed", pa.float64()),
        pa.field("role", pa.dictionary(pa.int8(), pa.string())),
        pa.field("first_id", pa.large_string()),
        pa.field("origin_id", pa.large_string()),
        pa.field("origin_confidence", pa.float64()),
        pa.field("origin_evidence", pa.dictionary(pa.int8(), pa.string())),
        pa.field("credit", pa.large_string()),
        pa.field("credit_start", pa.int32()),
        pa.field("credit_end", pa.int32()),
    ]
)

# One row an input article, of copies alone: the columns of ARTICLES that say of what group it is.
COPIES = pa.schema([ARTICLES.field(name) for name in ("id", "copy_id", "relation", "witness_id", "score")])

# One row a verified match. `left` is the longer of two copies, the earlier of two rewrites. Scores lie in 0..1:
# overlap of shingles for copies, the probability that two articles tell one story (`story_score`) for rewrites.
MATCHES = pa.schema(
    [
        pa.field("left", pa.large_string(), nullable=False),
        pa.field("right", pa.large_string(), nullable=False),
        pa.field("relation", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("resemblance", pa.float64()),
        pa.field("containment_left_in_right", pa.float64()),
        pa.field("containment_right_in_left", pa.float64()),
        pa.field("story_score", pa.float64()),
    ]
)

# The ledger of every article in a story of two or more: character offsets into the original text, end exclusive.
# `other_*` is the place in another member that a copied span stands at, or the sentence that a reworded one retells;
# `score` is 1 for a copied span, and for a reworded one the share of its sentence, by rarity, that is found there.
SPANS = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("other_id", pa.large_string()),
        pa.field("other_start", pa.int32()),
        pa.field("other_end", pa.int32()),
        pa.field("score", pa.float64()),
    ]
)

IDENTICAL, NEAR, EXCERPT, REWRITE = 0, 1, 2, 3
RELATIONS = ("identical", "near", "excerpt", "rewrite")
COPIED, REWORDED, BOILERPLATE, UNIQUE = 0, 1, 2, 3
KINDS = ("copied", "reworded", "boilerplate", "unique")
