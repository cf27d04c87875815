"""Average linkage of a sparse graph, in memory and time of its edges.

The similarity of two clusters is the sum of the weights between them over the number of their pairs of nodes; a missing
edge counts 0. The most similar two are joined until none reach the cut. A joined cluster is a new one: what waits in
the heap for either part is void. Edges are half-edges in linked lists; a join strings two lists together, drops what
is now inside and adds up what leads to the same cluster. Weights are integers, so that sums have no order.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel


@kernel
def average_linkage(
    low: Any, high: Any, weight: Any, cut: Any, cluster: Any, size: Any, inside: Any, weakest: Any
) -> None:
    """Write for each node its ``cluster`` (the smallest node of it), and of each cluster, at that node, three figures.

    These are its number of nodes, the sum of the weights ``inside`` and the similarity at which its last join happened
    (infinite without one). Edges are distinct, ``low < high``, of weight (int64) above 0; ``cut`` is above 0. Equal
    similarities are joined in the order of the clusters' smallest nodes.
    """
    nodes, edges = len(cluster), len(low)
    parent = np.arange(2 * nodes)
    first = np.arange(2 * nodes)  # smallest node
    count = np.ones(2 * nodes, np.int64)
    inner = np.zeros(2 * nodes, np.int64)
    last = np.full(2 * nodes, np.inf)
    head, tail = np.full(2 * nodes, -1, np.int64), np.full(2 * nodes, -1, np.int64)
    following = np.full(2 * edges, -1, np.int64)
    target = np.empty(2 * edges, np.int64)
    total = np.empty(2 * edges, np.int64)
    slot, stamp = np.empty(2 * nodes, np.int64), np.full(2 * nodes, -1, np.int64)
    heap = [(0.0, 0, 0, 0, 0) for _ in range(0)]
    for edge in range(edges):
        _append(head, tail, following, low[edge], 2 * edge)
        _append(head, tail, following, high[edge], 2 * edge + 1)
        target[2 * edge], target[2 * edge + 1] = high[edge], low[edge]
        total[2 * edge] = total[2 * edge + 1] = weight[edge]
        if weight[edge] >= cut:
            heap.append((-float(weight[edge]), int(low[edge]), int(high[edge]), int(low[edge]), int(high[edge])))
    heapify(heap)
    new = nodes
    while len(heap) > 0:
        negative, _, _, one, two = heappop(heap)
        if parent[one] != one or parent[two] != two:
            continue
        parent[one] = parent[two] = new
        first[new] = min(first[one], first[two])
        count[new] = count[one] + count[two]
        last[new] = -negative
        head[new], tail[new] = head[one], tail[two]
        following[tail[one]] = head[two]
        within = _tidy(new, head, tail, following, target, total, parent, slot, stamp)
        inner[new] = inner[one] + inner[two] + within
        edge = head[new]
        while edge >= 0:
            other = target[edge]
            similarity = total[edge] / (count[new] * count[other])
            if similarity >= cut:
                earlier, later = (new, other) if first[new] < first[other] else (other, new)
                heappush(heap, (-similarity, first[earlier], first[later], earlier, later))
            edge = following[edge]
        new += 1
    for node in range(nodes):
        root = _root(parent, node)
        place = first[root]
        cluster[node], size[place], inside[place], weakest[place] = place, count[root], inner[root], last[root]


@inline
def _append(head: Any, tail: Any, following: Any, node: Any, edge: Any) -> None:
    if tail[node] >= 0:
        following[tail[node]] = edge
    else:
        head[node] = edge
    tail[node] = edge


@inline
def _tidy(
    new: Any, head: Any, tail: Any, following: Any, target: Any, total: Any, parent: Any, slot: Any, stamp: Any
) -> Any:
    """Leave in the list of a new cluster one half-edge to each other cluster; return the weight that fell inside."""
    within, previous, edge = 0, -1, head[new]
    while edge >= 0:
        after = following[edge]
        other = _root(parent, target[edge])
        target[edge] = other
        if other == new or stamp[other] == new:
            if other == new:
                within += total[edge]
            else:
                total[slot[other]] += total[edge]
            following[previous] = after  # harmless at the front: see the end
        else:
            if previous < 0:
                head[new] = edge
            stamp[other], slot[other] = new, edge
            previous = edge
        edge = after
    if previous < 0:
        head[new] = -1
    tail[new] = previous
    return within // 2  # either end had it


@inline
def _root(parent: Any, cluster: Any) -> Any:
    while parent[cluster] != cluster:
        parent[cluster] = parent[parent[cluster]]
        cluster = parent[cluster]
    return cluster
