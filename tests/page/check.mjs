// The page of a report in a real browser. Usage: node check.mjs PAGE.html FOLDER-FOR-PICTURES
// Needs playwright-core and axe-core where node finds them, and Chromium at $CHROMIUM or /usr/bin/chromium.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import assert from "node:assert/strict";

const require = createRequire(resolve(process.cwd(), "node_modules", "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [page_file, pictures] = process.argv.slice(2);
const address = pathToFileURL(resolve(page_file)).href;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

const open = async (options = {}) => {
  const context = await browser.newContext({ bypassCSP: false, ...options });
  const page = await context.newPage();
  const [errors, requests] = [[], []];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => errors.push("dialog: " + dialog.message()));
  page.on("request", (request) => request.url() !== address && requests.push(request.url()));
  await page.goto(address);
  return { page, quiet: () => assert.deepEqual([errors, requests], [[], []]) };
};
const rows = (page) => page.locator("tbody tr").count();

const forms = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 } },
  print: {},
};
for (const [name, options] of Object.entries(forms)) {
  const { page, quiet } = await open(options);
  if (name === "print") await page.emulateMedia({ media: "print" });
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
  quiet();
  await page.screenshot({ path: `${pictures}/${name}.png` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name}: ${wide} pixels too wide`);
  if (name !== "print") {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map((v) => [v.id, v.nodes[0].html, v.nodes.length]), [], name);
  }
}

const { page, quiet } = await open();
const broken = await page.evaluate(() =>
  [...document.querySelectorAll('a[href^="#"]')].map((a) => a.hash.slice(1)).filter((id) => !document.getElementById(id)));
assert.deepEqual(broken, []);
const all = await rows(page);
await page.selectOption("#s", "critical");
const shown = await page.locator("tbody tr:not([hidden])").count();
assert.equal(shown, await page.locator("tbody tr.c").count());
assert.ok(page.url().endsWith("#?s=critical"), page.url());
await page.selectOption("#s", "");
await page.fill("#q", "no row has this text");
assert.equal(await page.locator("tbody tr:not([hidden])").count(), 0);
await page.fill("#q", "");
const first = page.locator("table").first();
await first.locator("thead button").nth(2).press("Enter");
assert.equal(await first.locator("th[aria-sort=ascending]").count(), 1);
const usages = (await first.locator("tbody td:nth-child(3)").allTextContents()).map(parseFloat);
assert.deepEqual(usages, [...usages].sort((a, b) => a - b));
quiet();

const still = await open({ javaScriptEnabled: false });
assert.equal(await rows(still.page), all);
still.quiet();
console.log(`${all} rows: no error, no request, no axe violation, anchors, filter, sort, scripts off: as expected`);
await browser.close();
