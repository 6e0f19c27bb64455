// storm_faults.mjs - the fault scripts of a storm: what may go wrong at which end, drawn from its seed.
const READS = { verb: "Get Blob" };
const LISTS = { comp: "pagelist" };
const WRITES = { method: "PUT", comp: "page" };
const CHANGES = { method: "PUT" };
const PASSING = [408, 429, 500, 502, 503, 504];

// What a copy survives. Each makes a rule's fault of a draw.
const anywhere = [
    (d) => ({ fault: "status", status: d.one(PASSING) }),
    (d) => ({ fault: "status", status: d.one([429, 503]), retryAfter: 1, probability: 0.01 }),
    () => ({ fault: "reset" }),
    () => ({ fault: "lostAnswer" }),
    (d) => ({ fault: "delay", ms: 1 + d.below(300) }),
];
const reads = [
    () => ({ match: READS, fault: "corruptBody" }),
    (d) => ({ match: READS, fault: "resetBody", afterBytes: d.below(70000) }),
    (d) => ({ match: READS, fault: "closeBody", afterBytes: d.below(70000) }),
    (d) => ({ match: READS, fault: "shortBody", afterBytes: 1 + d.below(5000) }),
    () => ({ match: READS, fault: "wrongContentRange" }),
    (d) => ({ match: READS, fault: "stall", afterBytes: d.below(2000), ms: 1 + d.below(400) }),
    (d) => ({ match: READS, fault: "drip", bytesPerSecond: 100000 + d.below(1000000), times: 3 }),
];
const writes = [
    () => ({ match: WRITES, fault: "corruptRequest" }),
    () => ({ match: WRITES, fault: "corruptStored" }),
    (d) => ({ match: WRITES, fault: "resetRequest", afterBytes: d.below(70000) }),
    (d) => ({ match: WRITES, fault: "late", ms: 1 + d.below(1500) }),
    (d) => ({ match: CHANGES, fault: "late", ms: 1 + d.below(1500) }),
    () => ({ match: CHANGES, fault: "lostAnswer" }),
    () => ({ match: CHANGES, fault: "reset" }),
];
const lists = ["Duplicate", "Reorder", "BeyondEnd", "Truncate", "SameMarker", "SwapPages"].map(
    (kind) => (d) => ({ match: LISTS, fault: `list${kind}`, entries: 1 + d.below(6), times: 2 }),
);
// What is reported, once or for ever.
const fatal = [
    () => ({ fault: "status", status: 403 }),
    () => ({ fault: "status", status: 404 }),
    () => ({ fault: "status", status: 409, code: "SystemInUse" }),
    () => ({ match: WRITES, fault: "status", status: 403, code: "AuthorizationPermissionMismatch" }),
    () => ({ fault: "changeBlob" }),
];

function often(draw, rule) {
    if (draw.chance(0.5)) return { timesPerRange: 1, ...rule };
    return { probability: 0.02 + draw.below(100) / 1000, ...rule };
}

// The rules of one end ("source" or "target"), for one run of a copy.
export function drawRules(draw, end) {
    const kinds = [anywhere, lists, end === "source" ? reads : writes, end === "source" ? reads : writes];
    const count = 1 + draw.below(4);
    const rules = [];
    for (let i = 0; i < count; i++) rules.push(often(draw, draw.one(draw.one(kinds))(draw)));
    if (draw.chance(0.12)) rules.push({ after: draw.below(60), times: 1 + draw.below(3), ...draw.one(fatal)(draw) });
    if (draw.chance(0.6)) rules.push({ match: LISTS, fault: "listShortPage", entries: 1 + draw.below(9) });
    return rules.map((rule, i) => ({ name: `${rule.fault}${rule.status ?? ""}-${i}`, ...rule }));
}
