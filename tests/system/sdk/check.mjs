// check.mjs - numbered checks printed as TAP lines; the first difference ends the program.
let count = 0;

export async function check(name, body) {
    count++;
    try {
        await body();
    } catch (error) {
        console.log(`not ok ${count} - ${name}`);
        // An error of the SDK holds the request with its signature: only what is safe is printed.
        const place = (error.stack ?? "").split("\n").find((line) => line.includes("/sdk/")) ?? "";
        const what = error.statusCode ? `${error.statusCode} ${error.code}` : error.message;
        console.log(`  ${what}\n  ${place.trim()}`);
        process.exit(1);
    }
    console.log(`ok ${count} - ${name}`);
}

export function done() {
    console.log(`1..${count}`);
}

export function equal(actual, expected, what = "value") {
    const show = (value) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}` : v));
    if (show(actual) !== show(expected)) {
        throw new Error(`${what}: ${show(actual)} is not ${show(expected)}`);
    }
}

export function truth(value, what) {
    if (!value) throw new Error(`${what} does not hold`);
}

// Bytes are compared, not printed.
export function sameBytes(actual, expected, what = "bytes") {
    equal(actual.length, expected.length, `${what}: length`);
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    if (at >= 0) throw new Error(`${what}: differ at ${at}: ${actual[at]} is not ${expected[at]}`);
}

// The promise must be refused with this status and code; gives the error.
export async function refused(status, code, promise) {
    let error;
    try {
        await promise;
    } catch (caught) {
        error = caught;
    }
    if (!error) throw new Error(`expected ${status} ${code}, but it was done`);
    if (error.statusCode === undefined) throw error;
    equal([error.statusCode, error.code ?? error.details?.errorCode], [status, code], "refusal");
    return error;
}
