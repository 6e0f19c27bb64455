// report.mjs - what bench/run.sh measured, as results.json, as a chart, and as the head of RESULTS.md.
//
//   node report.mjs FOLDER LINES MACHINE COMMIT COMMAND FAILED
//
// LINES: a file of `figure` (lab.sh), one JSON object a line. Figures of chapters that were not measured again stay,
// with the commit and the time that they are of. In RESULTS.md the chapter "What must hold" is written here, the others are put
// into their order and left as the scripts wrote them. FAILED: names of scenarios, with spaces between.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { chart } from "./chart.mjs";
import { boundOf, held, span, value } from "./figure.mjs";

const [folder, linesFile, machine, commit, command, failed] = process.argv.slice(2);
const ORDER = ["A full copy", "Peers", "Churn", "A long way", "The relay", "Many disks", "Planning", "Threads", "Block maps",
    "Packing a first send", "The catalog", "The service"];
const place = (chapter) => (ORDER.includes(chapter) ? ORDER.indexOf(chapter) : ORDER.length);
const date = new Date().toISOString().replace(/\.\d+Z$/, "Z");

// ---- The figures: those of now, and those that nobody measured again ----
const now = readFileSync(linesFile, "utf8").split("\n").filter(Boolean).map((line) => {
    const { bound, ...figure } = JSON.parse(line);
    return { ...figure, commit, date };
});
const fresh = new Set(now.map((figure) => figure.chapter));
const jsonFile = `${folder}/results.json`;
const before = existsSync(jsonFile) ? JSON.parse(readFileSync(jsonFile, "utf8")).figures : [];
const figures = [...now, ...before.filter((figure) => !fresh.has(figure.chapter))];
figures.sort((a, b) => place(a.chapter) - place(b.chapter));
for (const figure of figures) if (boundOf(figure)) figure.held = held(figure);
const bounded = figures.filter(boundOf);
writeFileSync(jsonFile, `${[
    "{",
    ...Object.entries({ machine, date, commit, command, failed: failed.split(" ").filter(Boolean) })
        .map(([name, what]) => `${JSON.stringify(name)}:${JSON.stringify(what)},`),
    '"figures":[',
    figures.map((figure) => JSON.stringify(figure)).join(",\n"),
    "]}",
].join("\n")}\n`);
writeFileSync(`${folder}/RESULTS.svg`, chart(figures));

// ---- The head of RESULTS.md ----
const commits = new Set(figures.map((figure) => figure.commit));
const row = (figure) => [
    `${figure.chapter}: ${figure.scenario}`,
    `${figure.what}, ${figure.at_least === undefined ? "at most" : "at least"} ${value(boundOf(figure), figure.unit)}`,
    span(figure),
    figure.held ? "held" : "**NOT held**",
    ...(commits.size > 1 ? [figure.commit] : []),
];
const table = (rows) => rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const notHeld = bounded.filter((figure) => !figure.held).length;
const head = `# Figures

Written by \`${command}\` on ${date}, commit ${commit}. Servers, peers and client on one machine, over loopback: ratios within a run
say more than rates. ${machine} The same as JSON: [results.json](results.json).

![What must hold, and rates beside ceilings and peers](RESULTS.svg)

## What must hold

${bounded.length} bounds, ${notHeld} not held. Medians, (lowest to highest) of the runs; each scenario's chapter below says how it was measured.\
${commits.size > 1 ? " Not all is of one run: the last column is the commit measured." : ""}\
${failed ? ` **Failed in this run, and not measured: ${failed}.**` : ""}

${table([
    ["scenario", "bound", "measured", "", ...(commits.size > 1 ? ["commit"] : [])],
    ["---", "---", "---", "---", ...(commits.size > 1 ? ["---"] : [])],
    ...bounded.map(row),
])}
`;
const text = existsSync(`${folder}/RESULTS.md`) ? readFileSync(`${folder}/RESULTS.md`, "utf8") : "";
const chapters = text.split(/^(?=## )/m).slice(1).map((chapter) => ({
    name: chapter.slice(3, chapter.indexOf("\n")),
    text: chapter.trimEnd(),
})).filter(({ name }) => name !== "What must hold");
chapters.sort((a, b) => place(a.name) - place(b.name));
writeFileSync(`${folder}/RESULTS.md`, `${[head.trimEnd(), ...chapters.map((chapter) => chapter.text)].join("\n\n")}\n`);
console.log(`\n${head.slice(head.indexOf("## What must hold"))}`);
