// page_map.js - the picture of a disk restore point's blob: which parts hold data, which changed since the one before.
// It is asked for when it is opened; the colours are the style sheet's, and words say the same.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const MAP_COLUMNS = 64, MAP_CELL = 10;

function cellsPicture(map) {
    const svg = document.createElementNS(SVG, "svg"), rows = Math.ceil(map.held.length / MAP_COLUMNS);
    svg.setAttribute("viewBox", `0 0 ${MAP_COLUMNS * MAP_CELL} ${Math.max(1, rows) * MAP_CELL}`);
    map.held.forEach((held, i) => {
        const cell = document.createElementNS(SVG, "rect");
        cell.setAttribute("class", map.changed?.[i] ? "changed" : held ? "held" : "empty");
        cell.setAttribute("x", (i % MAP_COLUMNS) * MAP_CELL);
        cell.setAttribute("y", Math.floor(i / MAP_COLUMNS) * MAP_CELL);
        cell.setAttribute("width", MAP_CELL - 1);
        cell.setAttribute("height", MAP_CELL - 1);
        svg.append(cell);
    });
    svg.setAttribute("role", "img");
    return svg;
}

function mapWords(map) {
    const words = [`${bytes(map.heldBytes)} of ${bytes(map.sizeBytes)} hold data${map.snapshot ? "" : " so far"}.`];
    if (map.changed) words.push(`${bytes(map.changedBytes)} changed since the restore point before it.`);
    if (map.reason) words.push(`What changed cannot be told: ${map.reason}`);
    words.push(`Each cell is ${bytes(map.cellBytes)}, from the disk's beginning on.`);
    return words.join(" ");
}

function mapView(disk) {
    const element = make("details", "map"), body = make("div");
    element.append(make("summary", "", "Block map"), body);
    const load = async () => {
        body.replaceChildren(make("p", "facts", "The region is asked\u2026"));
        try {
            const map = await ask(`/x-snapferry/map?diskRestorePoint=${encodeURIComponent(disk.id)}`);
            const picture = cellsPicture(map), words = mapWords(map), key = make("ul");
            picture.setAttribute("aria-label", `Block map of ${disk.name}: ${words}`);
            for (const [kind, word] of [["held", "holds data"], ["changed", "changed"], ["empty", "empty, reads as zeros"]]) {
                const item = make("li");
                item.append(make("span", `key ${kind}`), word);
                key.append(item);
            }
            body.replaceChildren(picture, make("p", "facts", words), key);
        } catch (error) {
            body.replaceChildren(make("p", "reason", error.message));
            throw error;
        }
    };
    element.addEventListener("toggle", () => element.open && guard(load));
    return element;
}
