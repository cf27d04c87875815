"""What a reference corpus teaches: how many of its articles a term is in, and which terms keep company.

A term is a stem, known by its hash (:func:`dedup.text.term_hash`). Document frequencies make the rarity of a term,
also where the corpus at hand is five articles about one event. Word vectors say which terms occur in the same
sentences: positive pointwise mutual information, reduced by a truncated SVD (Levy and Goldberg 2014; no neural
network). A table learned from English news is part of the package; :func:`build` learns one from any corpus.
"""

from __future__ import annotations

import importlib
import json
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup import text
from dedup.errors import CorpusError, MissingExtraError, OutputError, SettingsError
from dedup.workers import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dedup.corpus import Corpus

VERSION = 1  # of the file: another when its columns, or the terms that text.py makes, change
DIMENSIONS = 128
SCHEMA = pa.schema(
    [
        pa.field("term", pa.uint64(), nullable=False),  # ascending
        pa.field("word", pa.string(), nullable=False),  # its most frequent spelling, for people
        pa.field("df", pa.int32(), nullable=False),
        pa.field("vector", pa.list_(pa.int8(), DIMENSIONS)),
    ]
)
_METADATA = b"dedup.background"
_REMEDY = "`dedup background build CORPUS -o FILE` writes one"


# Rarity -------------------------------------------------------------------------------------------------------------


def rarity(
    df: NDArray[np.float64],
    articles: int,
    corpus_df: NDArray[np.float64],
    corpus_articles: int,
    weight: float = 500,
) -> NDArray[np.float64]:
    """Return the inverse document frequency of terms in a corpus that adds to the background, never below 0.

    ``df`` of ``articles`` count in the background and ``corpus_df`` of ``corpus_articles`` in the corpus. However many
    articles the background was learned from, it counts as ``weight``: rarity follows the corpus at hand as soon as
    that has some hundred articles. A term that the background does not know counts as if one of its articles had it.
    """
    expected = weight * df / articles + corpus_df + weight / articles
    return np.maximum(np.log((weight + corpus_articles + 1) / expected), 0.0)


def plain(
    df: NDArray[np.float64], articles: int, corpus_df: NDArray[np.float64], corpus_articles: int
) -> NDArray[np.float64]:
    """Return the inverse document frequency of terms in background and corpus together, each article counting once.

    With a background of many articles it says of a word of the language whether it is one that carries meaning.
    """
    return np.log((articles + corpus_articles + 1) / (df + corpus_df + 1))


# The table ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Background:
    """Document frequencies and word vectors of terms.

    ``terms`` (uint64) ascend; ``counts`` (float64) are their document frequencies in ``articles`` articles, and
    ``places`` (int32) their rows in ``vectors`` (float32, of unit length), -1 where a term has none.
    """

    version: int
    articles: int
    sources: tuple[str, ...]
    terms: NDArray[np.uint64]
    counts: NDArray[np.float64]
    places: NDArray[np.int32]
    vectors: NDArray[np.float32]

    @staticmethod
    def load(path: Path | None = None) -> Background:
        """Read the table at ``path``, or the one in the package; read once a process.

        Raises SettingsError where the file is not a background, or one of another version.
        """
        if path is None:
            return _load(None, 0)
        try:
            known = path.stat()
        except OSError as error:
            message = f"{path}: background cannot be read ({error.strerror}); {_REMEDY}"
            raise SettingsError(message) from error
        if not stat.S_ISREG(known.st_mode):  # a pipe would be waited for
            raise SettingsError(f"{path}: not a background of dedup (not a regular file); {_REMEDY}")
        return _load(path, known.st_mtime_ns)

    @staticmethod
    def of(table: pa.Table) -> Background:
        """Look at a table of :func:`build`."""
        metadata = json.loads(table.schema.metadata[_METADATA])
        vectors = table["vector"].combine_chunks()
        known = vectors.is_valid().to_numpy(zero_copy_only=False)
        return Background(
            version=metadata["version"],
            articles=metadata["articles"],
            sources=tuple(metadata["sources"]),
            terms=table["term"].to_numpy(),
            counts=table["df"].to_numpy().astype(np.float64),
            places=np.where(known, np.cumsum(known) - 1, -1).astype(np.int32),
            vectors=_unit(vectors.flatten().to_numpy().reshape(-1, DIMENSIONS).astype(np.float32)),
        )

    def df(self, terms: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return in how many articles of the background each term is, 0 where it is unknown."""
        found, places = self._find(terms)
        return np.where(found, self.counts[places], 0.0)

    def rows(self, terms: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the row of each term in ``vectors``, -1 where it has none."""
        found, places = self._find(terms)
        return np.where(found, self.places[places], np.int32(-1))

    def _find(self, terms: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        places = np.minimum(np.searchsorted(self.terms, terms), len(self.terms) - 1)
        return self.terms[places] == terms, places


@lru_cache(maxsize=4)
def _load(path: Path | None, changed: int) -> Background:
    """Read a file; one that was ``changed`` since is read again."""
    del changed
    source = path or resources.files("dedup").joinpath("data", "background.parquet")
    try:
        with pq.ParquetFile(pa.BufferReader(source.read_bytes())) as file:  # read_table would load Arrow's datasets
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"{source}: not a background of dedup ({reason}); {_REMEDY}") from error
    _check(table, str(source))
    return Background.of(table)


def _check(table: pa.Table, source: str) -> None:
    metadata = (table.schema.metadata or {}).get(_METADATA)
    if metadata is None:
        raise SettingsError(f"{source}: not a background of dedup (its metadata is missing); {_REMEDY}")
    version = json.loads(metadata)["version"]
    if version != VERSION:
        message = f"{source}: a background of version {version}, expected {VERSION}; build it again: {_REMEDY}"
        raise SettingsError(message)
    if not table.schema.equals(SCHEMA) or not table.num_rows:
        message = f"{source}: not a background of dedup (other columns than {', '.join(SCHEMA.names)}); {_REMEDY}"
        raise SettingsError(message)


def write(table: pa.Table, path: Path, shown: Path | None = None) -> None:
    """Write a table of :func:`build` as Parquet. Raises OutputError where that is not possible.

    ``shown`` is the file that the message names where it is another: the one whose place ``path`` is to take.
    """
    try:
        pq.write_table(
            table,
            path,
            compression="zstd",
            compression_level=19,
            row_group_size=table.num_rows,
            use_dictionary=["df", "vector.list.element"],
            column_encoding={"term": "DELTA_BINARY_PACKED", "word": "DELTA_BYTE_ARRAY"},
            write_statistics=False,
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise OutputError(f"{shown or path}: cannot be written ({reason})") from error


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


# Learning -----------------------------------------------------------------------------------------------------------

_LEAST_TERMS = 30  # distinct terms in an article that counts: less is a headline or a list of prices
_LEAST_DF = 3  # rarer terms are left out: as unknown ones they get nearly the same rarity
_LEAST_VECTOR_DF = 8  # rarer terms are seen too seldom to learn their company from
_COMMON = 0.3  # share of the articles from which a word says nothing of what a sentence is about
_LEAST_TOGETHER = 3  # sentences that two terms share before it means anything
_LONGEST = 60  # tokens: what is longer is a menu or has no stops, and is cut
VECTORS = 24_000  # most terms with a vector: as many as fit into a file of 4 MB
SENTENCES = 3_000_000  # most sentences that vectors are learned from: bounds memory, and more teach little


def build(corpus: Corpus, sources: Sequence[str] = (), progress: Progress = silent) -> pa.Table:
    """Learn document frequencies and word vectors from a corpus; ``sources`` are names to keep with them.

    The corpus is read twice and never held; the same articles, in any order, give the same table. Raises CorpusError
    where there is nothing to learn, MissingExtraError where scipy is not installed.
    """
    sparse = _sparse()
    counted = _count(corpus, progress)
    known = counted.df >= _LEAST_DF
    terms, df = counted.terms[known], counted.df[known]
    if not len(terms):
        message = f"nothing to learn: {counted.articles} articles of {_LEAST_TERMS} words and more share no word"
        raise CorpusError(message)
    eligible = (df >= _LEAST_VECTOR_DF) & (df <= _COMMON * counted.articles)
    share = min(1.0, SENTENCES / counted.sentences)
    words, sentences = _second_pass(corpus, terms, terms[eligible], share, progress)
    chosen, vectors = _vectors(sparse, sentences, df[eligible])
    rows = np.flatnonzero(eligible)[chosen]
    packed, scale = _quantised(vectors)
    metadata = {
        "version": VERSION,
        "articles": counted.articles,
        "dimensions": DIMENSIONS,
        "scale": scale,
        "sources": list(sources),
    }
    columns = [
        pa.array(terms),
        pa.array([words[term] for term in terms.tolist()], pa.string()),
        pa.array(df, pa.int32()),
        _vector_column(len(terms), rows, packed),
    ]
    return pa.table(columns, SCHEMA.with_metadata({_METADATA: json.dumps(metadata, sort_keys=True).encode()}))


def _sparse() -> Any:
    try:
        return importlib.import_module("scipy.sparse")
    except ModuleNotFoundError as error:
        message = "learning a background needs scipy; install it with: pip install scipy"
        raise MissingExtraError(message) from error


_READ = ("title", "text")


class _Batch(NamedTuple):
    """Titles and texts of a run of articles as one reading: ``owners`` says of each token in which article it is."""

    texts: text.Texts
    reading: text.Reading
    owners: NDArray[np.int64]
    articles: int


def _batches(corpus: Corpus, stage: str, progress: Progress) -> Iterator[_Batch]:
    progress(stage, 0, len(corpus))
    for piece in range(len(corpus.pieces)):
        for row, batch in corpus.read(piece, _READ):
            articles = batch.num_rows
            texts = text.views(pa.concat_arrays(batch.columns))
            try:
                reading = text.read(texts)
            except CorpusError as error:
                field, wrong = divmod(error.row or 0, articles)
                place, name = corpus.pieces[piece].place(), corpus.names[_READ[field]]
                message = f"{place}: column {name!r}: row {row + wrong} is not valid UTF-8; decode it first"
                raise CorpusError(message, row=row + wrong) from error
            owners = np.repeat(np.arange(2 * articles) % articles, np.diff(reading.tokens.places))
            yield _Batch(texts, reading, owners, articles)
            progress(stage, row + articles, len(corpus))


# First pass: document frequencies


class _Counted(NamedTuple):
    articles: int
    sentences: int
    terms: NDArray[np.uint64]
    df: NDArray[np.int64]


class _Tally:
    """Counts of keys. Parts are merged when they are as long as what there is: each key is sorted a few times."""

    _LEAST = 1 << 20

    def __init__(self) -> None:
        self._keys = [np.empty(0, np.uint64)]
        self._counts = [np.empty(0, np.int64)]
        self._waiting = 0

    def add(self, keys: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
        self._keys.append(keys)
        self._counts.append(counts)
        self._waiting += len(keys)
        if self._waiting > max(self._LEAST, len(self._keys[0])):
            self.total()

    def total(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        keys, places = np.unique(np.concatenate(self._keys), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, places, np.concatenate(self._counts))
        self._keys, self._counts, self._waiting = [keys], [counts], 0
        return keys, counts


def _count(corpus: Corpus, progress: Progress) -> _Counted:
    tally, articles, sentences = _Tally(), 0, 0
    for batch in _batches(corpus, "count", progress):
        distinct, places = np.unique(batch.reading.terms, return_inverse=True)
        owners, numbers = np.divmod(np.unique(batch.owners * len(distinct) + places), len(distinct) or 1)
        meant = distinct[numbers] != 0  # the rest of a number
        owners, numbers = owners[meant], numbers[meant]
        long = np.bincount(owners, minlength=batch.articles) >= _LEAST_TERMS
        tally.add(distinct, np.bincount(numbers[long[owners]], minlength=len(distinct)))
        articles += int(long.sum())
        sentences += int(np.count_nonzero(batch.reading.flags & text.SENTENCE))
    return _Counted(articles, sentences, *tally.total())


# Second pass: spellings, and sentences as sets of terms

_MIX = np.uint64(0x9E3779B97F4A7C15)  # makes one key of a term and a token


class _Sentences(NamedTuple):
    """Sentence ``i`` holds the columns ``members[places[i]:places[i + 1]]``, of ``columns`` in all."""

    members: NDArray[np.int32]
    places: NDArray[np.int64]
    columns: int


def _second_pass(
    corpus: Corpus, terms: NDArray[np.uint64], candidates: NDArray[np.uint64], share: float, progress: Progress
) -> tuple[dict[int, str], _Sentences]:
    spellings, collected = _Spellings(terms), _Collected(candidates, share)
    for batch in _batches(corpus, "vectors", progress):
        spellings.add(batch)
        collected.add(batch)
    return spellings.chosen(), collected.distinct()


class _Spellings:
    """How each of ``terms`` is spelled most often; of two as frequent the shorter, then the first in the alphabet."""

    def __init__(self, terms: NDArray[np.uint64]) -> None:
        self._terms = terms
        self._tally = _Tally()
        self._written: dict[int, tuple[int, str]] = {}

    def add(self, batch: _Batch) -> None:
        tokens, terms = batch.reading.tokens, batch.reading.terms
        keys, first, counts = np.unique(terms * _MIX + tokens.hashes, return_index=True, return_counts=True)
        known = np.isin(terms[first], self._terms)
        keys, first, counts = keys[known], first[known], counts[known]
        self._tally.add(keys, counts)
        own = np.searchsorted(tokens.places, first, side="right") - 1
        for key, token, article in np.stack([keys, first.astype(np.uint64), own.astype(np.uint64)], axis=1).tolist():
            if key not in self._written:
                self._written[key] = int(terms[token]), _spelling(batch, token, article)

    def chosen(self) -> dict[int, str]:
        """Return the spelling of each term."""
        ranked: dict[int, tuple[int, int, str]] = {}
        keys, counts = self._tally.total()
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            term, word = self._written[key]
            rank = (-count, len(word), word)
            ranked[term] = min(ranked.get(term, rank), rank)
        return {term: word for term, (_, _, word) in ranked.items()}


def _spelling(batch: _Batch, token: int, article: int) -> str:
    """Return a token as it is written, normalised; a number with all its parts."""
    tokens, terms = batch.reading.tokens, batch.reading.terms
    last = token
    while last + 1 < tokens.places[article + 1] and terms[last + 1] == 0:
        last += 1
    start = batch.texts.starts[article]
    word = text.normalise(batch.texts.data[start + tokens.starts[token] : start + tokens.ends[last]].tobytes().decode())
    return word.replace(",", "") if batch.reading.flags[token] & text.NUMBER else word


class _Collected:
    """Sentences with two of the candidates and more, each once: what is printed a hundred times is no more true.

    A ``share`` of them is kept, by hash, so that no order shows.
    """

    def __init__(self, candidates: NDArray[np.uint64], share: float) -> None:
        self._candidates = candidates
        self._limit = np.uint64(min(int(share * (1 << 64)), (1 << 64) - 1))
        self._members = [np.empty(0, np.int32)]
        self._sizes = [np.empty(0, np.int64)]
        self._prints = [np.empty(0, np.uint64)]

    def add(self, batch: _Batch) -> None:
        terms, flags = batch.reading.terms, batch.reading.flags
        columns = np.searchsorted(self._candidates, terms)
        kept = np.isin(terms, self._candidates) & (flags & text.NUMBER == 0)
        width = len(self._candidates) + 1
        sentences, members = np.divmod(np.unique((_sentences(flags) * width + columns)[kept]), width)
        starts = np.flatnonzero(np.diff(sentences, prepend=-1))
        if not len(starts):
            return
        sizes = np.diff(starts, append=len(sentences))
        prints = np.add.reduceat(self._candidates[members], starts)
        chosen = (sizes > 1) & (prints <= self._limit)
        self._members.append(members[np.repeat(chosen, sizes)].astype(np.int32))
        self._sizes.append(sizes[chosen])
        self._prints.append(prints[chosen])

    def distinct(self) -> _Sentences:
        sizes = np.concatenate(self._sizes)
        _, first = np.unique(np.concatenate(self._prints), return_index=True)
        chosen = np.zeros(len(sizes), bool)
        chosen[first] = True
        members = np.concatenate(self._members)[np.repeat(chosen, sizes)]
        return _Sentences(members, np.append(0, np.cumsum(sizes[chosen])), len(self._candidates))


def _sentences(flags: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the number of the sentence of every token; long ones are cut."""
    place = np.arange(len(flags))
    started = np.maximum.accumulate(np.where(flags & text.SENTENCE, place, 0))
    return np.cumsum((place - started) % _LONGEST == 0)


# Word vectors

_BLOCK = 2048  # rows of the co-occurrence matrix at a time
_SPARE = 16  # dimensions beyond those wanted, and rounds of iteration: accuracy of the randomised SVD
_ROUNDS = 3
_SEED = 1
_NOISE = 1e-6  # length, of the longest, up to which a vector is rounding error: a term without company


def _vectors(sparse: Any, sentences: _Sentences, df: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the columns that get a vector, ascending, and the vectors, of unit length."""
    count = len(sentences.places) - 1
    ones = np.ones(len(sentences.members), np.int32)
    incidence = sparse.csr_matrix((ones, sentences.members, sentences.places), shape=(count, sentences.columns))
    seen = np.bincount(sentences.members, minlength=sentences.columns)
    order = np.lexsort((np.arange(len(df)), -df))
    chosen = np.sort(order[seen[order] > 0][:VECTORS])
    if not len(chosen):
        return chosen, np.zeros((0, DIMENSIONS))
    factors = _factors(_mutual_information(sparse, incidence[:, chosen], seen[chosen]))
    lengths = np.linalg.norm(factors, axis=1)
    related = lengths > max(_NOISE * lengths.max(), _NOISE)
    return chosen[related], _unit(factors[related])


def _mutual_information(sparse: Any, incidence: Any, seen: NDArray[np.int64]) -> Any:
    """Return the positive pointwise mutual information of terms in sentences, symmetric."""
    columns = incidence.T.tocsr()
    total, blocks = incidence.shape[0], [sparse.csr_matrix((0, len(seen)))]
    for start in range(0, len(seen), _BLOCK):
        together = (columns[start : start + _BLOCK] @ incidence).tocoo()
        rows = together.row + start
        often = (together.data >= _LEAST_TOGETHER) & (rows != together.col)
        rows, cols, data = together.row[often], together.col[often], together.data[often]
        information = np.log(data.astype(np.float64) * total / (seen[rows + start] * seen[cols]))
        positive = information > 0
        blocks.append(
            sparse.csr_matrix((information[positive], (rows[positive], cols[positive])), shape=together.shape)
        )
    return sparse.vstack(blocks, format="csr")


def _factors(matrix: Any) -> NDArray[np.float64]:
    """Return singular vectors times the roots of their values (Halko et al. 2011), of a symmetric matrix.

    Deterministic: a fixed seed, and of each vector the largest value is positive.
    """
    size = matrix.shape[0]
    wide = min(DIMENSIONS + _SPARE, size)
    basis = np.random.default_rng(_SEED).standard_normal((size, wide))
    for _ in range(_ROUNDS + 1):
        basis = np.linalg.qr(matrix @ basis).Q
    left, values, _ = np.linalg.svd((matrix @ basis).T, full_matrices=False)
    left, values = (basis @ left)[:, :DIMENSIONS], values[:DIMENSIONS]
    largest = left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])]
    factors = np.zeros((size, DIMENSIONS))
    factors[:, : left.shape[1]] = left * np.sign(largest) * np.sqrt(values)
    return factors


def _quantised(vectors: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Return vectors as int8 and what a step of them is worth, rounded up so that no rounding error shows in it."""
    scale = float(np.ceil(np.abs(vectors).max(initial=0) / 127 * 1e5) + 1) / 1e5
    return np.rint(vectors / scale).astype(np.int8), scale


def _vector_column(count: int, rows: NDArray[np.intp], vectors: NDArray[np.int8]) -> pa.Array:
    values = np.zeros((count, DIMENSIONS), np.int8)
    values[rows] = vectors
    missing = np.ones(count, bool)
    missing[rows] = False
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), DIMENSIONS, mask=pa.array(missing))
