"""The glossary: terms are linked once, outside code and headings, and every link leads somewhere."""
import re

from html_document import Document

from workbench.notebooks.discovery import series
from workbench.report.glossary import TERMS, anchor, glossary, link_terms


def test_terms_of_one_sentence_shown_in_notebooks_that_exist():
    names = {path.stem for path in series()}
    assert len(TERMS) == len({anchor(term.name) for term in TERMS}) == len({term.name for term in TERMS})
    for term in TERMS:
        assert term.meaning.endswith(".") and term.meaning.count(". ") == 0
        if not term.notebook:
            continue
        assert term.notebook in names
        text = next(path for path in series() if path.stem == term.notebook).read_text(encoding="utf-8")
        assert re.search(term.forms, text, re.I), f"{term.notebook} does not show {term.name}"


def test_a_term_is_linked_at_its_first_use_in_prose_alone():
    used = set()
    skipped = '<h2>A beam</h2><p><code>beam</code> <a href="x">beam</a>'
    html = link_terms(f"{skipped} beams and <em>beam search</em></p>", used)
    assert html.count('class="term"') == 1 and used == {"beam search"}
    assert '<a class="term" id="use-beam-search" href="#term-beam-search">beams</a> and <em>beam search</em>' in html
    assert link_terms("<p>another beam</p>", used) == "<p>another beam</p>"
    assert link_terms("<p>sunbeam beam-like</p>", set()) == "<p>sunbeam beam-like</p>"


def test_links_of_a_page_lead_to_its_glossary_and_back():
    used = set()
    text = link_terms("<p>A placebo and a latent in a trie &amp; NDCG@10.</p>", used)
    ids = {attributes["id"] for _, attributes in Document(text + glossary(used)).tags if "id" in attributes}
    targets = {attributes["href"] for tag, attributes in Document(text + glossary(used)).tags if tag == "a"}
    assert len(used) == 4 and {f"#{name}" for name in ids} >= targets and not glossary(set())


def test_an_index_lists_all_terms_and_links_to_the_pages_that_are_there():
    html = glossary(set(), {"02_train_tokenizer": "02.html"})
    assert html.count("<dt") == len(TERMS) and 'href="02.html">02_train_tokenizer</a>' in html
    assert "(00_start_here)" in html and "(tables of results)" in html


def test_terms_of_sets_and_studies_are_found_where_they_are_meant():
    used = set()
    link_terms("<p>MAP@10, hit rate, precision@10; recall within the ceiling@50; a verdict, no off switch</p>", used)
    assert used == {"MAP", "hit rate", "precision", "ceiling@n", "verdict", "off switch"}
    assert link_terms("<p>a map of vectors in single-precision under a ceiling</p>", set()).count("<a") == 0
