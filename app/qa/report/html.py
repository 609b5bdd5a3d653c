"""A report as one HTML file that loads nothing: style, charts and pictures stand in it. Every text is escaped."""

from __future__ import annotations

import base64
from html import escape

from app.qa.report.blocks import Block, Charts, Gallery, Page, Shot, Table, Title, Words

_STYLE = """
body { font: 15px/1.45 sans-serif; color: #222; max-width: 1320px; margin: 24px auto; padding: 0 24px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 8px; } h3 { font-size: 15px; margin: 18px 0 4px; }
table { border-collapse: collapse; margin: 6px 0; display: block; overflow-x: auto; }
th, td { padding: 3px 16px 3px 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #999; font-weight: 600; }
td { border-bottom: 1px solid #eee; } td:first-child { overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.soft { color: #595959; font-size: 14px; }
.note { background: #fff4d6; border-left: 4px solid #d9a300; padding: 8px 14px; margin: 14px 0; }
.grid { display: flex; flex-wrap: wrap; gap: 24px; }
figure { margin: 0; width: 420px; } figure.wide { width: 640px; max-width: 100%; }
figure img { max-width: 100%; display: block; } figcaption { font-size: 14px; overflow-wrap: anywhere; }
@media print { h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } body { font-size: 12px; } }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html_of(page: Page) -> str:
    """The file's text."""
    body = "\n".join(_block(block) for block in page.blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(page.title)}</h1>\n<p class="soft">{escape(page.under)}</p>\n{body}\n</body>\n</html>\n'
    )


def _block(block: Block) -> str:
    match block:
        case Title(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Words(text, kind):
            return f'<p class="{kind}">{escape(text)}</p>' if kind != "plain" else f"<p>{escape(text)}</p>"
        case Table():
            return _table(block)
        case Charts(charts):
            made = (f"<figure><h3>{escape(title)}</h3>{svg}</figure>" for title, svg in charts)
            return f'<div class="grid">{"".join(made)}</div>'
        case Gallery(shots):
            return f'<div class="grid">{"".join(map(_shot, shots))}</div>'


def _table(table: Table) -> str:
    def cell(tag: str, column: int, text: str) -> str:
        kind = "" if table.is_words(column) else ' class="n"'
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", k, text) for k, text in enumerate(table.heads))
    rows = ("".join(cell("td", k, text) for k, text in enumerate(row)) for row in table.rows)
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{top}<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _shot(shot: Shot) -> str:
    if shot.jpeg:
        data = base64.b64encode(shot.jpeg).decode()
        image = f'<img src="data:image/jpeg;base64,{data}" alt="{escape(shot.caption)}">'
    else:
        image = '<p class="note">The picture cannot be read.</p>'
    words = f'{escape(shot.caption)}<br><span class="soft">{escape(shot.place)}</span>'
    return f'<figure class="wide">{image}<figcaption>{words}</figcaption></figure>'
