"""Terms of the field, each in one sentence: linked where a page first uses them and listed at its end."""
import re
from html import escape
from typing import NamedTuple

TAG = re.compile(r"(<[^>]+>)")
SKIPPED = {"a", "code", "pre", "h1", "h2", "h3"}  # elements in which no term is linked


class Term(NamedTuple):
    """meaning: one sentence. notebook: where it is shown, "" for what only tables of results name. forms: how prose
    writes it, a regular expression."""

    name: str
    meaning: str
    notebook: str
    forms: str


TERMS = (
    Term("leave-one-out", "A split that holds out each user's last item for testing and the one before it for "
         "validation.", "00_start_here", r"leave-one-out|hold(?:s|ing)? out the last (?:item|event)"),
    Term("full ranking", "The held-out item is ranked against the whole catalogue, not against a sample of it.",
         "00_start_here", r"full ranking"),
    Term("NDCG@10", "Normalised discounted cumulative gain: 1 if the held-out item is ranked first, 1/log2(1 + rank) "
         "down to rank 10, 0 below.", "00_start_here", r"NDCG(?:@10)?"),
    Term("MAP", "Mean average precision of a set of held-out items: the precision at the rank of each that is found, "
         "averaged over those that could be.", "", r"(?-i:MAP)(?:@\d+)?|mean average precision"),
    Term("precision", "The share of a recommended list that is held out; with one held-out item and ten places at most "
         ".1.", "", r"precision(?:@\d+)?"),
    Term("hit rate", "The share of users with at least one held-out item in their list; with one held-out item it is "
         "recall.", "", r"hit rate(?:@\d+)?"),
    Term("ceiling@n", "The recall that a first stage allows a re-ranker: the share of held-out items among the n it "
         "retrieves.", "", r"ceiling@\w+"),
    Term("off switch", "A setting that takes the one new idea out of a system and leaves its parent, with the same "
         "budget.", "", r"off switch(?:es)?"),
    Term("verdict", "What a fixed rule reads off the paired intervals of a study: works, no effect shown, worse than "
         "its parent, a placebo does as well, or no conclusion.", "07_read_a_system", r"verdicts?"),
    Term("baseline", "A system without training, such as popularity or item transitions, that every trained one is "
         "compared with.", "00_start_here", r"baselines?"),
    Term("confidence interval", "A range that covers the true value in 95 % of repetitions; paired, it is that of a "
         "difference over the same test users.", "00_start_here", r"(?:95 % |confidence |paired )intervals?"),
    Term("data leakage", "Training on events that happen after those a model is tested on.", "01_explore_dataset",
         r"(?:data )?leakage|leaks?"),
    Term("item transition", "Two items that directly follow each other in some user's train history; all of them form "
         "the train graph.", "01_explore_dataset", r"item transitions?|train graph"),
    Term("semantic ID", "A short sequence of codes that identifies an item, made so that similar items share their "
         "first "
         "codes.", "02_train_tokenizer", r"semantic IDs?"),
    Term("tokenizer", "A function from item vectors to semantic IDs, here residual k-means.", "02_train_tokenizer",
         r"tokeni[sz]ers?"),
    Term("residual quantization", "Each level of a semantic ID encodes what the levels before it left over of the "
         "item's "
         "vector.", "02_train_tokenizer", r"residual (?:quanti[sz]ation|k-means)"),
    Term("collision", "Two items with the same codes; a further digit tells them apart.", "02_train_tokenizer",
         r"collisions?|collide"),
    Term("trie", "The tree of all code prefixes that lead to an item.", "02_train_tokenizer", r"tries?|code tree"),
    Term("beam search", "Decoding a semantic ID code by code while keeping only the most probable prefixes.",
         "03_train_recommender", r"beam search|beams?"),
    Term("placebo", "A variant that keeps everything but the information of an idea, such as permuted codes.",
         "03_train_recommender", r"placebos?"),
    Term("sparse autoencoder", "A network that reconstructs activations from a few active latents, so that each latent "
         "can be interpreted.", "04_probe_with_sae", r"sparse autoencoders?|SAEs?"),
    Term("latent", "One unit of a sparse autoencoder: a direction of the activations, and how strongly it is present.",
         "04_probe_with_sae", r"latents?"),
    Term("permutation test", "A test that compares a statistic with its values after random reassignment of labels.",
         "04_probe_with_sae", r"permutation tests?"),
    Term("ablation", "Removing one part to measure what depends on it.", "04_probe_with_sae",
         r"ablations?|ablat(?:e|ed|es)"),
    Term("shortcut solvability", "The score of the best training-free baseline over that of a trained model (SSI); "
         "above 1 "
         "the baseline is ahead.", "05_diagnose_benchmark", r"shortcut solvability|SSI"),
    Term("memorization", "Test cases whose transition from the last item to the target occurs in train.",
         "05_diagnose_benchmark", r"memori[sz](?:ation|ed)"),
)  # fmt: skip
PATTERNS = {term.name: re.compile(rf"(?<![\w-])(?:{term.forms})(?![\w-])", re.I) for term in TERMS}


def anchor(name: str) -> str:
    """The end of the ids of a term: `term-…` in the glossary, `use-…` where it is first used."""
    return re.sub(r"\W+", "-", name.lower())


def link_terms(html: str, used: set[str]) -> str:
    """Link the first use of each term in a piece of clean HTML to the glossary. `used`: the terms linked so far on this
    page, which grows. Code, headings and links stay as they are."""
    open_tags, parts = [], []
    for part in TAG.split(html):
        if part.startswith("<"):
            name = part.strip("</>").split()[0].lower() if part.strip("</>") else ""
            if part.startswith("</"):
                open_tags = open_tags[: -1 if name in open_tags else None]
            elif name in SKIPPED:
                open_tags.append(name)
        elif not open_tags:
            part = _link(part, used)
        parts.append(part)
    return "".join(parts)


def _link(text: str, used: set[str]) -> str:
    """Text without tags, its terms linked; a link is never made within another."""
    links = []
    for name, pattern in PATTERNS.items():
        match = None if name in used else pattern.search(text)
        if match and not any(match.start() < end and start < match.end() for start, end, _ in links):
            used.add(name)
            links.append((match.start(), match.end(), name))
    for start, end, name in sorted(links, reverse=True):
        link = f'<a class="term" id="use-{anchor(name)}" href="#term-{anchor(name)}">{text[start:end]}</a>'
        text = text[:start] + link + text[end:]
    return text


def glossary(used: set[str], pages: dict[str, str] | None = None) -> str:
    """A folded list of terms: those used on a page, each with a link back to its first use.

    pages: addresses, escaped, by notebook name: the glossary of an index, with all terms and a link to where each is
    shown.
    """
    lines = []
    for term in TERMS:
        name, address = anchor(term.name), None
        if pages is not None:
            address = pages.get(term.notebook)
        elif term.name in used:
            address = f"#use-{name}"
        else:
            continue
        where = (term.notebook or "tables of results") if pages is not None else "on this page"
        shown = f'<a href="{address}">{where}</a>' if address else where
        lines.append(f'<dt id="term-{name}">{escape(term.name)}</dt><dd>{escape(term.meaning)} ({shown})</dd>')
    if not lines:
        return ""
    return f'<details class="glossary" id="glossary"><summary>Glossary</summary><dl>{"".join(lines)}</dl></details>'
