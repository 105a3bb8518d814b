# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of the HTML page: light and dark, wide and narrow, on screen and on paper.

Tones (``good``, ``bad``, ``warn``, ``idle``) are the same words everywhere, and never the only thing that tells.
"""

from __future__ import annotations

STYLESHEET = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1b2330; --soft: #5a6678; --rule: #dfe3ea; --code: #eef1f5; --link: #2459c4;
  --good: #1a7f4b; --good-back: #e2f4ea; --bad: #c2242c; --bad-back: #fde8e8; --warn: #92600a; --warn-back: #fdf1d8;
  --idle: #667085; --idle-back: #e9ecf1; --line: #9aa5b5;
  --text: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  --fixed: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1a2029; --ink: #e4e8ee; --soft: #a3aebd; --rule: #303946; --code: #242c37; --link: #8fb4ff;
    --good: #56c98c; --good-back: #16352a; --bad: #ff7b7b; --bad-back: #44201f; --warn: #e6b255; --warn-back: #3c2f14;
    --idle: #98a2b3; --idle-back: #2a323e; --line: #6b7789;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 var(--text);
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
}
main { max-width: 1400px; margin: 0 auto; padding: 20px 28px 40px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 6px; }
h2 { font-size: 21px; margin: 0; display: inline-block; }
h3 { font-size: 17px; margin: 32px 0 10px; padding-top: 10px; border-top: 1px solid var(--rule); }
h4 { font-size: 15px; margin: 0 0 6px; display: flex; flex-wrap: wrap; gap: 4px 9px; align-items: center; }
p { margin: 6px 0; max-width: 86ch; }
ul, ol { margin: 6px 0; padding-left: 20px; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font: 13px/1.45 var(--fixed); unicode-bidi: isolate; }
h4 code { font-size: 14px; font-weight: 600; }
small { display: block; color: var(--soft); font-size: 12.5px; }
pre {
  background: var(--code); border-radius: 6px; padding: 8px 12px; margin: 4px 0 8px; max-width: 100%;
  overflow-x: auto; white-space: pre; user-select: all; -webkit-user-select: all;
}
summary { cursor: pointer; color: var(--link); padding: 3px 0; }
summary h2 { color: var(--ink); }
main > section, main > details { margin-top: 26px; scroll-margin-top: 12px; }
main > section + section, main > details { border-top: 3px solid var(--rule); padding-top: 20px; }
footer { margin-top: 36px; border-top: 1px solid var(--rule); font-size: 13px; }

.eyebrow { margin: 0; color: var(--soft); font-size: 13px; }
.eyebrow b { color: var(--ink); }
.lead { font-size: 17px; margin: 2px 0 12px; }
.seen, .meta, .label { color: var(--soft); }
.meta, .label { font-size: 13px; font-weight: 400; }
.label { margin: 10px 0 2px; }
.under { margin-left: 20px; }
b.good, span.good { color: var(--good); }
b.bad, span.bad, .under.bad { color: var(--bad); }
b.warn, span.warn { color: var(--warn); }
span.idle { color: var(--idle); }

.chip { display: inline-block; font: 600 13px/1 var(--text); padding: 5px 10px; border-radius: 99px; vertical-align: middle; }
.chip.good { background: var(--good-back); }
.chip.bad { background: var(--bad-back); }
.chip.warn { background: var(--warn-back); }
.chip.idle { background: var(--idle-back); }
span.badge {
  display: inline-block; flex: none; min-width: 20px; height: 20px; padding: 0 5px; margin-right: 6px; border-radius: 10px;
  text-align: center; font: 600 12px/20px var(--text); background: var(--idle); color: var(--card);
}
h4 span.badge { margin: 0; }
span.badge.bad { background: var(--bad); }
span.badge.warn { background: var(--warn); }

.tally { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 8px; }
.tally li {
  display: flex; flex-wrap: wrap; gap: 4px 12px; padding: 6px 14px;
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
}
.tally span, .tally .moment { color: var(--soft); }
.tally .moment { background: none; border: 0; padding: 6px 0; width: 6.2em; }
.outline, .facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 12px 0; }
.outline dt, .facts dt { color: var(--soft); grid-column: 1; }
.outline dd, .facts dd { margin: 0; grid-column: 2; max-width: 92ch; }
.overview { list-style: none; padding: 0; }
.overview li { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: center; padding: 4px 0; }

.card {
  background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--idle); border-radius: 8px;
  padding: 12px 16px; margin: 10px 0; scroll-margin-top: 12px;
}
.card.bad { border-left-color: var(--bad); }
.card.warn { border-left-color: var(--warn); }
.card.good { border-left-color: var(--good); }
.card:target { outline: 2px solid var(--link); outline-offset: 2px; }
.broken { list-style: none; padding: 0; margin: 8px 0; font-size: 14px; }
.broken li { padding: 2px 0 2px 10px; border-left: 2px solid var(--bad); margin: 3px 0; }
.broken i { color: var(--bad); font-style: normal; margin: 0 10px; font-size: 13px; }
.evidence { color: var(--soft); }
.evidence li { margin: 1px 0; }
.steps, .notes { list-style: none; padding-left: 0; }
.plan > li { margin: 8px 0; }

.scroll { overflow-x: auto; }
table {
  border-collapse: collapse; width: 100%; font-size: 14px;
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
}
th, td { padding: 6px 10px; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { text-align: left; font-weight: 600; font-size: 12.5px; color: var(--soft); }
td a { white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }

figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 0 4px; }
figure ul { list-style: none; margin: 0 0 8px; padding: 0 16px; }
/* a shadow where more of the drawing can be scrolled to */
figure .scroll {
  padding: 2px 6px 8px;
  background:
    linear-gradient(to right, var(--card) 40%, transparent) left / 28px 100% no-repeat local,
    linear-gradient(to left, var(--card) 40%, transparent) right / 28px 100% no-repeat local,
    linear-gradient(to right, var(--line), transparent) left / 8px 100% no-repeat scroll,
    linear-gradient(to left, var(--line), transparent) right / 8px 100% no-repeat scroll;
}
.reasons li { margin: 3px 0; font-size: 14px; }
.reasons .seen { margin-left: 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; color: var(--soft); }
.legend li { display: flex; flex-wrap: wrap; align-items: center; gap: 7px; }
.legend code { color: var(--ink); }
.scroll > svg { display: block; height: auto; max-width: max(100%, 60rem); margin: 0 auto; }
.scroll > svg.wide { max-width: none; }

.map text { fill: var(--ink); font: 12px var(--text); }
.map .name { font: 600 12px var(--fixed); }
.map .condition { font-size: 10px; fill: var(--soft); }
.map .caption { fill: var(--soft); }
.map .box { fill: var(--card); stroke: var(--line); stroke-width: 1.2; }
.map .box.bad { stroke: var(--bad); stroke-width: 2; }
.map .box.warn { stroke: var(--warn); stroke-width: 2; }
.map .box.outside { stroke-dasharray: 4 3; fill: none; }
.map .dot { fill: var(--idle); }
.map .dot.good { fill: var(--good); }
.map .dot.bad { fill: var(--bad); }
.map .dot.warn { fill: var(--warn); }
.map .network { font: 600 9.5px var(--text); fill: #fff; text-anchor: middle; }
.hue0 { fill: #2f6fd0; }
.hue1 { fill: #8a4fc7; }
.hue2 { fill: #0e8577; }
.hue3 { fill: #b5541c; }
.hue4 { fill: #b03a7c; }
.hue5 { fill: #5a7a1f; }
.hue6 { fill: #4b5bb5; }
.hue7 { fill: #73604e; }
.edge path { fill: none; stroke: var(--line); stroke-width: 1.3; }
.edge .tip { fill: var(--line); stroke: none; }
.dense .edge.ok path { stroke-opacity: .5; }
.edge.failed path { stroke: var(--bad); stroke-width: 2.2; }
.edge.unknown path { stroke: var(--warn); stroke-width: 1.6; stroke-dasharray: 5 4; }
.service:hover .edge.ok path { stroke: var(--link); stroke-opacity: 1; stroke-width: 2; }
.edge.failed .tip { fill: var(--bad); stroke: none; }
.edge.unknown .tip { fill: var(--warn); stroke: none; }
.service:hover .edge.ok .tip { fill: var(--link); stroke: none; }
.map .badge { fill: var(--idle); stroke: var(--card); stroke-width: 1.5; }
.map .badge.bad { fill: var(--bad); }
.map .badge.warn { fill: var(--warn); }
.map .number { font: 600 11px var(--text); fill: var(--card); text-anchor: middle; }
.map .pill { fill: var(--bad-back); stroke: var(--bad); stroke-width: 1; }
.map .cause { font: 10px var(--fixed); fill: var(--bad); text-anchor: middle; }

@media (max-width: 700px) {
  main { padding: 14px 14px 32px; }
  h1 { font-size: 22px; }
  .lead { font-size: 16px; }
  .tally .moment { width: 100%; padding: 4px 0 0; }
  .outline, .facts { display: block; }
  .outline dd, .facts dd { margin: 0 0 6px; }
  .card { padding: 10px 12px; }
  .broken i { margin: 0 8px; }
  .scroll > svg { max-width: none; margin: 0; }
  thead { display: none; }
  table, tbody, tr, td { display: block; width: 100%; }
  tr { padding: 6px 0; border-bottom: 1px solid var(--rule); }
  tbody tr:last-child { border-bottom: 0; }
  td { border: 0; padding: 2px 12px; display: flex; gap: 10px; }
  td:empty { display: none; }
  td::before { content: attr(data-title); color: var(--soft); font-size: 12.5px; flex: 0 0 84px; }
}
@media print {
  :root { --page: #fff; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; }
  .card, tr { break-inside: avoid; }
  pre { white-space: pre-wrap; }
  .scroll > svg, .scroll > svg.wide { max-width: 100%; }
}
"""
