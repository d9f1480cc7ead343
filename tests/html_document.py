"""Parse an exported page as a browser would, and check that nothing in it can run or send requests."""
from html.parser import HTMLParser

from workbench.report import page_template


class Document(HTMLParser):
    """Every tag with its attributes, every script's text, and the text of the page, as a browser would see them."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.inside, self.text = [], [], None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif self.inside != "style":
            self.text += data


def inert(text: str) -> Document:
    """Check that only our scripts can run and nothing is requested; returns the parsed page."""
    document = Document(text)
    names = ("page.js", "../show/tables.js", "folds.js", "../show/sort.js")
    ours = {page_template.plotly_js(), *map(page_template._file, names)}
    assert {script for kind, script in document.scripts if kind != "application/json"} <= ours
    assert not {"iframe", "object", "embed", "svg", "base", "form", "input"} & {tag for tag, _ in document.tags}
    assert [tag for tag, _ in document.tags].count("style") == 1
    for tag, attributes in document.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert "javascript:" not in (attributes.get("href") or "")
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert tag != "link" or attributes == {"rel": "icon", "href": "data:,"}
        assert "url(" not in (attributes.get("style") or "")
    policy = next(a["content"] for tag, a in document.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'") and "connect-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    return document
