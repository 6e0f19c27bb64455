"""bench_report.py FILE WORDS: the HTML report of a bench is well-formed, has its charts, says WORDS, and neither
asks for anything nor runs anything. Prints the first thing that does not hold."""
import html.parser
import re
import sys

VOID = {"meta", "br", "line", "polyline", "circle"}
LOADS = {"script", "img", "link", "iframe", "object", "embed", "video", "audio", "base", "form", "image", "use", "a"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.points, self.text = [], [], 0, ""

    def handle_starttag(self, tag, attributes):
        names = {name for name, _ in attributes}
        assert tag not in LOADS, f"<{tag}>"
        assert not names & {"src", "href", "srcset", "action", "data", "style"}, names
        assert not any(name.startswith("on") for name in names), names
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "points":
                places = [tuple(map(float, place.split(","))) for place in value.split()]
                assert all(0 <= x <= 680 and 0 <= y <= 300 for x, y in places), value
                self.points += len(places)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open, page.open
    assert page.seen.count("svg") == 3, page.seen.count("svg")
    assert page.seen.count("polyline") >= 3 + 4 + 3, page.seen.count("polyline")
    assert page.points > 60, page.points
    assert "default-src 'none'" in text, "no policy"
    assert not re.search(r"url\(|@import|nan|[^a-z]inf[^a-z]", text), "a load, or no number"
    assert sys.argv[2] in page.text, "the verdict is missing"


main()
