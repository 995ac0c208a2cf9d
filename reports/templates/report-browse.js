// Filters, their addresses, keys and paper. The state is `wanted`; the address bar always says it.
const PAGE = 100, PAPER = 500, none = new Set();
const assets = new Map(data.systems.map(([id, , held]) => [id, new Set(held)]));
const FACETS = {
  result: { of: (i) => data.results[ROWS_RESULT[i]], word: (v) => say(`result.${v}`) },
  family: { of: (i) => data.families[rules[ROWS_RULE[i]].family][0],
    word: (v) => text((data.families.find(([id]) => id === v) || [0, 0])[1]) || v },
  severity: { of: (i) => details[ROWS_DETAIL[i]].severity, word: (v) => say(`severity.${v}`) },
  agency: { of: (i) => data.agencies[targets[ROWS_TARGET[i]].agency][0],
    word: (v) => text((data.agencies.find(([id]) => id === v) || [0, 0])[1]) || v },
  level: { of: (i) => String(targets[ROWS_TARGET[i]].level ?? ""), word: (v) => say("count.level", { n: v }) },
  // these have no menu of their own: a link elsewhere in the page sets them
  rule: { of: (i) => rules[ROWS_RULE[i]].id, hidden: true,
    word: (v) => text((rules.find((r) => r.id === v) || { title: 0 }).title) || v },
  target: { of: (i) => targets[ROWS_TARGET[i]].id, hidden: true,
    word: (v) => text((targets.find((t) => t.id === v && !t.asked) || { name: 0 }).name) || v },
  // a question of a whole system or agency stands on one target, but is no finding about that target
  asked: { of: (i) => targets[ROWS_TARGET[i]].asked, hidden: true,
    word: (v) => text((targets.find((t) => t.asked === v) || { name: 0 }).name) || v },
  system: { matches: (i, v) => (assets.get(v) || none).has(targets[ROWS_TARGET[i]].id), hidden: true,
    word: (v) => text((data.systems.find(([id]) => id === v) || [0, 0])[1]) || v },
  req: { matches: (i, v) => (data.requirements[v] || []).includes(rules[ROWS_RULE[i]].id), hidden: true, word: (v) => v },
  change: { of: (i) => details[ROWS_DETAIL[i]].change, hidden: true, word: (v) => say(`change.${v}`) },
};
const input = document.getElementById("q"), browser = document.getElementById("browser");
const bar = el("div", "filters"), chips = el("div", "filters"), told = el("p", "told"), list = el("div", "");
told.setAttribute("aria-live", "polite");
let wanted = {}, query = "", only = null, matching = [], drawn = 0;

const usual = () => ({ result: ROWS_RESULT.includes(0) ? "fail" : "" });
const values = (name) => (wanted[name] || "").split(",").filter(Boolean);
const passes = (name, chosen, i) =>
  FACETS[name].matches ? chosen.some((v) => FACETS[name].matches(i, v)) : chosen.includes(FACETS[name].of(i));

// One walk over the rows gives the matching ones and, for each facet, what choosing another value would give.
function select() {
  const chosen = Object.keys(FACETS).map((name) => [name, values(name)]).filter(([, v]) => v.length);
  const found = matcher(query), counts = {};
  for (const name in FACETS) counts[name] = new Map();
  matching = [];
  for (let i = 0; i < COUNT; i++) {
    if (!found(i)) continue;
    const failing = chosen.filter(([name, v]) => !passes(name, v, i)).map(([name]) => name);
    if (!failing.length) matching.push(i);
    if (failing.length > 1) continue;
    for (const name in FACETS) {
      const facet = FACETS[name];
      if (facet.hidden || (failing.length && failing[0] !== name)) continue;
      counts[name].set(facet.of(i), (counts[name].get(facet.of(i)) || 0) + 1);
    }
  }
  return counts;
}

function drawFilters(counts) {
  chips.replaceChildren();
  for (const result of data.results) {
    const n = counts.result.get(result) || 0, pressed = values("result").includes(result);
    const chip = el("button", `chip${n ? "" : " none"}`, mark(result), " ", whole(n));
    chip.type = "button";
    chip.setAttribute("aria-pressed", String(pressed));
    chip.addEventListener("click", () => want("result", pressed
      ? values("result").filter((v) => v !== result).join(",") : [...values("result"), result].join(",")));
    chips.append(chip);
  }
  bar.replaceChildren();
  for (const [name, facet] of Object.entries(FACETS)) {
    if (facet.hidden) {
      for (const value of values(name)) {
        const chip = el("button", "chip", say(`browse.${name}`), ": ", el("b", "", facet.word(value)), " ×");
        chip.type = "button";
        chip.setAttribute("aria-pressed", "true");
        chip.title = say("browse.remove");
        chip.addEventListener("click", () => want(name, ""));
        bar.append(chip);
      }
    } else if (name !== "result") bar.append(menu(name, facet, counts[name]));
  }
  if (query || only !== null || JSON.stringify(clean(wanted)) !== JSON.stringify(clean(usual()))) {
    const reset = el("button", "", say("browse.clear"));
    reset.type = "button";
    reset.addEventListener("click", clear);
    bar.append(reset);
  }
}

function menu(name, facet, counts) {
  const select = el("select", "");
  select.setAttribute("aria-label", say(`browse.${name}`));
  const order = name === "severity" ? data.severities : [...counts.keys()].sort();
  const options = [["", `${say(`browse.${name}`)}: ${say("browse.any").toLowerCase()}`]];
  for (const value of order) if (value && counts.get(value))
    options.push([value, `${facet.word(value)} (${whole(counts.get(value))})`]);
  const current = wanted[name] || "";
  if (current && !options.some(([value]) => value === current)) options.push([current, `${facet.word(current)} (0)`]);
  for (const [value, words] of options) {
    const option = el("option", "", words);
    option.value = value;
    option.selected = value === current;
    select.append(option);
  }
  select.addEventListener("change", () => want(name, select.value));
  return select;
}

function drawMore(count) {
  const last = list.lastElementChild;
  if (last && last.classList.contains("more")) last.remove();
  for (const i of matching.slice(drawn, drawn + count)) list.append(drawFinding(i, i === only));
  drawn = Math.min(matching.length, drawn + count);
  told.textContent = matching.length ? say("browse.shown", { shown: drawn, n: matching.length }) : say("browse.empty");
  if (drawn < matching.length) {
    const more = el("button", "more", say("browse.next", { n: Math.min(PAGE, matching.length - drawn) }));
    more.type = "button";
    more.addEventListener("click", () => drawMore(PAGE));
    list.append(more);
  }
}

function draw() {
  drawFilters(select());
  if (only !== null) matching = [only];
  list.replaceChildren();
  drawn = 0;
  drawMore(PAGE);
}

// --- the address -------------------------------------------------------------------------------------------
const clean = (state) => Object.fromEntries(Object.entries(state).filter(([, value]) => value));

function write() {
  const parts = only !== null ? [address(only).slice(1)] : Object.entries({ ...clean(wanted), ...(query && { q: query }) })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  if (only === null && !wanted.result && usual().result) parts.push("result="); // "all" is not the usual view
  if (root.lang !== firstLang) parts.push(`lang=${root.lang}`);
  try { history.replaceState(null, "", `#${parts.join("&")}`); } catch { /* some viewers forbid it */ }
}

const decode = (value) => { try { return decodeURIComponent(value); } catch { return value; } };

// True when the address asks for findings; a plain #section is the browser's own business.
function readAddress() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return false;
  const asked = Object.fromEntries(hash.split("&").map((part) => {
    const cut = part.indexOf("=");
    return [part.slice(0, cut), decode(part.slice(cut + 1))];
  }));
  if (asked.lang === "vi" || asked.lang === "en") setLang(asked.lang);
  only = null;
  if (asked.f !== undefined) {
    for (let i = 0; i < COUNT && only === null; i++)
      if (`${rules[ROWS_RULE[i]].id}@${targets[ROWS_TARGET[i]].id}` === asked.f) only = i;
    return true;
  }
  wanted = {};
  for (const name in FACETS) if (asked[name]) wanted[name] = asked[name];
  if (asked.result === undefined && Object.keys(asked).every((name) => name === "lang")) wanted = usual();
  query = asked.q || "";
  input.value = query;
  return Object.keys(asked).some((name) => name !== "lang");
}

function want(name, value) {
  only = null;
  wanted[name] = value;
  write();
  draw();
}

function clear() {
  [wanted, query, only, input.value] = [usual(), "", null, ""];
  write();
  draw();
}

const show = () => document.getElementById("findings").scrollIntoView({ block: "start" });

// --- events ------------------------------------------------------------------------------------------------
let waiting = 0;
input.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    [query, only] = [input.value.trim(), null];
    write();
    draw();
    if (query) show();
  }, 120);
});
addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.key === "Escape" && (typing || query || only !== null)) {
    clear();
    document.activeElement.blur();
  }
});
addEventListener("hashchange", () => { if (readAddress()) { draw(); show(); } });
addEventListener("beforeprint", () => {
  drawMore(Math.max(0, PAPER - drawn));
  for (const fold of document.querySelectorAll(".rest, .paper")) fold.open = true;
});
document.getElementById("print").addEventListener("click", () => print());
for (const button of document.querySelectorAll("[data-lang]"))
  button.addEventListener("click", () => { setLang(button.dataset.lang); write(); draw(); });

// --- start -------------------------------------------------------------------------------------------------
root.classList.add("on");
document.getElementById("static").remove(); // the same failures, drawn below with filters
browser.hidden = false;
browser.append(chips, bar, told, list);
wanted = usual();
setLang(root.lang);
const asked = readAddress();
draw();
if (asked) show();
