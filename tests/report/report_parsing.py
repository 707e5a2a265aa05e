"""Reading a page back with the standard parser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link", "col"}


class Page(HTMLParser):
    """Tags, attributes, text by section and table cells; unbalanced markup fails."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.headings: list[tuple[int, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._section = self._caption = ""
        self.feed(text)
        self.close()
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "section":
            self._section = attributes["id"]
            self.sections[self._section] = ""
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))
        if tag == "caption":
            self._caption = ""
        if tag == "tr" and self._caption:
            self.tables[self._caption].append([])
        if tag in ("td", "th") and self._caption:
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, f"</{tag}> closes {self.stack[-3:]}"
        self.stack.pop()
        if tag == "section":
            self._section = ""
        if tag == "caption":
            self.tables[self._caption] = []
        if tag == "table":
            self._caption = ""

    def handle_data(self, data):
        if "script" in self.stack or "style" in self.stack:
            return
        if self._section:
            self.sections[self._section] += data
        if self.stack and self.stack[-1].startswith("h") and self.stack[-1][1:].isdigit():
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
        if "caption" in self.stack:
            self._caption += data
        elif self._caption and ("td" in self.stack or "th" in self.stack):
            self.tables[self._caption][-1][-1] += data

    def attributes(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [a[name] or "" for _, a in self.tags if name in a]

    def rows(self, caption_start: str) -> list[dict[str, str]]:
        """Rows of the table whose caption starts so, by heading."""
        caption = next(c for c in self.tables if c.startswith(caption_start))
        head, *body = self.tables[caption]
        return [dict(zip(head, row, strict=True)) for row in body]
