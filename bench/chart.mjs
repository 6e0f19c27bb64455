// chart.mjs - the figures as one self-contained SVG that reads on light and on dark: how each bound is met, and
// rates beside ceilings and peers. Must not know: files.
import { boundOf, number, score, span, value } from "./figure.mjs";

const WIDTH = 1180, ROW = 22, BAR = 13, LEFT = 16;
const BARS = 520, ROOM = 340; // where bars begin, and the longest; numbers stand behind them
const LABEL_MAX = 72; // characters in front of the bars: longer ones take two lines
const SCORE_MAX = 2.5; // times better than the bound: longer bars are cut, and say so
const COLOURS = { ours: "#3b82c4", held: "#2e9467", missed: "#d9662b", others: "#8a94a0", text: "#6b7684", line: "#8a94a0" };

const safe = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x, y, words, more = "") => `<text x="${x}" y="${y}"${more}>${safe(words)}</text>`;
const bar = (x, y, width, colour) =>
    `<rect x="${x}" y="${y}" width="${Math.max(1, width).toFixed(1)}" height="${BAR}" rx="2" fill="${colour}"/>`;
const rule = (x, from, to, more = "") =>
    `<line x1="${x}" y1="${from}" x2="${x}" y2="${to}" stroke="${COLOURS.line}"${more}/>`;

// A page grows downwards; `at` is where the next thing goes.
class Page {
    constructor() {
        this.at = 0;
        this.parts = [];
    }
    title(words, below) {
        this.at += 34;
        this.parts.push(text(LEFT, this.at, words, ' class="title"'));
        if (below) this.parts.push(text(LEFT, (this.at += 20), below));
        this.at += 8;
    }
    chapter(words) {
        this.at += 26;
        this.parts.push(text(LEFT, this.at, words, ' class="chapter"'));
        this.at += 4;
    }
    // A label, its bar, and words at `behind`, or where the bar ends.
    row(label, width, colour, words, behind = BARS + width + 8) {
        const cut = label.length <= LABEL_MAX ? label.length : label.lastIndexOf(" ", LABEL_MAX);
        if (cut < label.length) this.parts.push(text(LEFT, (this.at += ROW - 4) - 2, label.slice(0, cut)));
        this.at += ROW;
        const rest = cut < label.length ? label.slice(cut + 1) : label;
        this.parts.push(text(LEFT + (cut < label.length ? 12 : 0), this.at - 4, rest),
            bar(BARS, this.at - 4 - BAR + 2, width, colour), text(behind, this.at - 4, words, ' class="number"'));
    }
}
const byChapter = (figures) => Map.groupBy ? Map.groupBy(figures, (f) => f.chapter)
    : figures.reduce((all, f) => all.set(f.chapter, [...(all.get(f.chapter) ?? []), f]), new Map());

function bounds(page, figures) {
    const line = BARS + ROOM / SCORE_MAX;
    page.title("What must hold", "Longer is better, and the line is the bound: a bar of twice its length does twice as well.");
    for (const [chapter, some] of byChapter(figures)) {
        page.chapter(chapter);
        const from = page.at;
        for (const figure of some) {
            const times = score(figure);
            const words = `${value(figure.median, figure.unit)}, at ${figure.at_least === undefined ? "most" : "least"} ` +
                `${number(boundOf(figure))}${figure.held ? "" : ": NOT held"}${times > SCORE_MAX ? ` (${number(times)} ×)` : ""}`;
            page.row(`${figure.scenario}: ${figure.what}`, (ROOM * Math.min(times, SCORE_MAX)) / SCORE_MAX,
                figure.held ? COLOURS.held : COLOURS.missed, words, BARS + ROOM + 8);
        }
        page.parts.push(rule(line, from + 3, page.at, ' stroke-width="2"'));
    }
}
function rates(page, figures) {
    page.title("Rates", "MB/s, medians (lowest to highest). Blue: snapferry; grey: raw clients, peers and limits beside it. Each block has a scale of its own.");
    for (const [chapter, some] of byChapter(figures)) {
        const most = Math.max(...some.map((figure) => figure.median));
        page.chapter(chapter);
        for (const figure of some) {
            const ours = figure.what === "throughput";
            page.row(ours ? figure.scenario : `${figure.scenario} (${figure.what})`, (ROOM * figure.median) / most,
                ours ? COLOURS.ours : COLOURS.others, span(figure).replace(" MB/s", ""));
        }
    }
}

export function chart(figures) {
    const page = new Page();
    bounds(page, figures.filter((figure) => boundOf(figure) !== undefined));
    rates(page, figures.filter((figure) => figure.unit === "MB/s"));
    const height = page.at + 16;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>What must hold, and rates beside ceilings and peers</title>
<style>
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: ${COLOURS.text}; }
.title { font-size: 19px; font-weight: 600; }
.chapter { font-size: 15px; font-weight: 600; }
.number { font-size: 12px; font-weight: 600; }
</style>
${page.parts.join("\n")}
</svg>
`;
}
