"""Graphs of users: who is a friend of whom, and the triangles among friends."""
import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, identity

from workbench.artifacts import digest
from workbench.data.links.rewiring import rewired_social
from workbench.data.schema import USER, Dataset
from workbench.data.tables import required_table
from workbench.nets.propagation import normalise
from workbench.stages import draw

LINKS = 20_000  # whose rows are multiplied at a time


def friend_matrix(dataset: Dataset, n_users: int, *, rewire: np.random.Generator | None = None) -> csr_matrix:
    """(U+1, U+1) of ones where two of the first n_users users are linked, in either direction, in the table `social`;
    nobody with themselves, and the last row, of unknown users, with nobody. The links become part of the key of what is
    built with them. UserError where there is no such table.

    rewire: gives everyone as many links as before, to others.
    """
    table = required_table(dataset, "social")[[USER, "friend"]]
    links = table[(table < n_users).all(axis=1) & (table[USER] != table["friend"])]
    draw("social", digest(links.to_numpy().tolist()))
    if rewire is not None:
        links = rewired_social(links, rewire)
    first, second = links.to_numpy(np.int64).T
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    matrix = coo_matrix((np.ones(len(ends[0])), ends), (n_users + 1,) * 2).tocsr()
    matrix.data[:] = 1  # however often a link is given
    return matrix


def social_views(friends: csr_matrix, user_items: csr_matrix) -> tuple[csr_matrix, csr_matrix]:
    """The friend view (S S) * S + 1 and the sharing view (R R') * S + 1, both (U+1, U+1) and normalised by degrees: a
    link counts the friends, and the items, that its two users have in common (SEPT, arXiv:2106.03569, eq. 2).

    friends: S (U+1, U+1). user_items: R (U+1, I+1) of ones. Only the products at the links are computed, row by row in
    sparse form. Without links both are the identity.
    """
    one = identity(friends.shape[0], format="csr")
    common = [at_links(friends, friends), at_links(friends, user_items)]
    return tuple(normalise(csr_matrix(each + one)) for each in common)


def at_links(links: csr_matrix, rows: csr_matrix) -> csr_matrix:
    """(rows rows') * links: at each link the product of the rows (n, m) of its two ends; links without any drop out."""
    found = links.tocoo()
    products = np.concatenate([
        np.asarray(rows[found.row[at]].multiply(rows[found.col[at]]).sum(1)).ravel()
        for at in np.array_split(np.arange(found.nnz), found.nnz // LINKS + 1)
    ])  # fmt: skip
    matrix = csr_matrix((products, (found.row, found.col)), links.shape)
    matrix.eliminate_zeros()
    return matrix
