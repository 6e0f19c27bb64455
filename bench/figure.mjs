// figure.mjs - one figure of results.json: its bound, whether it holds, how its numbers are written.
export const boundOf = (figure) => figure.at_least ?? figure.at_most;
export const held = (figure) =>
    figure.at_least === undefined ? figure.median <= figure.at_most : figure.median >= figure.at_least;
// How many times better than its bound: 1 is just held.
export const score = (figure) =>
    figure.at_least === undefined ? figure.at_most / figure.median : figure.median / figure.at_least;

export function number(x) {
    const size = Math.abs(x);
    return x.toFixed(size >= 100 || Number.isInteger(x) ? 0 : size >= 10 ? 1 : size >= 2 ? 2 : 3);
}
export const value = (x, unit) => (unit === "ratio" ? number(x) : `${number(x)} ${unit}`);
export const span = (figure) =>
    value(figure.median, figure.unit) +
    (figure.lowest === figure.highest ? "" : ` (${number(figure.lowest)} to ${number(figure.highest)})`);
