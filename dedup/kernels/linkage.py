"""Average linkage of a sparse graph, in memory and about in time of its edges.

The similarity of two clusters is the sum of the weights between them over the number of their pairs of nodes; a missing
edge counts 0. The most similar two are joined until none reach the cut. A joined cluster is a new one. The heap holds
the nearest other of each cluster; where that one is gone by the time it comes up, the cluster looks again, and nothing
was missed: a join never brings a third cluster nearer than either part was.

Edges are half-edges in linked lists: a join strings two lists together, and who looks through a list drops what is
inside by now and adds up what leads to the same cluster. Weights are integers, so that sums have no order.
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
    similarities go to the clusters with the smallest nodes.
    """
    nodes = len(cluster)
    head, tail, following, target, total = _half_edges(low, high, weight, nodes)
    parent = np.arange(2 * nodes)
    first = np.arange(2 * nodes)  # smallest node
    count = np.ones(2 * nodes, np.int64)
    inner = np.zeros(2 * nodes, np.int64)
    last = np.full(2 * nodes, np.inf)
    slot, stamp = np.empty(2 * nodes, np.int64), np.full(2 * nodes, -1, np.int64)
    looks = 0
    heap = [(0.0, 0, 0, 0, 0) for _ in range(0)]
    for node in range(nodes):
        similarity, other = _nearest(node, head, following, target, total, count, first)
        if similarity >= cut:
            heap.append((-similarity, min(node, other), max(node, other), node, other))
    heapify(heap)
    new = nodes
    while len(heap) > 0:
        negative, _, _, one, two = heappop(heap)
        if parent[one] != one:
            continue
        if parent[two] == two:
            parent[one] = parent[two] = new
            first[new] = min(first[one], first[two])
            count[new] = count[one] + count[two]
            inner[new] = inner[one] + inner[two]
            last[new] = -negative
            head[new], tail[new] = head[one], tail[two]
            following[tail[one]] = head[two]
            one = new
            new += 1
        inner[one] += _tidy(one, looks, head, tail, following, target, total, parent, slot, stamp)
        looks += 1
        similarity, other = _nearest(one, head, following, target, total, count, first)
        if similarity >= cut:
            earlier, later = min(first[one], first[other]), max(first[one], first[other])
            heappush(heap, (-similarity, earlier, later, one, other))
    for node in range(nodes):
        root = _root(parent, node)
        place = first[root]
        cluster[node], size[place], inside[place], weakest[place] = place, count[root], inner[root], last[root]


@inline
def _half_edges(low: Any, high: Any, weight: Any, nodes: Any) -> Any:
    """Return the linked lists of the nodes, with room for the clusters to come; a node's half-edges lie together."""
    places = np.zeros(nodes + 1, np.int64)
    for edge in range(len(low)):
        places[low[edge] + 1] += 1
        places[high[edge] + 1] += 1
    places = np.cumsum(places)
    head, tail = np.full(2 * nodes, -1, np.int64), np.full(2 * nodes, -1, np.int64)
    following = np.arange(1, 2 * len(low) + 1)
    for node in range(nodes):
        if places[node] < places[node + 1]:
            head[node], tail[node] = places[node], places[node + 1] - 1
            following[tail[node]] = -1
    target, total = np.empty(2 * len(low), np.int64), np.empty(2 * len(low), np.int64)
    for edge in range(len(low)):
        one, two = places[low[edge]], places[high[edge]]
        target[one], target[two] = high[edge], low[edge]
        total[one] = total[two] = weight[edge]
        places[low[edge]] += 1
        places[high[edge]] += 1
    return head, tail, following, target, total


@inline
def _nearest(one: Any, head: Any, following: Any, target: Any, total: Any, count: Any, first: Any) -> Any:
    """Return the highest similarity of a tidy list and with which cluster, of equals that with the smallest node."""
    best, nearest = -1.0, -1
    edge = head[one]
    while edge >= 0:
        other = target[edge]
        similarity = total[edge] / (count[one] * count[other])
        if similarity > best or (similarity == best and first[other] < first[nearest]):
            best, nearest = similarity, other
        edge = following[edge]
    return best, nearest


@inline
def _tidy(
    one: Any,
    look: Any,
    head: Any,
    tail: Any,
    following: Any,
    target: Any,
    total: Any,
    parent: Any,
    slot: Any,
    stamp: Any,
) -> Any:
    """Leave in the list of a cluster one half-edge to each other cluster; return the weight that fell inside.

    ``look`` is another number at each call; ``slot[c]`` is then the half-edge to ``c`` where ``stamp[c]`` is ``look``.
    """
    within, previous, edge = 0, -1, head[one]
    while edge >= 0:
        other = _root(parent, target[edge])
        target[edge] = other
        if other == one:
            within += total[edge]
        elif stamp[other] == look:
            total[slot[other]] += total[edge]
        else:
            if previous < 0:
                head[one] = edge
            else:
                following[previous] = edge
            stamp[other], slot[other] = look, edge
            previous = edge
        edge = following[edge]
    if previous < 0:
        head[one] = -1
    else:
        following[previous] = -1
    tail[one] = previous
    return within // 2  # either end had it


@inline
def _root(parent: Any, cluster: Any) -> Any:
    while parent[cluster] != cluster:
        parent[cluster] = parent[parent[cluster]]
        cluster = parent[cluster]
    return cluster
