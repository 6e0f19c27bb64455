// control_peer.mjs PATH HOW [LINE...] - a peer of a run's control socket. HOW: ask: sends the lines, prints an answer to
// each, then ends; shut: the same, but says first that it sends no more; long: a line of 1 MiB before them, answered
// too; deaf: sends the first line for as long as it is taken, reads nothing, prints how many bytes were taken, ends.
import { connect } from "node:net";

const [, , path, how, ...lines] = process.argv;
const peer = connect({ path, allowHalfOpen: true });
const wanted = lines.length + (how === "long" ? 1 : 0);
let heard = "";

peer.on("error", (error) => {
    console.log(`error: ${error.code}`);
    process.exit(1);
});
if (how === "deaf") {
    const block = `${lines[0]}\n`.repeat(1000);
    let taken = 0, stuck;
    const go = () => {
        clearTimeout(stuck);
        stuck = setTimeout(() => { console.log(taken); process.exit(0); }, 1500);
        taken += block.length;
        if (taken > 64 << 20) process.exit(2); // it would take everything for ever
        peer.write(block, go);
    };
    peer.pause();
    go();
} else {
    peer.on("data", (data) => {
        heard += data;
        if (heard.split("\n").length - 1 < wanted || how === "shut") return;
        process.stdout.write(heard);
        process.exit(0);
    });
    peer.on("end", () => {
        process.stdout.write(heard);
        process.exit(heard.split("\n").length - 1 === wanted ? 0 : 3);
    });
    if (how === "long") peer.write(`${"x".repeat(1 << 20)}\n`);
    peer.write(lines.map((line) => `${line}\n`).join(""));
    if (how === "shut") peer.end();
}
