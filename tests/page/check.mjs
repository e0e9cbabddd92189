// The page in a real browser. Usage: node check.mjs MONITOR DEMO WORK
// MONITOR renders other reports; DEMO has the demo's index.html and report.json; WORK has node_modules, and takes the
// pictures. Chromium is at $CHROMIUM, or at /usr/bin/chromium.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";
import assert from "node:assert/strict";

const [monitor, demo, work] = process.argv.slice(2).map((name) => resolve(name));
const require = createRequire(join(work, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const pictures = join(work, "pictures");
mkdirSync(pictures, { recursive: true });

let checks = 0;
const equal = (found, expected, what) => (assert.deepEqual(found, expected, what), (checks += 1));
const holds = (condition, what) => (assert.ok(condition, what), (checks += 1));
const done = (what) => console.log(`${String(checks).padStart(4)} checks  ${what}`);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

// A page, and a check that it said nothing and asked nobody.
const open = async (file, options = {}, hash = "") => {
  const address = pathToFileURL(file).href;
  const context = await browser.newContext({ bypassCSP: false, acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"], ...options });
  const page = await context.newPage();
  const [errors, requests] = [[], []];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => (errors.push("dialog: " + dialog.message()), dialog.dismiss()));
  page.on("request", (request) => /^(blob|data):/.test(request.url()) || requests.push(request.url()));
  await page.goto(address + hash);
  const quiet = (what) => equal([errors, requests], [[], [address]], what);
  return { page, quiet, close: () => context.close() };
};
// The report in one document; `split`: as a file, which may have others beside it.
const rendered = (report, name, split = false) => {
  const [from, to] = [join(work, `${name}.json`), join(work, `${name}.html`)];
  writeFileSync(from, JSON.stringify(report));
  const output = spawnSync(monitor, ["report", "--from", from, "--output", "html", ...(split ? ["-o", to] : [])], { maxBuffer: 1e8 });
  // As `check`: 1 where a quota is over its threshold, 2 where something could not be seen.
  assert.ok([0, 1, 2].includes(output.status), String(output.stderr));
  if (!split) writeFileSync(to, output.stdout);
  return to;
};
const demo_page = join(demo, "index.html");
const demo_report = () => JSON.parse(readFileSync(join(demo, "report.json"), "utf8"));
const shown = (page) => page.locator(".q tbody tr:not([hidden])").count();
const open_all = (page) => page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));

const forms = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 } },
  print: { colorScheme: "light" },
};
for (const [name, options] of Object.entries(forms)) {
  const { page, quiet, close } = await open(demo_page, options);
  if (name === "print") await page.emulateMedia({ media: "print" });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await open_all(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  holds(wide <= 0, `${name}: ${wide} pixels too wide`);
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  equal(violations.map((v) => [v.id, v.nodes[0].html, v.nodes.length]), [], name);
  holds(passes.length > 10, `axe looked at ${passes.length} rules only`);
  quiet(name);
  await close();
}
done("light, dark, 360 pixels, print: no error, no request, nothing too wide, no axe violation");

// What the Tab key reaches is everything that can be used.
const walk = async (page) => {
  const wanted = await page.evaluate(() => {
    const usable = [...document.querySelectorAll('a[href],button,input,select,summary,[tabindex="0"]')];
    const visible = usable.filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled);
    visible.forEach((element, place) => (element.dataset.place = place));
    document.activeElement.blur();
    return visible.length;
  });
  const reached = new Set();
  for (let presses = 0; presses < wanted + 20 && reached.size < wanted; presses += 1) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => {
      const { activeElement: here } = document;
      return here.matches(":focus-visible") && getComputedStyle(here).outlineStyle !== "none" ? here.dataset.place : undefined;
    });
    if (place !== undefined) reached.add(place);
  }
  const missed = await page.evaluate(
    (reached) => [...document.querySelectorAll("[data-place]")].filter((e) => !reached.includes(e.dataset.place)).map((e) => e.outerHTML.slice(0, 200)),
    [...reached],
  );
  equal(missed, [], "not reached by the Tab key, or without a visible focus");
  holds(wanted > 20, `only ${wanted} can be used`);
  return wanted;
};
{
  const { page, quiet, close } = await open(demo_page);
  const closed = await walk(page);
  await page.focus("#open");
  await page.keyboard.press("Enter");
  const opened = await walk(page);
  holds(opened > closed, "nothing was opened");
  quiet();
  await close();
  done(`keyboard alone: ${closed} places, and ${opened} with everything open`);
}

const { page, quiet } = await open(demo_page);
const broken = await page.evaluate(() =>
  [...document.querySelectorAll('a[href^="#"]')].map((a) => a.hash.slice(1)).filter((id) => !document.getElementById(id)));
equal(broken, [], "anchors that lead nowhere");
const all = await shown(page);
await page.selectOption("#s", "c");
equal(await shown(page), await page.locator(".q tbody tr.c").count(), "the filter of the status");
holds((await shown(page)) > 0 && (await shown(page)) < all, "the demo has critical rows and others");
holds(page.url().endsWith("#?s=c"), page.url());
await page.selectOption("#s", "");
await page.fill("#q", "no row has this text");
equal(await shown(page), 0, "the filter of the text");
await page.fill("#q", "");
equal(await shown(page), all, "no filter");
for (const [pick, value] of [["#i", "acme-sales"], ["#v", "cases"], ["#l", "instance"]]) {
  await page.selectOption(pick, value);
  const few = await shown(page);
  holds(few > 0 && few < all, `${pick} shows ${few} of ${all}`);
  await page.selectOption(pick, "");
}
await page.fill("#q", "per instance");
await page.selectOption("#i", "acme-sales");
await page.locator("#columns summary").press("Enter");
await page.getByLabel("Limit from").last().press("Space");
await page.locator("#theme").press("Enter");
const few = await shown(page);
{
  const copy = await open(demo_page, {}, new URL(page.url()).hash);
  const seen = async (of) => [
    await shown(of), await of.inputValue("#q"), await of.inputValue("#i"), await of.locator(".q tr > :nth-child(7):visible").count(),
    await of.evaluate(() => getComputedStyle(document.body).backgroundColor),
  ];
  equal(await seen(copy.page), await seen(page), "a shared address shows the same");
  equal((await seen(copy.page)).slice(0, 4), [few, "per instance", "acme-sales", 0], "text, instance, column");
  holds((await seen(copy.page))[4] !== "rgb(255, 255, 255)", "the dark theme");
  copy.quiet();
  await copy.close();
}
const saved = async (of, button) => {
  const [download] = await Promise.all([of.waitForEvent("download"), of.locator(button).press("Enter")]);
  return readFileSync(await download.path(), "utf8");
};
// Cells of a CSV document whose cells are all quoted.
const cells_of = (text) => text.trimEnd().split("\r\n").map((line) => line.slice(1, -1).split('","').map((cell) => cell.replaceAll('""', '"')));
{
  const lines = cells_of(await saved(page, "#csv"));
  const objects = JSON.parse(await saved(page, "#json"));
  equal(lines.length, few + 1, "a header, and a line for each row that is shown");
  equal(objects.map((row) => Object.values(row)), lines.slice(1), "JSON holds what CSV holds");
  holds(objects.every((row) => row.Instance === "acme-sales" && Object.keys(row).join() === lines[0].join()), "names of columns");
  holds(objects.some((row) => row.Usage === "62" && row.Limit === "100" && row["Used %"] === "62.0"), "figures are figures");
}
await page.selectOption("#i", "");
await page.fill("#q", "");
equal(await shown(page), all, "everything again");
const first = page.locator("table.q").first();
await first.locator("thead button").nth(2).press("Enter");
equal(await first.locator("th[aria-sort=ascending]").count(), 1, "what is sorted says so");
const usages = async () => (await first.locator("tbody td:nth-child(3)").allTextContents()).map(parseFloat);
equal(await usages(), (await usages()).sort((a, b) => a - b), "ascending");
await first.locator("thead button").nth(2).press("Enter");
equal(await usages(), (await usages()).sort((a, b) => b - a), "descending");
const remedy = page.locator("details:has(> pre)").first();
await remedy.locator("summary").press("Enter");
const copies = remedy.locator("pre + button");
for (let n = 0; n < (await copies.count()); n += 1) {
  await copies.nth(n).press("Enter");
  await page.fill("#q", "");
  await page.focus("#q");
  await page.keyboard.press("Control+V");
  equal(await page.inputValue("#q"), await remedy.locator("pre").nth(n).textContent(), "what was copied");
}
holds((await copies.count()) > 1, "a command and a mute can be copied");
quiet();
for (const [id, part] of [["changed", "recovered"], ["throttled", "crm-wallboard"], ["soon", "full on"], ["attention", "rejected"]]) {
  holds((await page.locator(`#${id}`).textContent()).includes(part), `the section ${id} tells of ${part}`);
}
done("anchors, filters, columns, theme, shared address, CSV and JSON, sorting, copying");

{
  const { page, quiet, close } = await open(demo_page, { javaScriptEnabled: false });
  equal(await page.locator(".q tbody tr").count(), all, "rows without scripts");
  const report = demo_report();
  const text = await page.locator("body").textContent();
  const missing = [...report.instances, report.account].flatMap((of) => of.metrics).filter((row) => !text.includes(row.quota_name));
  equal(missing.map((row) => row.quota_name), [], "quotas without scripts");
  quiet();
  await page.screenshot({ path: join(pictures, "no-scripts.png"), fullPage: true });
  await close();
  done("scripts off: every row and every quota of the report");
}

const HOSTILE = [
  "<script>window.ran = 1</script>", "</script><script>window.ran = 1</script>", '"><img src=x onerror="window.ran = 1">',
  "' onmouseover='window.ran = 1", "<svg/onload=window.ran=1>", "javascript:window.ran=1", "=HYPERLINK(\"x\")", "+1+cmd|' /C calc'!A0",
  "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", "</style><style>*{display:none}", "<!--", "]]>", "&lt;script&gt;", "\u202egnp.exe", "a\u0000b", "{{7*7}}",
];
{
  const report = demo_report();
  let count = 0;
  const name = () => HOSTILE[count++ % HOSTILE.length];
  const spoil = (value, key) => {
    if (Array.isArray(value)) return value.map((item) => spoil(item, key));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, spoil(v, k)]));
    const is_ours = ["status", "impact", "from", "source", "change", "service_code"].includes(key);
    return typeof value === "string" && !is_ours ? name() : value;
  };
  const hostile = spoil(report);
  const { page, quiet, close } = await open(rendered(hostile, "hostile"));
  await open_all(page);
  holds(count > 1000, `${count} texts are hostile`);
  equal(await page.evaluate(() => window.ran), undefined, "a script of a name ran");
  const foreign = await page.evaluate(() => ({
    elements: document.querySelectorAll("img,iframe,object,embed,link,base,form,svg[onload]").length,
    scripts: document.scripts.length,
    styles: document.querySelectorAll("style,[style]").length,
    handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
    links: [...document.links].filter((a) => !["https:", "file:"].includes(a.protocol)).length,
  }));
  equal(foreign, { elements: 0, scripts: 1, styles: 1, handlers: 0, links: 0 }, "what a name brought in");
  equal(await page.locator(".q tbody tr").count(), all, "rows");
  const lines = cells_of(await saved(page, "#csv"));
  holds(lines.length > 20, `${lines.length} lines`);
  const runs = lines.slice(1).flat().filter((cell) => /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)));
  equal(runs, [], "cells that a spreadsheet would run");
  quiet();
  await close();
  done(`${count} hostile texts are text`);
}

// The demo's instances again and again, so many.
const fleet = (count) => {
  const report = demo_report();
  const uuid = (n) => `${String(n).padStart(8, "0")}-1111-2222-3333-444444444444`;
  report.instances = Array.from({ length: count }, (_, n) => ({
    ...report.instances[n % report.instances.length], instance_id: uuid(n), instance_alias: `instance-${n}`,
  }));
  return report;
};
const kilobytes = (file) => Math.round(statSync(file).size / 1000);
const ready = async (file) => {
  const { page, quiet, close } = await open(file);
  const { domContentLoadedEventEnd: end } = await page.evaluate(() => performance.getEntriesByType("navigation")[0].toJSON());
  quiet();
  await close();
  // The goal is a second. A machine that runs other tests beside may take longer.
  holds(end < 5000, `ready after ${end} ms`);
  return Math.round(end);
};
for (const count of [3, 10, 50]) {
  const started = performance.now();
  const file = rendered(fleet(count), `whole-${count}`);
  const made = Math.round(performance.now() - started);
  holds(count > 10 || kilobytes(file) <= 300, `${count} instances take ${kilobytes(file)} KB`);
  done(`${count} instances as one document: ${kilobytes(file)} KB, made in ${made} ms, ready after ${await ready(file)} ms`);
}
{
  const file = rendered(fleet(50), "split", true);
  holds(kilobytes(file) <= 300, `the first of many pages has ${kilobytes(file)} KB`);
  const { page, quiet, close } = await open(file);
  const links = await page.locator("#instances a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  equal([links.length, new Set(links).size], [50, 50], "a page for each instance");
  equal(links.filter((link) => !existsSync(join(work, link))), [], "links that lead nowhere");
  quiet();
  await close();
  const part = join(work, links[0]);
  const instance = await open(part);
  const back = await instance.page.locator("nav a").first().evaluate((a) => a.href);
  equal(back, pathToFileURL(file).href, "the way back");
  await instance.page.evaluate(axe);
  const { violations } = await instance.page.evaluate(() => globalThis.axe.run());
  equal(violations.map((v) => [v.id, v.nodes[0].html]), [], "axe, of an instance's page");
  holds((await shown(instance.page)) > 50, "its rows");
  instance.quiet();
  await instance.close();
  done(`50 instances as pages: ${kilobytes(file)} KB, ready after ${await ready(file)} ms, and ${kilobytes(part)} KB for the first instance`);
}
await browser.close();
console.log(`${checks} checks of the page: as expected`);
