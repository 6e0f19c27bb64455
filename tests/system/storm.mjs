// storm.mjs [--first N] [--seeds N] [--kills] [--width N] [--keep] - seeds of storms between two regions; see
// storm_run.mjs.
import { Storm, storms } from "./storm_run.mjs";

await storms(Storm, "storm.sh");
