// sdk_regiond.mjs - the official SDK against regiond: everything a page-blob client may ask.
// Environment: REGION_URL, REGION_URL_2 (two regions with the same accounts), REGION_KEY.
import { containers } from "./sdk/containers.mjs";
import { disks } from "./sdk/disks.mjs";
import { done } from "./sdk/check.mjs";
import { fromUrl } from "./sdk/from_url.mjs";
import { pages } from "./sdk/pages.mjs";
import { ranges } from "./sdk/ranges.mjs";
import { sas } from "./sdk/sas.mjs";

await containers();
await pages();
await ranges();
await sas();
await disks();
await fromUrl();
done();
