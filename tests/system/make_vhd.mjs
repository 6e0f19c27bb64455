// make_vhd.mjs FILE - appends the footer of a fixed VHD (protocol D.2), padding the disk to 1 MiB.
import { appendFileSync, statSync, truncateSync } from "node:fs";

const MIB = 1 << 20;
const path = process.argv[2];
const size = Math.ceil(statSync(path).size / MIB) * MIB;
truncateSync(path, size);

// Cylinders, heads and sectors as every VHD tool computes them.
function geometry(bytes) {
    const sectors = Math.min(bytes / 512, 65535 * 16 * 255);
    let spt = 17;
    let cth = Math.floor(sectors / 17);
    let heads = Math.max(4, Math.floor((cth + 1023) / 1024));
    if (sectors >= 65535 * 16 * 63) {
        [spt, heads, cth] = [255, 16, Math.floor(sectors / 255)];
    } else {
        if (cth >= heads * 1024 || heads > 16)
            [spt, heads, cth] = [31, 16, Math.floor(sectors / 31)];
        if (cth >= heads * 1024) [spt, heads, cth] = [63, 16, Math.floor(sectors / 63)];
    }
    return [Math.floor(cth / heads), heads, spt];
}

const footer = Buffer.alloc(512);
footer.write("conectix", 0, "latin1");
footer.writeUInt32BE(2, 8);
footer.writeUInt32BE(0x10000, 12);
footer.fill(0xff, 16, 24);
footer.writeUInt32BE(0x2ec79b96, 24);
footer.write("wa\0\0", 28, "latin1");
footer.writeUInt32BE(0x70000, 32);
footer.write("Wi2k", 36, "latin1");
footer.writeBigUInt64BE(BigInt(size), 40);
footer.writeBigUInt64BE(BigInt(size), 48);
const [cylinders, heads, spt] = geometry(size);
footer.writeUInt16BE(cylinders, 56);
footer.writeUInt8(heads, 58);
footer.writeUInt8(spt, 59);
footer.writeUInt32BE(2, 60);
Buffer.from("28478c54df94bd35714c945fe5444453", "hex").copy(footer, 68);
footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
appendFileSync(path, footer);
