// SPDX-License-Identifier: MIT
// The page's script: a table of the goals, and of each case a plot for each metric, with a bar for the median and a line between the quartiles.
import { barX, plot, ruleY } from "@observablehq/plot";
import { median, quantile } from "../harness/statistics.ts";
import type { Verdict } from "./goals.ts";
import type { CaseResult, Results } from "./results.ts";

const { results, verdicts } = JSON.parse(document.getElementById("data")?.textContent ?? "") as { results: Results; verdicts: Verdict[] };

function add(parent: Element, tag: string, text = "", className = ""): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return parent.appendChild(element);
}

function addVerdicts(parent: Element): void {
  const table = add(parent, "table");
  const head = add(table, "tr");
  for (const title of ["target", "wanted", "measured", "met?"]) add(head, "th", title);
  for (const { goal, wanted, measured, met } of verdicts) {
    const row = add(table, "tr");
    for (const text of [goal, wanted, [...new Set(Object.values(measured))].join(", ")]) add(row, "td", text);
    add(row, "td", met ? "yes" : "no", met ? "" : "no");
  }
}

function plotOf(metric: string, { targets }: CaseResult): Element {
  const bars = Object.entries(targets).flatMap(([target, { [metric]: values = [] }]) =>
    values.length === 0 ? [] : [{ target, middle: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75), runs: values.length }],
  );
  return plot({
    caption: metric,
    width: 520,
    height: 40 + 26 * bars.length,
    marginLeft: 110,
    x: { label: null, grid: true, nice: true },
    y: { label: null, domain: bars.map(({ target }) => target) },
    marks: [
      barX(bars, { x: "middle", y: "target", fill: "target", tip: true, title: ({ target, middle, low, high, runs }) => `${target}: ${middle.toPrecision(3)} (${low.toPrecision(3)} to ${high.toPrecision(3)}, ${runs} runs)` }),
      ruleY(bars, { x1: "low", x2: "high", y: "target", strokeWidth: 2 }),
    ],
  });
}

const page = document.querySelector("main") ?? document.body;
add(page, "h1", "durasync: the bench");
add(page, "p", `Begun ${results.begun}, node ${results.node}. Bars are medians, lines go from the first quartile to the third.`);
addVerdicts(page);
for (const result of results.cases) {
  add(page, "h2", `${result.title}${result.deflate ? ", compressed" : ""}`);
  const plots = add(page, "div", "", "plots");
  const metrics = new Set(Object.values(result.targets).flatMap(Object.keys));
  for (const metric of metrics) plots.append(plotOf(metric, result));
}
