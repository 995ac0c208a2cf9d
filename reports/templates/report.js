// Reads the embedded data and holds the words. Data reaches the page through textContent only.
const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
const firstLang = root.lang;
const [ROWS_RULE, ROWS_TARGET, ROWS_RESULT, ROWS_DETAIL, ROWS_SEEN] =
  data.columns.length ? data.columns : Array.from({ length: 5 }, () => []);
const COUNT = ROWS_RULE.length;

const at = () => (root.lang === "en" ? 1 : 0);
const pick = (text) => (Array.isArray(text) ? text[at()] : text);
const text = (place) => pick(data.texts[place]);
const whole = (n) => n.toLocaleString(root.lang === "en" ? "en" : "vi");

// A phrase of the catalog, `table.key`, as Words.t in text.py says it.
function say(path, values = {}) {
  const [table, key] = [path.slice(0, path.indexOf(".")), path.slice(path.indexOf(".") + 1)];
  const entry = (data.words[table] || {})[key];
  if (!entry) return key;
  const pattern = (values.n === 1 && entry[root.lang + "1"]) || entry[root.lang];
  return pattern.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? whole(values[name]) : String(values[name] ?? ""));
}

// What a reader types without accents finds what was written with them.
const fold = (value) =>
  value.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
const foldText = (value) => fold(Array.isArray(value) ? value.join(" ") : value);

const rules = data.rules.map(([id, title, failed, why, family, ways]) => ({ id, title, failed, why, family, ways }));
const targets = data.targets.map(([id, name, place, agency, level, platform, asked = ""]) =>
  ({ id, name, place, agency, level, platform, asked }));
const details = data.details.map(([severity, mandatory, change, instances, ...parts]) => {
  const detail = { severity: data.severities[severity], mandatory, change, instances };
  data.parts.forEach((part, i) => { detail[part] = parts[i] || 0; });
  return detail;
});

// The searchable words of each table, folded once, when somebody first searches.
let folded = null;
function haystacks() {
  if (folded) return folded;
  const texts = data.texts.map(foldText);
  folded = {
    rules: rules.map((r) => `${fold(r.id)} ${texts[r.title]} ${texts[r.failed]} ${texts[data.families[r.family][1]]}`),
    targets: targets.map((t) => `${fold(t.id)} ${texts[t.name]} ${texts[t.place]}`),
    details: details.map((d) =>
      [d.message, d.expected, d.found, d.where, d.basis, d.reason].map((p) => texts[p]).join(" ") + " " +
      d.instances.map(([id, , ...parts]) => fold(id) + " " + parts.map((p) => texts[p]).join(" ")).join(" ")),
  };
  return folded;
}

// Which rules, targets and details hold what was typed. "so y te" is looked for as a phrase; what is nowhere as
// a phrase ("web01 sao luu") is looked for word by word, and a row matches when every word is somewhere in it.
function matcher(query) {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (!words.length) return () => true;
  const tables = Object.values(haystacks());
  const phrase = words.join(" ");
  const known = tables.some((table) => table.some((entry) => entry.includes(phrase)));
  const holds = (known ? [phrase] : words).map((word) =>
    tables.map((table) => table.map((entry) => entry.includes(word))));
  return (i) => holds.every(([r, t, d]) => r[ROWS_RULE[i]] || t[ROWS_TARGET[i]] || d[ROWS_DETAIL[i]]);
}

function setLang(lang) {
  root.lang = lang;
  document.title = pick(data.title);
  for (const attribute of ["placeholder", "aria-label"])
    for (const el of document.querySelectorAll(`[data-${attribute}]`))
      el.setAttribute(attribute, say(el.getAttribute(`data-${attribute}`)));
  for (const button of document.querySelectorAll("[data-lang]"))
    button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
}
