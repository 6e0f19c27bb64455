// page.js - the page of snapferryd: asks the service for lists and for what is under way, and shows it (page_views.js).
// The token stays in this tab's sessionStorage and goes out in the Authorization header alone.
"use strict";

const TOKEN_KEY = "snapferryd-token";
const POINT_VERSION = "2025-11-01", DISK_VERSION = "2025-01-02";
const POLL_MS = 1000, IDLE_MS = 10000, AWAY_MAX_MS = 15000, ANSWER_MAX_MS = 20000;
const ENDED_SHOWN_MAX = 50; // of those that were under way while this page was open

const $ = (id) => document.getElementById(id);

class Refused extends Error {} // 401, 403: the token is no good

// ---- Asking ----

let token = sessionStorage.getItem(TOKEN_KEY) ?? "";

async function ask(path) {
    const headers = { accept: "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(path, {
        headers, cache: "no-store", redirect: "error", signal: AbortSignal.timeout(ANSWER_MAX_MS),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body;
    const why = body.error?.message ?? `The service answered ${answer.status}.`;
    if (answer.status === 401 || answer.status === 403) throw new Refused(why);
    throw Object.assign(new Error(why), { status: answer.status });
}

// A nextLink is a whole URL of this service; only its path is used, so that nothing leads elsewhere.
function local(link) {
    if (!link) return null;
    const url = new URL(link, location.origin);
    return url.pathname + url.search;
}

// ---- A collection ----

function collectionView() {
    const element = make("li", "card"), details = make("details"), summary = make("summary");
    const name = make("span", "name"), where = make("span", "rate"), facts = make("p", "facts");
    const none = make("p", "facts", "It has no restore points."), list = make("ul");
    const more = make("button", "", "More restore points");
    let points = null, id = "";
    more.type = "button";
    none.hidden = more.hidden = true;
    element.append(details);
    details.append(summary, facts, none, list, more);
    summary.append(name, where);
    const load = () => {
        points ??= rows({
            list, none, more, view: () => pointView(false),
            path: `/x-snapferry/restorePoints?collection=${encodeURIComponent(id)}`,
        });
        return points.load();
    };
    details.addEventListener("toggle", () => details.open && guard(load));
    return {
        element,
        update(collection) {
            const p = collection.properties, source = p.source ?? {};
            id = collection.id;
            write(name, collection.name);
            write(where, collection.location ?? "");
            write(facts, [source.id ? `of ${lastOf(source.id)}${source.location ? ` in ${source.location}` : ""}` : "",
                p.provisioningState === "Succeeded" ? "" : p.provisioningState].filter(Boolean).join(", "));
        },
        refresh: () => (details.open ? load() : undefined),
        // A point of this collection: shown in its place, unless it stands behind what was loaded.
        tell: (point) => details.open && points?.tell(point),
        holds: (key) => key.startsWith(`${id.toLowerCase()}/`),
    };
}

// ---- Lists, page by page, in the order of ids ----

function rows({ list, none, more, path, view }) {
    const shown = new Map();
    let next = null, pages = 1;
    const put = (item) => {
        const key = keyOf(item);
        let one = shown.get(key);
        if (!one) {
            one = view();
            const isLast = (list.lastElementChild?.dataset.key ?? "") < key;
            const behind = isLast ? null : [...list.children].find((child) => child.dataset.key > key);
            one.element.dataset.key = key;
            list.insertBefore(one.element, behind ?? null);
            shown.set(key, one);
        }
        one.update(item);
        return one;
    };
    const append = (body) => {
        const seen = body.value.map((item) => (put(item), keyOf(item)));
        next = local(body.nextLink);
        more.hidden = !next;
        none.hidden = shown.size > 0;
        return seen;
    };
    more.addEventListener("click", () => guard(async () => {
        more.disabled = true;
        try {
            const seen = append(await ask(next));
            pages++;
            shown.get(seen[0])?.element.querySelector("summary")?.focus();
        } finally {
            more.disabled = false;
        }
    }));
    return {
        views: () => shown.values(),
        async load() {
            const seen = new Set();
            let url = path;
            for (let i = 0; url && i < pages; i++) {
                append(await ask(url)).forEach((key) => seen.add(key));
                url = next;
            }
            for (const [key, one] of shown)
                if (!seen.has(key)) {
                    one.element.remove();
                    shown.delete(key);
                }
            none.hidden = shown.size > 0;
        },
        tell(item) {
            const last = list.lastElementChild?.dataset.key ?? "";
            if (shown.has(keyOf(item)) || !next || keyOf(item) < last) put(item);
            none.hidden = shown.size > 0;
        },
    };
}

const collections = rows({
    list: $("collections"), none: $("collections-none"), more: $("collections-more"), path: "/x-snapferry/collections",
    view: collectionView,
});
const disks = rows({
    list: $("disks"), none: $("disks-none"), more: $("disks-more"), path: "/x-snapferry/disks", view: diskView,
});

// ---- What is under way, what failed ----

const running = new Map(); // restore points and disks that have not ended, as last seen
const ended = new Set(); // restore points that ended well while the page was open
const moving = { list: $("underway"), views: new Map() }, failed = { list: $("failed"), views: new Map() };

function show({ list, views }, point) {
    const key = keyOf(point);
    if (!views.has(key)) {
        views.set(key, pointView(true));
        list.prepend(views.get(key).element);
    }
    views.get(key).update(point);
    for (const collection of collections.views()) if (collection.holds(key)) collection.tell(point);
}

function drop({ views }, stays) {
    for (const [key, view] of views)
        if (!stays(key)) {
            view.element.remove();
            views.delete(key);
        }
}

// One that is no longer under way: its last state, by the API that everybody uses.
async function settle(key, { id, isDisk }) {
    try {
        const thing = await ask(`${id}?api-version=${isDisk ? DISK_VERSION : `${POINT_VERSION}&$expand=instanceView`}`);
        if (isDisk) disks.tell(thing);
        else {
            announced = `${thing.name}: ${WORDS[stateOfPoint(thing)]}`;
            ended.add(key);
            show(moving, thing);
        }
    } catch (error) {
        if (error.status !== 404) throw error; // deleted
    }
    running.delete(key);
}

async function look() {
    const now = await ask("/x-snapferry/underway");
    const seen = new Set(), broken = new Set(now.failed.map(keyOf));
    let fresh = false;
    for (const [things, isDisk] of [[now.restorePoints, false], [now.disks, true]])
        for (const thing of things) {
            const key = keyOf(thing);
            seen.add(key);
            ended.delete(key);
            fresh ||= !running.has(key);
            running.set(key, { id: thing.id, isDisk });
            if (isDisk) disks.tell(thing);
            else show(moving, thing);
        }
    for (const [key, what] of [...running]) if (!seen.has(key)) await settle(key, what);
    now.failed.forEach((point) => show(failed, point));
    for (const key of [...ended].slice(0, -ENDED_SHOWN_MAX)) ended.delete(key);
    drop(moving, (key) => running.has(key) || (ended.has(key) && !broken.has(key)));
    drop(failed, (key) => broken.has(key));
    $("underway-none").hidden = moving.views.size > 0;
    $("failed-all").hidden = failed.views.size === 0;
    if (fresh) await collections.load();
}

// ---- The turns ----

let timer = 0, busy = false, again = null, failures = 0, entered = false, announced = "";

function status(words, away) {
    $("status").classList.toggle("away", away);
    write($("status"), words);
}

function leave(why) {
    token = "";
    entered = false;
    sessionStorage.removeItem(TOKEN_KEY);
    clearTimeout(timer);
    $("content").hidden = $("refresh").hidden = $("leave").hidden = true;
    $("enter").hidden = false;
    $("token").value = "";
    $("token").setAttribute("aria-invalid", String(Boolean(why)));
    $("token-wrong").textContent = why;
    status("", false);
    $("token").focus();
}

// Runs what asks the service, and says how that went.
async function guard(work) {
    try {
        await work();
        failures = 0;
        status([announced, running.size ? `${running.size} under way` : "Up to date"].filter(Boolean).join(". "), false);
        return true;
    } catch (error) {
        if (error instanceof Refused) {
            leave(error.message);
            return false;
        }
        failures++;
        status(error.status ? error.message
            : "snapferryd cannot be reached; what is shown may be old. It is tried again by itself.", true);
        return false;
    }
}

async function turn(work = look) {
    clearTimeout(timer);
    if (!entered || document.hidden) return;
    if (busy) {
        if (work !== look) again = work;
        return;
    }
    busy = true;
    const went = await guard(work);
    busy = false;
    const next = again ?? look;
    again = null;
    if (next !== look) await turn(next);
    else if (entered) timer = setTimeout(() => turn(), went ? (running.size ? POLL_MS : IDLE_MS)
        : Math.min(AWAY_MAX_MS, POLL_MS * 2 ** Math.min(failures, 10)));
}

async function everything() {
    announced = "";
    await collections.load();
    await disks.load();
    for (const collection of collections.views()) await collection.refresh();
    await look();
}

async function enter() {
    entered = true;
    $("enter").hidden = true;
    $("content").hidden = $("refresh").hidden = false;
    $("leave").hidden = !token;
    await turn(everything);
}

$("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    token = $("token").value.trim();
    $("token").value = "";
    if (!/^[\x21-\x7e]+$/.test(token)) {
        leave("A token is made of printable characters without blanks.");
        return;
    }
    sessionStorage.setItem(TOKEN_KEY, token);
    enter().then(() => entered && $("main").focus());
});
$("leave").addEventListener("click", () => {
    leave("");
    location.reload(); // what was shown goes, too
});
$("refresh").addEventListener("click", () => turn(everything));
document.addEventListener("visibilitychange", () => turn());

fetch("/page-access.json", { cache: "no-store" }).then((answer) => answer.json(), () => ({ token: true }))
    .then((access) => (token || !access.token ? enter() : leave("")));
