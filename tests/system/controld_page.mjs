// controld_page.mjs - looks at the page of the snapferryd at $one_URL with $CHROMIUM, as controld_page_test.sh set it up.
// Waits for conditions, for as long as a loaded machine may need; nothing depends on how fast it is.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { chromium } from "playwright-core";
import { complaints, contrast, structure } from "./page_checks.mjs";

const { one_URL: url, SNAPFERRYD_TOKEN: token, CHROMIUM, PAGE_PICTURES: pictures } = process.env;
const compute = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute";
const ok = (words) => console.log(`ok ${words}`);
const PATIENCE = 90000;
const LONG = `collection-${"long".repeat(17)}`;

// ---- The API, to make something to look at ----

async function api(method, name, body) {
    const answer = await fetch(`${url}${compute}/restorePointCollections/${name}?api-version=2025-11-01`, {
        method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${name}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function cut(collection, name) {
    await api("PUT", `${collection}/restorePoints/${name}`, {});
    while ((await api("GET", `${collection}/restorePoints/${name}`)).properties.provisioningState !== "Succeeded")
        await sleep(20);
}
const idOf = (name) => `${compute}/restorePointCollections/${name}`;
const copy = (collection, name, of) => api("PUT", `${collection}/restorePoints/${name}`, {
    properties: { sourceRestorePoint: { id: idOf(of) } } });

await api("PUT", "west", { location: "westus", properties: { source: { id: `${compute}/virtualMachines/vm1` } } });
await api("PUT", "east", { location: "eastus", properties: { source: { id: idOf("west") } } });
await api("PUT", "north", { location: "northus", properties: { source: { id: idOf("west") } } });
await api("PUT", LONG, { location: "westus", properties: { source: { id: `${compute}/virtualMachines/vm1` } } });
await cut("west", "rp1");

// ---- What stands beside the API, asked wrongly ----

for (const [method, asked, status] of [
    ["GET", "map", 400], ["GET", "map?diskRestorePoint=x", 400], ["GET", `map?diskRestorePoint=${idOf("west")}`, 400],
    ["GET", `map?diskRestorePoint=${idOf("west")}/restorePoints/rp1/diskRestorePoints/none`, 404],
    ["GET", "nothing", 404], ["POST", "underway", 405], ["GET", "disks?$skiptoken=!", 400],
]) {
    const answer = await fetch(`${url}/x-snapferry/${asked}`, { method, headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, status, asked);
    assert.ok((await answer.json()).error.code);
    assert.equal((await fetch(`${url}/x-snapferry/${asked}`, { method })).status, 401, asked);
}
ok("what is asked wrongly beside the API is refused");

// ---- Browsers ----

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const heard = { urls: [], errors: [] };

async function open(options = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("request", (request) => heard.urls.push(request.url()));
    if (!options.noisy) {
        page.on("console", (message) => message.type() === "error" && heard.errors.push(message.text()));
        page.on("pageerror", (error) => heard.errors.push(String(error)));
    }
    await page.goto(url);
    return page;
}
async function enter(page) {
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Collections" }).waitFor();
    await page.locator("#collections > li").first().waitFor();
    return page;
}
const picture = async (page, name) => pictures && page.screenshot({ path: path.join(pictures, name), fullPage: true });
const eventually = async (words, condition) => {
    for (const end = Date.now() + PATIENCE; !(await condition()); await sleep(100))
        assert.ok(Date.now() < end, `it never came: ${words}`);
};

try {
    // ---- Who may look ----
    const wrong = await open({ noisy: true });
    await wrong.getByLabel("Token").fill("not-the-token-0123456789");
    await wrong.keyboard.press("Enter");
    await wrong.getByRole("alert").filter({ hasText: "The access token is invalid." }).waitFor();
    assert.equal(await wrong.evaluate("sessionStorage.length"), 0);
    assert.equal(await wrong.locator("#content").isVisible(), false);
    assert.equal(await wrong.evaluate("document.activeElement.id"), "token");
    await wrong.context().close();
    ok("a wrong token shows nothing, is forgotten, and is asked for again");

    const page = await enter(await open());
    assert.deepEqual(await page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]"), [1, 0, ""]);
    await page.reload();
    await page.locator("#collections > li").first().waitFor();
    ok("the token is entered once");

    // ---- A copy on its way ----
    await page.locator("#underway-none").waitFor();
    await copy("east", "rp1", "west/restorePoints/rp1");
    const point = page.locator("#underway > li", { hasText: "rp1 in east" });
    await point.waitFor();
    const disk = point.locator("li.disk", { hasText: "vm1-os" });
    const seen = [], rates = new Set();
    await eventually("the copy ends", async () => {
        const [state, percent, rate] = await disk.evaluate((li) => [".state", ".percent", ".rate"].map(
            (name) => li.querySelector(name).textContent));
        if (state === "In progress" && percent !== "" && percent !== seen.at(-1)) seen.push(percent);
        if (seen.length === 3) await picture(page, "page-desktop.png");
        if (rate) rates.add(rate);
        return state === "Complete";
    });
    const percents = seen.map((text) => Number(/^(\d+) %$/.exec(text)[1]));
    assert.ok(percents.length >= 3, `percents seen: ${seen}`);
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b), "percent goes back");
    assert.ok([...rates].some((rate) => /\d (KiB|MiB)\/s/.test(rate)), `rates seen: ${[...rates]}`);
    await point.locator("summary .state", { hasText: "Complete" }).waitFor();
    await page.locator("#status", { hasText: "rp1: Complete" }).waitFor();
    ok(`a copy is followed to its end: ${seen.length} percentages, a rate, and what it came to`);

    // ---- One that fails ----
    await copy("north", "rp1", "west/restorePoints/rp1");
    const failed = page.locator("#failed > li", { hasText: "rp1 in north" });
    await failed.locator("summary .state", { hasText: "Failed" }).waitFor({ timeout: PATIENCE });
    const reasons = await failed.locator(".reason:visible").allTextContents();
    assert.ok(reasons.some((reason) => /400/.test(reason)), `reasons: ${reasons}`);
    ok("a copy that fails says why");

    // ---- Once a second only while something is under way ----
    const before = heard.urls.length;
    await sleep(4000);
    assert.ok(heard.urls.length - before <= 2, "it asks on although nothing is under way");
    ok("nothing under way: it asks seldom");

    // ---- By keyboard alone ----
    const focused = () => page.evaluate("document.activeElement.innerText ?? ''");
    const tabTo = async (words) => {
        for (let i = 0; i < 60; i++) {
            await page.keyboard.press("Tab");
            if ((await focused()).startsWith(words)) return;
        }
        assert.fail(`the keyboard does not get to ${words}`);
    };
    await page.reload();
    await page.locator("#collections > li").first().waitFor();
    await tabTo("To the content");
    await page.keyboard.press("Enter");
    await tabTo("west");
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert.notEqual(outline, "none", "where the focus is can be seen");
    await page.keyboard.press("Enter");
    await page.locator("#collections li.point", { hasText: "rp1" }).first().waitFor();
    await tabTo("rp1");
    await page.keyboard.press("Enter");
    await page.locator("#collections li.disk", { hasText: "vm1-data" }).first().waitFor();
    ok("collection, restore point and disks by keyboard alone");

    // ---- Block maps ----
    const mapOf = async (where, name) => {
        const of = where.locator("li.disk", { hasText: name });
        await of.locator("summary", { hasText: "Block map" }).click();
        await of.locator("svg rect").first().waitFor();
        const kinds = await of.locator("svg rect").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("class")));
        return { kinds, words: await of.locator("svg").getAttribute("aria-label") };
    };
    const count = (kinds, kind) => kinds.filter((one) => one === kind).length;
    const west = page.locator("#collections > li", { hasText: "west" }).locator("li.point");
    const whole = await mapOf(west.first(), "vm1-data");
    assert.equal(count(whole.kinds, "held"), whole.kinds.length, "all of it holds data");
    assert.match(whole.words, /vm1-data: 4\.0 MiB of 4\.0 MiB hold data\./);
    // One MiB of the four is written anew, another cleared: cells of 8 KiB.
    execFileSync("bash", ["-c", `head -c 1M /dev/urandom | dd of=data.raw bs=1M seek=1 conv=notrunc status=none &&
        head -c 1M /dev/zero | dd of=data.raw bs=1M seek=3 conv=notrunc status=none &&
        "$SNAPFERRY_BIN" copy --quiet --map data.map data.raw env:DISK_data`]);
    await cut("west", "rp2");
    await page.getByRole("button", { name: "Refresh" }).click();
    const second = west.filter({ hasText: "rp2" });
    await second.locator("summary").first().click();
    const { kinds, words } = await mapOf(second, "vm1-data");
    assert.equal(kinds.length, 512);
    assert.deepEqual([...new Set(kinds.slice(0, 128))], ["held"]);
    assert.deepEqual([...new Set(kinds.slice(128, 256))], ["changed"]);
    assert.deepEqual([...new Set(kinds.slice(256, 384))], ["held"]);
    assert.deepEqual([...new Set(kinds.slice(384))], ["changed"]);
    assert.match(words, /3\.0 MiB of 4\.0 MiB hold data\. 2\.0 MiB changed/);
    ok("block maps: what holds data, what was written and cleared since");

    // ---- Many restore points ----
    for (let i = 100; i < 220; i++) await cut("west", `many-${i}`);
    await page.getByRole("button", { name: "Refresh" }).click();
    const points = page.locator("#collections > li", { hasText: "west" }).locator("li.point");
    await eventually("a page of restore points", async () => (await points.count()) >= 100);
    const more = page.getByRole("button", { name: "More restore points" });
    await more.click();
    await eventually("the rest of them", async () => (await points.count()) === 122);
    assert.equal(await more.isVisible(), false);
    const names = await points.locator("summary .name").allTextContents();
    assert.deepEqual(names, [...names].sort());
    ok("122 restore points, page by page");

    // ---- What it is made of ----
    assert.deepEqual(await page.evaluate(structure), []);
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await page.evaluate(contrast), [], colorScheme);
    }
    const phone = await enter(await open({ viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true }));
    for (const name of [LONG, "east"]) await phone.locator("#collections > li summary", { hasText: name }).first().tap();
    await phone.locator("#collections li.point summary").first().tap();
    await phone.locator("#collections li.disk summary", { hasText: "Block map" }).first().tap();
    await phone.locator("#collections li.disk svg rect").first().waitFor();
    await picture(phone, "page-phone.png");
    assert.deepEqual(await phone.evaluate(() => [document.documentElement.scrollWidth, innerWidth]), [360, 360]);
    assert.deepEqual(await phone.evaluate(complaints), []);
    await phone.context().close();
    ok("labels, roles and contrast, light and dark; a phone's width without scrolling sideways");

    // ---- What comes from elsewhere is text ----
    const hostile = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
    const told = await open();
    await told.route("**/x-snapferry/**", async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replaceAll('"name":"east"', `"name":${JSON.stringify(hostile)}`);
        await route.fulfill({ response: answer, body });
    });
    await enter(told);
    await told.locator("#collections .name", { hasText: hostile }).waitFor();
    assert.equal(await told.title(), "snapferry");
    assert.equal(await told.locator("main img, main script").count(), 0);
    await told.unrouteAll({ behavior: "ignoreErrors" }); // one may be on its way
    await told.context().close();
    ok("markup in a name stays text");

    // ---- A service that is away ----
    const alone = await enter(await open({ noisy: true }));
    await alone.context().setOffline(true);
    await alone.getByRole("button", { name: "Refresh" }).click();
    await alone.locator("#status.away", { hasText: "cannot be reached" }).waitFor();
    assert.ok(await alone.locator("#collections > li").count(), "what is known stays");
    await alone.context().setOffline(false);
    await alone.locator("#status:not(.away)").waitFor();
    await alone.getByRole("button", { name: "Forget the token" }).click();
    await alone.getByLabel("Token").waitFor();
    assert.equal(await alone.evaluate("sessionStorage.length"), 0);
    await alone.context().close();
    ok("a service that is away is told, and found again; the token can be forgotten");

    // ---- What it asked for ----
    const elsewhere = heard.urls.filter((asked) => !asked.startsWith(`${url}/`) && !asked.startsWith("data:"));
    assert.deepEqual(elsewhere, []);
    assert.ok(heard.urls.every((asked) => !asked.includes(token)), "the token stands in a URL");
    assert.deepEqual(heard.errors, []);
    ok("nothing asked of another origin, no token in a URL, no error in the console");
    console.log("the page is well");
} finally {
    await browser.close();
}
