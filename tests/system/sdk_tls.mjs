// sdk_tls.mjs - the official SDK against regions that serve https: the same verbs, spr=https, and
// ranges that one region fetches from the other over TLS.
// Environment: REGION_URL, REGION_URL_2, REGION_KEY, NODE_EXTRA_CA_CERTS.
import {
    BlobSASPermissions,
    SASProtocol,
    generateBlobSASQueryParameters,
} from "@azure/storage-blob";
import { check, done, equal, sameBytes, truth } from "./sdk/check.mjs";
import * as region from "./sdk/region.mjs";

const { MIB, URL_ONE, URL_TWO, pattern, read, write } = region;

function httpsOnly(blob) {
    const values = {
        containerName: blob.containerName,
        blobName: blob.name,
        permissions: BlobSASPermissions.parse("r"),
        expiresOn: new Date(Date.now() + 3600e3),
        protocol: SASProtocol.Https,
    };
    const parameters = generateBlobSASQueryParameters(values, region.credential());
    return region.sasUrl(blob, parameters);
}

truth(URL_ONE.startsWith("https://") && URL_TWO.startsWith("https://"), "https");

await check("pages are written and read over TLS", async () => {
    const blob = await region.disk(16 * MIB);
    const bytes = pattern(4 * MIB);
    await write(blob, 4 * MIB, bytes);
    sameBytes((await read(blob, 4 * MIB, 4 * MIB)).bytes, bytes);
    equal(await region.entries(blob.listPageRanges()), [["data", 4 * MIB, 8 * MIB - 1]]);
});

await check("spr=https opens a blob over https", async () => {
    const blob = await region.disk(MIB);
    await write(blob, 0, pattern(512));
    sameBytes((await read(region.pageBlob(httpsOnly(blob)), 0, 512)).bytes, pattern(512));
});

await check("a region fetches a range from another over TLS", async () => {
    const source = await region.disk(4 * MIB);
    await write(source, 0, pattern(4 * MIB, 5));
    const target = await region.disk(4 * MIB, "target.vhd", URL_TWO);
    await target.uploadPagesFromURL(httpsOnly(source), 0, 0, 4 * MIB);
    sameBytes((await read(target)).bytes, pattern(4 * MIB, 5));
});
done();
