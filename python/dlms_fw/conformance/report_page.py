"""The report as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from dlms_fw.conformance.catalogue import ALTERATIONS
from dlms_fw.conformance.expectations import Judged
from dlms_fw.conformance.report import Report
from dlms_fw.conformance.verdicts import Verdict

_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1b1f24; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; vertical-align: top; }
tr { border-bottom: 1px solid #d8dee4; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; }
details p, details ol { margin: .3rem 0 .3rem 1rem; color: #424a53; }
dt { font-weight: 600; float: left; clear: left; width: 12rem; } dd { margin-left: 12rem; }
.PASS { color: #1a7f37; } .FAIL { color: #cf222e; font-weight: 600; }
.INCONCLUSIVE { color: #9a6700; } .INAPPLICABLE { color: #6e7781; }
.surprise { background: #fff1f0; }
@media (prefers-color-scheme: dark) {
body { background: #0d1117; color: #e6edf3; } details p, details ol { color: #9da7b3; }
tr { border-color: #30363d; } .surprise { background: #3b1518; } }
"""


def page(report: Report) -> str:
    """The whole page."""
    body = "\n".join((*_head(report), *_summary(report), *_groups(report)))
    title = f"Conformance of {report.declaration.name}"
    return report.scrub(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Report) -> Iterator[str]:
    document = report.document()
    yield f"<h1>Conformance of {escape(report.declaration.name)}</h1>"
    yield "<dl>"
    places = ", ".join(f"{medium}: {place}" for medium, place in document["places"].items())
    allowed = ", ".join(f"{what} ({ALTERATIONS[what]})" for what in document["allowed"])
    for name, value in (
        ("Began", document["began"]),
        ("Reached at", places or "the bench"),
        ("Bench", document["bench"]),
        ("Might be altered", allowed or "nothing that lasts"),
        ("Suite", f"dlms-fw {document['dlms_fw']}, {len(report.judged)} cases"),
    ):
        yield f"<dt>{name}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"


def _summary(report: Report) -> Iterator[str]:
    verdicts = [verdict.value for verdict in Verdict]
    heads = "".join(f"<th>{name}</th>" for name in verdicts)
    yield f"<table><tr><th>group</th>{heads}<th>not as expected</th></tr>"
    for title, rows in report.by_group():
        cells = "".join(
            f'<td class="number">{sum(one.result.verdict.value == name for one in rows)}</td>'
            for name in verdicts
        )
        surprises = sum(one.is_surprise for one in rows)
        yield f'<tr><td>{escape(title)}</td>{cells}<td class="number">{surprises}</td></tr>'
    yield "</table>"
    for number, changes in report.not_put_back.items():
        yield f'<p class="FAIL">{number} could not put back: {escape("; ".join(changes))}</p>'


def _groups(report: Report) -> Iterator[str]:
    for title, rows in report.by_group():
        yield f"<h2>{escape(title)}</h2>"
        yield "<table><tr><th>case</th><th>what happened</th><th>verdict</th></tr>"
        yield from map(_case, rows)
        yield "</table>"


def _case(one: Judged) -> str:
    result, case = one.result, one.result.case
    parts = [f"<p>Does: {escape(case.does)}</p>", f"<p>Expects: {escape(case.expects)}</p>"]
    if result.steps:
        steps = "".join(f"<li>{escape(step)}</li>" for step in result.steps)
        parts.append(f"<ol>{steps}</ol>")
    if one.expectation is not None:
        known = one.expectation
        parts.append(
            f"<p>Known since {known.since}: {known.verdict.value}, because {escape(known.reason)}</p>"
        )
    reason = f"<br>{escape(result.reason)}" if result.reason else ""
    surprise = ' class="surprise"' if one.is_surprise else ""
    verdict = result.verdict.value
    return (
        f'<tr{surprise} id="{case.id}"><td>{case.id}</td><td><details><summary>{escape(case.title)}{reason}'
        f'</summary>{"".join(parts)}</details></td><td class="{verdict}">{verdict}</td></tr>'
    )
