// Draws one finding. `el` is the only way anything is made, and it takes text, never markup.
function el(tag, looks, ...children) {
  const made = document.createElement(tag);
  if (looks) made.className = looks;
  for (const child of children) if (child !== null && child !== "") made.append(child);
  return made;
}

function link(href, looks, ...children) {
  const made = el("a", looks, ...children);
  made.href = href; // always a fragment of this page
  return made;
}

const mark = (result) => el("span", `mark ${result}`, say(`result.${result}`));
const address = (i) =>
  `#f=${encodeURIComponent(rules[ROWS_RULE[i]].id)}@${encodeURIComponent(targets[ROWS_TARGET[i]].id)}`;

function copyBox(code) {
  const pre = el("pre", "code", code);
  const button = el("button", "js", say("browse.copy"));
  button.type = "button";
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(pre); // what one falls back on where the clipboard is refused
    try { await navigator.clipboard.writeText(code); button.textContent = say("browse.copied"); } catch { /* selected */ }
  });
  return el("div", "copybox", pre, button);
}

// Prose and code to copy (lines that begin with four spaces), as code_blocks in text.py cuts them.
function remedy(words) {
  const box = el("div", "");
  for (const block of words.match(/(?:^ {4}.*\n?)+|(?:^(?! {4}).+\n?|^\n)+/gm) || []) {
    if (!block.trim()) continue;
    const isCode = block.startsWith("    ");
    const kept = (isCode ? block.replace(/^ {4}/gm, "") : block).replace(/^\n+|\n+$/g, "");
    box.append(isCode ? copyBox(kept) : el("p", "", kept));
  }
  return box;
}

function remedies(rule, platform) {
  const general = ["any", "all", "default", "*"];
  const rank = ([name]) => (name === platform ? 0 : general.includes(name) ? 1 : 2);
  const [own, ...others] = [...rule.ways].sort((a, b) => rank(a) - rank(b));
  if (!own) return null;
  const box = remedy(text(own[1]));
  if (others.length) {
    const more = el("details", "", el("summary", "soft", say("findings.other_platforms")));
    for (const [name, way] of others) more.append(el("p", "", el("b", "", name)), remedy(text(way)));
    box.append(more);
  }
  return box;
}

function short(hash) {
  const code = el("code", "sha", `${hash.slice(0, 4)}…${hash.slice(-4)}`);
  code.title = hash;
  return code;
}

// What was seen: the excerpt, "" when there was no output (the note says so), or only its place in the folder.
function evidence(tag, place) {
  const [sha, source, note] = data.seen[place];
  const excerpt = data.excerpts[place];
  return el(tag, "", text(source) ? el("code", "", text(source)) : "", text(source) ? " · " : "",
    text(note), " · sha256 ", short(sha),
    excerpt ? el("pre", "seen", excerpt) : excerpt === "" ? "" : el("p", "soft", say("findings.no_excerpt")));
}

// A hash names nothing to a reader: what it was found at stands first, and it is shortened.
function instanceName(id, found, where) {
  if (!/^[0-9A-Fa-f]{32,}$/.test(id)) return [el("code", "", id)];
  const subject = text(where) || text(found);
  return [subject ? `${subject} ` : "", short(id)];
}

function instanceTable(instances) {
  const heads = ["instance", "result", "message", "expected", "found", "where"].map((h) => {
    const th = el("th", "", say(`findings.${h}`));
    th.scope = "col";
    return th;
  });
  const rows = instances.map(([id, result, ...parts]) => {
    const th = el("th", "", ...instanceName(id, parts[2], parts[3]));
    th.scope = "row";
    return el("tr", "", th, el("td", "", mark(data.results.includes(result) ? result : "unknown")),
      ...parts.map((p) => el("td", "", text(p))));
  });
  return el("div", "wide", el("table", "", el("thead", "", el("tr", "", ...heads)), el("tbody", "", ...rows)));
}

const titleOf = (i) => {
  const rule = rules[ROWS_RULE[i]];
  return text(data.results[ROWS_RESULT[i]] === "fail" ? rule.failed : rule.title);
};

// Everything about finding i below its heading.
function body(i) {
  const rule = rules[ROWS_RULE[i]], target = targets[ROWS_TARGET[i]], said = details[ROWS_DETAIL[i]];
  const failed = data.results[ROWS_RESULT[i]] === "fail";
  const tags = el("p", "tags", el("span", `sev ${said.severity}`, say(`severity.${said.severity}`)),
    said.mandatory ? el("span", "", say("findings.mandatory")) : "",
    el("span", "", text(data.families[rule.family][1])),
    said.change ? el("span", "", say(`change.${said.change}`)) : "",
    ...[said.waived, said.inherited, said.contradicted].filter(Boolean).map((tag) => el("span", "", text(tag))));
  const told = el("dl", ""), more = el("dl", "");
  let list = told;
  const row = (name, value) => {
    if (value) list.append(el("dt", "", say(`findings.${name}`)), value instanceof Node ? value : el("dd", "", value));
  };
  for (const name of ["reason", "cure", "expected", "found", "where"]) row(name, text(said[name]));
  row("stricter", text(said.overlaid));
  row("answer", text(said.attested));
  list = more;
  if (failed) {
    row("why", text(rule.why));
    const ways = remedies(rule, target.platform);
    if (ways) row("mend", el("dd", "", ways));
  }
  const seen = data.sets[ROWS_SEEN[i]];
  for (const place of seen.slice(0, data.unfolded)) row("evidence", evidence("dd", place));
  const rest = seen.slice(data.unfolded);
  if (rest.length) {
    const fold = el("details", "rest", el("summary", "", say("findings.more_evidence", { n: rest.length })),
      ...rest.map((place) => evidence("div", place)));
    list.append(el("dt", ""), el("dd", "", fold));
  }
  row("clause", text(said.basis));
  const meta = [said.first, said.age, said.mend].filter(Boolean).map(text).join(" · ");
  const here = link(address(i), "", say("browse.link"));
  const message = text(said.message);
  return [tags, el("p", "place", el("b", "", text(target.name)), " ", text(target.place)),
    message && message !== titleOf(i) ? el("p", "", message) : "", told,
    said.instances.length ? instanceTable(said.instances) : "",
    said.cut ? el("p", "meta", text(said.cut)) : "", more,
    el("p", "meta", meta, meta ? " · " : "", here)];
}

// A failure is an open page of its own; anything else is one line that opens.
function drawFinding(i, opened) {
  const result = data.results[ROWS_RESULT[i]];
  if (result === "fail" || opened) {
    const article = el("article", "f", el("h3", "", mark(result), " ", el("b", "", titleOf(i))), ...body(i));
    article.id = address(i).slice(1);
    return article;
  }
  const said = details[ROWS_DETAIL[i]];
  const line = el("summary", "", mark(result), el("span", "", titleOf(i)),
    el("span", "", text(targets[ROWS_TARGET[i]].name), said.reason ? ` · ${text(said.reason)}` : ""));
  const box = el("details", "f", line);
  box.addEventListener("toggle", () => { if (box.open && box.childElementCount === 1) box.append(...body(i)); });
  return box;
}
