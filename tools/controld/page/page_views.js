// page_views.js - how the page of snapferryd says what the service answers: words, bars, restore points, disks.
// A view is {element, update(thing)}; update touches only what differs. Texts are set as text, never as markup.
"use strict";

const keyOf = (thing) => thing.id.toLowerCase();
const lastOf = (id) => id.slice(id.lastIndexOf("/") + 1);

// ---- Words ----

const WORDS = {
    pending: "Waiting for its turn", inProgress: "In progress", succeeded: "Complete", failed: "Failed",
    canceled: "Canceled", creating: "Being cut", paused: "Paused", waitingForAccess: "Waits for access",
};

function stateOf(code) {
    const word = String(code ?? "").replace(/^ReplicationState\//, "");
    const state = word.charAt(0).toLowerCase() + word.slice(1);
    return WORDS[state] ? state : "pending";
}

function bytes(count) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (count >= 1024 && at < units.length - 1) {
        count /= 1024;
        at++;
    }
    return `${at === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${units[at]}`;
}

function left(seconds) {
    if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s left`;
    if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`;
    return `about ${Math.round(seconds / 3600)} h left`;
}

function pace(beyond = {}) {
    const parts = [];
    if (beyond.bytesPerSecond) parts.push(`${bytes(beyond.bytesPerSecond)}/s`);
    if (beyond.changedBytes) parts.push(`${bytes(beyond.durableBytes ?? 0)} of ${bytes(beyond.changedBytes)}`);
    if (beyond.etaSeconds !== undefined) parts.push(left(beyond.etaSeconds));
    return parts.join(", ");
}

const time = (text) => (text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "");
const percentText = (percent) => `${Math.floor(percent)} %`;

// ---- Elements ----

function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
}

// Only what differs is touched: readers of the screen are not told the same again.
function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
    element.hidden = text === "";
}

// A state in words, a bar and a percentage; a state of "" shows none of them.
function gauge(line) {
    const state = make("span", "state"), bar = make("progress"), percent = make("span", "percent");
    bar.max = 100;
    line.append(state, bar, percent);
    return (name, is, value) => {
        write(state, WORDS[is] ?? "");
        state.dataset.state = is;
        bar.hidden = percent.hidden = is === "succeeded" || is === "";
        bar.setAttribute("aria-label", `Copied of ${name}`);
        if (bar.value !== value || bar.position < 0) bar.value = value; // below 0: no value was ever set
        if (!bar.hidden) write(percent, percentText(value));
    };
}

// ---- A restore point ----

function disksOf(point) {
    const profile = point.properties.sourceMetadata?.storageProfile ?? {};
    const known = new Map();
    for (const disk of [profile.osDisk, ...(profile.dataDisks ?? [])])
        if (disk?.diskRestorePoint?.id) known.set(disk.diskRestorePoint.id.toLowerCase(), disk);
    return (point.properties.instanceView?.diskRestorePoints ?? []).map((shown) => {
        const disk = known.get(keyOf(shown));
        const role = disk ? (disk === profile.osDisk ? "OS disk" : `data disk, LUN ${disk.lun}`) : "";
        const status = shown.replicationStatus?.status ?? {};
        return {
            id: shown.id, name: disk?.name ?? lastOf(shown.id), role, state: stateOf(status.code),
            gib: disk?.diskSizeGB, percent: shown.replicationStatus?.completionPercent ?? 0,
            reason: status.message ?? "", beyond: shown["x-snapferry"] ?? {},
        };
    });
}

function stateOfPoint(point) {
    if (point.properties.provisioningState === "Failed") return "failed";
    if (point.properties.provisioningState === "Creating" && !disksOf(point).length) return "creating";
    return stateOf(point.properties.instanceView?.statuses?.[0]?.code);
}

function reasonOfPoint(point, disks) {
    const failure = point.properties["x-snapferry"]?.failure?.message;
    const words = failure || point.properties.instanceView?.statuses?.[0]?.message || "";
    return disks.some((disk) => disk.reason && words.endsWith(disk.reason)) ? "" : words; // told there
}

function diskOfPointView(first) {
    const element = make("li", "disk"), line = make("div", "line"), name = make("span", "name");
    const facts = make("p", "facts"), rate = make("span", "rate"), reason = make("p", "reason");
    element.append(line, facts, reason, mapView(first));
    line.append(name);
    const show = gauge(line);
    line.append(rate);
    return {
        element,
        update(disk) {
            write(name, disk.name);
            show(disk.name, disk.state, disk.percent);
            write(facts, [disk.role, disk.gib ? `${disk.gib} GiB` : ""].filter(Boolean).join(", "));
            write(rate, disk.state === "inProgress" ? pace(disk.beyond) : "");
            write(reason, disk.reason);
        },
    };
}

// Its disks are made when it is first opened: a collection may have thousands of points.
function pointView(open) {
    const element = make("li", "card point"), details = make("details"), summary = make("summary");
    const name = make("span", "name"), facts = make("p", "facts"), reason = make("p", "reason"), list = make("ul");
    const views = new Map();
    let point;
    element.append(details);
    details.append(summary, reason, facts, list);
    summary.append(name);
    const show = gauge(summary);
    const fill = () => {
        for (const disk of disksOf(point)) {
            if (!views.has(keyOf(disk))) {
                views.set(keyOf(disk), diskOfPointView(disk));
                list.append(views.get(keyOf(disk)).element);
            }
            views.get(keyOf(disk)).update(disk);
        }
    };
    details.open = open;
    details.addEventListener("toggle", () => details.open && fill());
    return {
        element,
        update(now) {
            const disks = disksOf(now), of = lastOf(now.id.slice(0, now.id.toLowerCase().lastIndexOf("/restorepoints/")));
            const p = now.properties, whole = disks.reduce((sum, d) => sum + d.percent, 0) / (disks.length || 1);
            point = now;
            write(name, open ? `${now.name} in ${of}` : now.name);
            show(now.name, stateOfPoint(now), whole);
            write(reason, reasonOfPoint(now, disks));
            write(facts, [time(p.timeCreated), p.consistencyMode,
                p.sourceRestorePoint ? `copy of ${lastOf(p.sourceRestorePoint.id)}` : ""].filter(Boolean).join(", "));
            if (details.open) fill();
        },
    };
}

// ---- A restored disk ----

function diskView() {
    const element = make("li", "card"), line = make("div", "line"), name = make("span", "name");
    const facts = make("p", "facts"), rate = make("span", "rate"), reason = make("p", "reason");
    element.append(line, facts, reason);
    line.append(name);
    const show = gauge(line);
    line.append(rate);
    return {
        element,
        update(disk) {
            const p = disk.properties, beyond = p["x-snapferry"] ?? {}, source = p.creationData?.sourceResourceId;
            const restored = beyond.replicationState !== undefined; // others are a machine's own
            const state = p.provisioningState === "Failed" ? "failed" : stateOf(beyond.replicationState);
            write(name, disk.name);
            show(disk.name, restored ? state : "", p.completionPercent ?? 0);
            write(facts, [disk.location, p.diskSizeBytes ? bytes(p.diskSizeBytes) : "",
                source ? `from ${lastOf(source)}` : "", time(p.timeCreated)].filter(Boolean).join(", "));
            write(rate, state === "inProgress" ? pace(beyond) : "");
            write(reason, beyond.message ?? "");
        },
    };
}
