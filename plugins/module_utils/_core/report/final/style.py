# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the final report's page has beyond the style sheet of all pages."""

from __future__ import annotations

STYLE = """
main.final { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 40px; max-width: 1240px; }
main.final > nav { font-size: 14px; margin-top: 14px; }
main.final > nav ol { list-style: none; padding: 0; margin: 4px 0 18px; }
main.final > nav li { padding: 2px 0; }
main.final h2 { display: block; font-size: 22px; line-height: 1.3; margin: 0 0 10px; }
main.final h3 { border-top: 0; margin: 24px 0 8px; padding-top: 0; }
main.final section { border-top: 1px solid var(--rule); margin-top: 34px; padding-top: 24px; scroll-margin-top: 8px; }
main.final header .lead { margin-bottom: 0; }
.text > section:first-of-type { border-top: 0; margin-top: 10px; padding-top: 8px; }
@media (min-width: 1080px) {
  main.final { grid-template-columns: 208px minmax(0, 1fr); grid-template-rows: auto 1fr; }
  main.final > header, main.final > .text { grid-column: 2; }
  main.final > nav { grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 24px; align-self: start; max-height: 92vh; overflow-y: auto; }
}

p.note { color: var(--soft); font-size: 14px; }
p.warn {
  background: var(--warn-back); border-left: 4px solid var(--warn); border-radius: 6px; padding: 10px 14px; margin: 12px 0;
}
p.label { font-weight: 600; margin-top: 12px; }
.said { color: var(--soft); }
.said::before { content: "\\201c"; }
.said::after { content: "\\201d"; }
td .said::before, td .said::after { content: none; }

.tiles { list-style: none; padding: 0; margin: 14px 0 16px; display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); }
.tiles li { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 16px; }
.tiles .what { display: block; color: var(--soft); font-size: 13px; }
.tiles b { display: block; font-size: 26px; line-height: 1.35; font-variant-numeric: tabular-nums; }
.number { display: block; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td .good { color: var(--good); }
td .bad { color: var(--bad); }
td .warn { color: var(--warn); }
main.final td { overflow-wrap: break-word; }
main.final td code, main.final td .said { overflow-wrap: anywhere; }
.number small { white-space: normal; }
main.final th { overflow-wrap: normal; vertical-align: bottom; }
th.right { text-align: right; }
.text details { margin: 8px 0 12px; }
td:first-child { min-width: 9em; }

.share { display: block; width: 100%; height: 6px; margin: 2px 0 10px; border-radius: 3px; }
.share .whole { fill: var(--idle-back); }
.share .part { fill: var(--warn); }
.share.bad .part { fill: var(--bad); }
.share.good .part { fill: var(--good); }
.card > h4 { font-size: 16px; }
.card > h4 .chip { margin-left: auto; }
.card table { font-size: 13px; }

.criteria { list-style: none; padding: 0; }
.criteria > li {
  display: grid; grid-template-columns: 34px 1fr; padding: 9px 0; border-bottom: 1px solid var(--rule);
}
.criteria > li:last-child { border-bottom: 0; }
.criteria p { margin: 0; }
.criteria .chip { font-size: 12px; padding: 3px 8px; margin-left: 4px; }
.criteria .seen { font-size: 14px; }
.sign { font: 700 19px/1.25 var(--text); text-align: center; }
.advice > li { margin: 10px 0; padding-left: 4px; }
.advice small { font-size: 14px; }
.plots { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); margin: 14px 0; }
figure.chart { padding: 12px 14px; }
figure.chart .scroll { background: none; padding: 0; }
figure.chart svg { max-width: 560px; margin: 0 auto; }
figure.chart figcaption { color: var(--soft); font-size: 13px; margin-top: 6px; }

@media (max-width: 700px) {
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles b { font-size: 21px; }
  .number { text-align: left; display: inline; }
  .card > h4 .chip { margin-left: 0; }
  main.final td::before { flex-basis: 104px; }
}
@media print {
  @page { margin: 16mm 14mm; }
  main.final { display: block; }
  main.final > nav { position: static; max-height: none; overflow: visible; }
  main.final > nav ol { columns: 2; }
  .tiles { grid-template-columns: repeat(4, 1fr); }
  .tiles li { padding: 8px 10px; }
  .tiles b { font-size: 15pt; }
  .plots { grid-template-columns: 1fr 1fr; }
  figure.chart svg { max-height: 225mm; }
  main.final h2, main.final h3, .label { break-after: avoid; }
  .criteria > li, .tiles li, .plots figure.chart, .advice > li { break-inside: avoid; }
  .card { break-inside: auto; }
  .card > h4 { break-after: avoid; }
  thead { display: table-header-group; }
  main.final { font-size: 9.5pt; }
  table, .card table { font-size: 8.5pt; }
  th, td { padding: 4px 6px; }
  main.final td:first-child { min-width: 0; }
  .number { white-space: normal; }
}
"""
