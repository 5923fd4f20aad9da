"""The page that needs no kernel."""

import base64
import gzip
import html
import re
from html.parser import HTMLParser

from minform import Playground


class Addresses(HTMLParser):
    """Every attribute that makes a browser fetch something."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        fetched = {"src", "href", "action", "data", "poster", "srcset", "background"}
        self.found += [(tag, name, value) for name, value in attrs if name in fetched]


def page():
    return Playground(steps=["a", "</script><b>b"], rewards=[0.5, -0.5], theme="dark").render_static()


def test_it_refers_to_nothing_outside():
    addresses = Addresses()
    addresses.feed(page().html)
    assert addresses.found == []
    assert not re.search(
        r"@import|url\(|<link|<img", re.sub(r'(?s)<script type="text/plain".*?</script>', "", page().html)
    )


def test_it_holds_the_scripts_and_the_state():
    document = page().html
    packed = re.search(r'data-file="widget\.js\.gz">([^<]+)<', document).group(1)
    assert b"minform-playground" in gzip.decompress(base64.b64decode(packed))
    assert "</script><b>" not in document and "\\u003c/script>" in document
    assert '<minform-playground embedded theme="dark">' in document


def test_the_frame_holds_the_page():
    shown = page()
    frame = shown._repr_html_()
    inside = re.fullmatch(
        r'<iframe title="minform playground" style="[^"]*height: 720px[^"]*" srcdoc="([^"]*)"></iframe>', frame
    )
    assert html.unescape(inside.group(1)) == shown.html
    assert len(frame) < 4_000_000


def test_it_is_saved_as_a_file(tmp_path):
    path = tmp_path / "page.html"
    page().save(path)
    assert path.read_text().startswith("<!doctype html>")
