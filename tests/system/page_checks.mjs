// page_checks.mjs - what any page must hold, asked inside the browser; each returns what is wrong, a sentence a fault.
// They stand alone: the browser gets their text.

// Names, roles and landmarks, as assistive technology needs them.
export function structure() {
    const wrong = [], all = (query) => [...document.querySelectorAll(query)];
    const levels = all("h1,h2,h3,h4").map((heading) => Number(heading.tagName[1]));
    const named = (element) => (element.getAttribute("aria-label") ?? element.textContent).trim() !== "";
    if (!document.documentElement.lang) wrong.push("no language");
    if (!document.title) wrong.push("no title");
    for (const landmark of ["main", "header", "h1"])
        if (all(landmark).length !== 1) wrong.push(`${all(landmark).length} of ${landmark}`);
    if (levels.some((level, i) => i > 0 && level > levels[i - 1] + 1)) wrong.push(`headings ${levels}`);
    for (const input of all("input")) if (!input.labels.length) wrong.push(`no label: ${input.id}`);
    for (const element of all("button,summary,progress,[role=img],section[aria-labelledby] > h2"))
        if (!named(element)) wrong.push(`no name: ${element.outerHTML.slice(0, 80)}`);
    for (const bar of all("progress")) if (bar.checkVisibility() && bar.position < 0) wrong.push(`no value: ${bar.ariaLabel}`);
    for (const element of all("[aria-labelledby],[aria-describedby]"))
        for (const id of (element.getAttribute("aria-labelledby") ?? element.getAttribute("aria-describedby")).split(" "))
            if (!document.getElementById(id)) wrong.push(`nothing is called ${id}`);
    const ids = all("[id]").map((element) => element.id);
    if (new Set(ids).size !== ids.length) wrong.push("an id twice");
    for (const list of all("ul")) if ([...list.children].some((child) => child.tagName !== "LI")) wrong.push("a list of others");
    if (all("[onclick],[style],style,script:not([src])").length) wrong.push("code or style inside the page");
    if (all("[tabindex]").some((element) => element.tabIndex > 0)) wrong.push("an order of its own for the keyboard");
    return wrong;
}

// 4.5 to 1 between each text and what lies behind it (WCAG AA).
export function contrast() {
    const parse = (color) => (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const shine = ([red, green, blue]) => [red, green, blue].map((value) => value / 255)
        .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const wrong = new Set();
    let looked = 0;
    for (const element of document.body.querySelectorAll("*")) {
        const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!text || !element.checkVisibility({ checkVisibilityCSS: true })) continue;
        const [one, other] = [shine(parse(getComputedStyle(element).color)), shine(behind(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        looked++;
        if (ratio < 4.5) wrong.add(`${ratio.toFixed(2)}: ${element.tagName} ${element.className}`);
    }
    if (looked < 10) wrong.add(`only ${looked} texts were seen`);
    return [...wrong];
}

// On a small screen: what a finger cannot hit, what is cut off.
export function complaints() {
    const wrong = [];
    for (const element of document.querySelectorAll("button,summary,input")) {
        if (!element.checkVisibility()) continue;
        const box = element.getBoundingClientRect();
        if (box.height < 24 || box.width < 24) wrong.push(`too small: ${element.textContent.slice(0, 40)}`);
        if (box.right > innerWidth || box.left < 0) wrong.push(`outside: ${element.textContent.slice(0, 40)}`);
    }
    return wrong;
}
