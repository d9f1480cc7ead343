"""Wrong answers to the exercises of the workshop: for every exercise one per hint of its check, in order, then one or
more that get the last message. Percent in the place of a share is tried for every share besides."""

WRONG = {
    "1_spell_an_item": [
        [
            "answer = (codes.codes[:, 0] == codes.codes[item, 0]).sum()",
            "answer = (codes.codes[:, 1] == codes.codes[item, 1]).sum() - 1",
            "answer = 'many'",
            "answer = codes.codes[:, 0] == codes.codes[item, 0]",
            "answer = None",
        ],
        [
            "answer = codes.codes[item, 0]",
            "answer = [np.square(table - residual).sum(1).argmin() for table in tables]",
            "answer = [np.square(tables[0] - residual).sum(1).argmin(), -1, -1]",
            "answer = [np.square(table - residual).sum(1).argmax() for table in tables]",
            "answer = [(table @ residual).argmin() for table in tables]",
        ],
        [
            "answer = 1 - len(pairs) / bench.dataset.n_items",
            "answer = (count > 1).mean()",
            "answer = count[count > 1].sum()",
            "answer = (count == 1).sum() / count.sum()",
            "answer = count.max() / count.sum()",
        ],
        [
            "answer = (in_beam[:, 0] & ~in_beam[:, 1]).mean()",
            "answer = in_beam[in_beam[:, 0], 1].mean()",
            "answer = (~in_beam[:, 0]).mean()",
            "answer = 1 - in_beam[:, 1].mean()",
            "answer = (~in_beam).mean()",
        ],
    ],
    "2_what_a_sasrec_knows": [
        [
            "answer = 1 - np.square(x - reconstruction).sum() / np.square(x - x.mean(axis=0)).sum()",
            "answer = np.square(x - reconstruction).sum() / np.square(x).sum()",
            "answer = np.square(x - x.mean(axis=0)).sum() / np.square(x - reconstruction).sum()",
            "answer = (x - reconstruction).sum() / (x - x.mean(axis=0)).sum()",
            "answer = np.square(x - reconstruction).sum()",
        ],
        [
            "answer = (z.getnnz(axis=0) > 0).mean()",
            "answer = (z.getnnz(axis=0) == 0).sum()",
            "answer = (z.toarray() == 0).mean()",
            "answer = (z.getnnz(axis=1) == 0).mean()",
            "answer = z.getnnz(axis=0)",
        ],
        [
            "answer = (active == holds).mean()",
            "answer = holds[active].mean()",
            "answer = active[holds].mean()",
            "answer = (holds[active].mean() + active[holds].mean()) / 2",
            "answer = (active & holds).sum() / (active.sum() + holds.sum())",
            "answer = holds[active].mean() * active[holds].mean()",
        ],
        [
            "answer = (chance >= observed).mean()",
            "answer = (1 + (chance >= observed).sum()) / len(chance)",
            "answer = (chance < observed).mean()",
            "answer = (1 + (chance >= observed).sum()) / 1000",
            "answer = observed - chance.mean()",
        ],
        [
            "answer = recovered['spliced'] / recovered['base']",
            "answer = (recovered['base'] - recovered['spliced']) / (recovered['base'] - recovered['mean'])",
            "answer = (recovered['spliced'] - recovered['zero']) / (recovered['base'] - recovered['zero'])",
            "answer = recovered['spliced'] - recovered['mean']",
            "answer = recovered['mean'] / recovered['spliced']",
        ],
    ],
    "3_solvable_by_a_shortcut": [
        [
            "answer = follows[last[row]].toarray().ravel().argmax()",
            "answer = np.sort(-follows[last[row]].toarray().ravel())[:10]",
            "answer = np.argsort(follows[last[row]].toarray().ravel())[:10]",
            "answer = np.argsort(-follows[:, [last[row]]].toarray().ravel())[:10]",
            "answer = np.argsort(-follows[last[row]].toarray().ravel())[1:11]",
            "answer = np.argsort(-follows[last[row]].toarray().ravel())[:10][::-1]",
            "answer = np.argsort(-follows[last[row]].toarray().ravel())[:10][::-1] * 1.0",
        ],
        [
            "answer = np.asarray(follows[last, targets]).mean()",
            "answer = (np.asarray(follows[last, targets]) > 0).sum()",
            "answer = (np.asarray(follows[targets, last]) > 0).mean()",
            "answer = (np.asarray(follows[last, targets]) == 0).mean()",
            "answer = follows.nnz / np.prod(follows.shape)",
        ],
        [
            "answer = network.mean() / rule.mean()",
            "answer = rule.mean() - network.mean()",
            "answer = network.mean() - rule.mean()",
            "answer = rule[network > 0].mean() / network[network > 0].mean()",
            "answer = (rule > 0).mean()",
        ],
        [
            "answer = 1.96 * (network - rule).std()",
            "answer = (network - rule).std() / np.sqrt(len(rule))",
            "answer = 1.96 * np.sqrt((network.var() + rule.var()) / len(rule))",
            "answer = 1.96 * (network - rule).std() / len(rule)",
            "answer = (network - rule).mean()",
        ],
        [
            "answer = (network - rule)[label == 'memorized'].mean()",
            "answer = (network - rule).mean()",
            "answer = ((network - rule) * (label != 'memorized')).mean()",
            "answer = (rule - network)[label != 'memorized'].mean()",
            "answer = 1.0",
        ],
    ],
}
# What a student may do to the arrays of an exercise on the way, which must damage no check.
DAMAGE = {
    "1_spell_an_item": "left = vectors[item]\nleft -= 1\ntables[0][:] = 0\nin_beam = None",
    "2_what_a_sasrec_knows": "x -= 1\nreconstruction *= 0\nz.data[:] = 0",
    "3_solvable_by_a_shortcut": "follows.data[:] = 0\nlast[:] = 1",
}
