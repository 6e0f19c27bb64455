// run_events.mjs FILE [EXPRESSION] - are these the events of one snapferry run? Exit status 1 and a sentence when
// not. Always: JSON lines, "end" last and once, percent never back, 100 only with success, one summary a
// disk and nothing after it, units and exit as their disks. EXPRESSION sees events, of(kind), exit, answer(tag),
// disk(id) {states, progress, summary}, point(id).
import { readFileSync } from "node:fs";

const [, , file, expression] = process.argv;
const text = readFileSync(file, "utf8");

function must(truth, sentence) {
    if (truth) return;
    console.log(`${file}: ${sentence}`);
    process.exit(1);
}
must(text.endsWith("\n"), "the last line is not whole");
const events = text.trimEnd().split("\n").map((line) => {
    try {
        const event = JSON.parse(line);
        must(typeof event === "object" && event.event && !Number.isNaN(Date.parse(event.time)), `no event: ${line}`);
        return event;
    } catch {
        must(false, `no JSON: ${line}`);
    }
});
const of = (kind) => events.filter((e) => e.event === kind);
const exit = events.at(-1).exit;
const answer = (tag) => of("answer").find((e) => e.tag === tag);
const point = (id) => of("summary").find((e) => e.restorePoint === id && !e.disk);
function disk(id) {
    const mine = events.filter((e) => e.disk === id && e.event !== "answer");
    return {
        states: mine.filter((e) => e.event === "state").map((e) => e.code.split("/")[1]),
        progress: mine.filter((e) => e.event === "progress"),
        summary: mine.find((e) => e.event === "summary"),
        last: mine.at(-1),
    };
}
const code = (event) => event.code.split("/")[1];

must(of("end").length === 1 && events.at(-1).event === "end", "the last line, and no other, is the end");
must(!of("invalid").length || exit === 2, "an invalid job ends with 2");
const ids = [...new Set(of("state").filter((e) => e.disk).map((e) => e.disk))];
for (const id of ids) {
    const { progress, summary, last, states } = disk(id);
    const percents = progress.map((e) => e.completionPercent);
    must(summary && last === summary, `${id}: its summary is not its last event`);
    must(percents.every((p, i) => p >= 0 && p <= 100 && (i === 0 || p >= percents[i - 1])), `${id}: ${percents}`);
    must(!percents.includes(100) || code(summary) === "succeeded", `${id}: 100 without success`);
    must(code(summary) !== "succeeded" || percents.at(-1) === 100, `${id}: succeeded at ${percents.at(-1)} %`);
    must(code(summary) === "succeeded" || summary.lastPercent >= (percents.at(-1) ?? 0), `${id}: last percent`);
    must(code(summary) === "succeeded" || summary.lastPercent < 100, `${id}: failed at 100`);
    must(code(summary) !== "succeeded" || /^sha256:[0-9a-f]{64}$/.test(summary.root ?? summary.deltaDigest), `${id}: root`);
    must(states.at(-1) === code(summary), `${id}: last state ${states.at(-1)}`);
}
for (const unit of of("summary").filter((e) => !e.disk)) {
    const codes = of("summary").filter((e) => e.disk && e.restorePoint === unit.restorePoint).map(code);
    must((code(unit) === "succeeded") === codes.every((c) => c === "succeeded"), `${unit.restorePoint}: ${code(unit)}`);
}
const ends = ids.map((id) => code(disk(id).summary));
if (ends.length) must((exit === 0) === ends.every((c) => c === "succeeded"), `exit ${exit} of ${ends}`);
if (ends.includes("failed")) must(exit === 1 || exit === 130, `exit ${exit}, though a disk failed`);
if (expression) must(eval(expression), `not so: ${expression}`);
