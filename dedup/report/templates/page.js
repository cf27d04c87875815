"use strict";
(() => {
  // Data of strangers becomes text nodes and nothing else: no markup is ever parsed here.
  const data = JSON.parse(document.getElementById("data").textContent);
  const { kinds, relations, outlets, stories, details } = data;
  const [COPIED, REWORDED] = [0, 1];
  const NAMES = ["id", "title", "outlet", "time", "url", "relation", "score", "witness", "group", "words", "shares", "role", "credit", "verdict", "percents"];
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);

  // Making elements ------------------------------------------------------------------------------------------------

  function fill(node, properties, children) {
    for (const [name, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : String(value));
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }
  const el = (name, properties, ...children) => fill(document.createElement(name), properties, children);
  const svg = (name, properties, ...children) => fill(document.createElementNS(SVG, name), properties, children);
  const bdi = (text) => el("bdi", null, text);
  const sr = (text) => el("span", { class: "sr" }, text);
  // Options hold text only: an isolate keeps a name from turning the line around.
  const isolated = (text) => `\u2068${text}\u2069`;

  const number = (count) => count.toLocaleString("en");
  const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many || one + "s"}`;
  // Percents were rounded where the report on a terminal rounds them; -1 and 101 are nearly nothing and nearly all.
  const whole = (percents) => (percents < 0 ? "<1" : percents > 100 ? ">99" : String(percents));
  const percent = (percents) => `${whole(percents)}\u00a0%`;
  const told = (percents) => kinds.map((kind, at) => `${kind} ${percent(percents[at])}`).join(", ");
  // What others have of the original is shared with them: it did not copy.
  const SHARED = kinds.length;
  const amounts = (member) => (member.role === "original" ? [[SHARED, "shared"], ...kinds.map((kind, at) => [at, kind]).slice(REWORDED + 1)] : kinds.map((kind, at) => [at, kind]))
    .filter(([at]) => member.percents[at]).map(([at, kind]) => `${percent(member.percents[at])} ${kind}`).join(", ") || "none";

  function bar(shares, label) {
    let at = 0;
    const rects = shares.map((share, kind) => {
      const rect = svg("rect", { x: `${at / 10}%`, width: `${share / 10}%`, height: "100%", fill: `url(#fill-${kinds[kind]})` });
      at += share;
      return share ? rect : null;
    });
    return svg("svg", { class: "bar", role: "img", "aria-label": label }, ...rects);
  }

  function own(shares) {
    const words = 1000 - shares[2];
    return words ? shares[3] / words : 0;
  }

  // Time -----------------------------------------------------------------------------------------------------------

  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const two = (value) => String(value).padStart(2, "0");
  const day = (date) => `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  const hour = (date) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  const moment = (seconds) => {
    if (seconds === null) return "undated";
    const date = new Date(seconds * 1000);
    return `${day(date)} ${hour(date)}`;
  };
  function period(first, last) {
    if (first === null) return "undated";
    const [one, two_] = [new Date(first * 1000), new Date(last * 1000)];
    if (first === last) return `${moment(first)} UTC`;
    return day(one) === day(two_) ? `${moment(first)} to ${hour(two_)} UTC` : `${moment(first)} to ${moment(last)} UTC`;
  }
  const UNITS = [[86400 * 365, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  function lasting(seconds) {
    if (seconds <= 0) return "0 min";
    const at = UNITS.findIndex(([unit]) => seconds >= unit);
    const [unit, name] = UNITS[at];
    const rest = at === 1 || at === 2 ? Math.floor((seconds % unit) / UNITS[at + 1][0]) : 0;
    return `${Math.floor(seconds / unit)} ${name}${rest ? ` ${rest} ${UNITS[at + 1][1]}` : ""}`;
  }

  // A table that is searched, sorted and paged ---------------------------------------------------------------------

  class Table {
    constructor(root, { columns, count, order, rows, caption, changed }) {
      Object.assign(this, { columns, rows, changed: changed || (() => {}) });
      this.all = Array.from({ length: count }, (_, row) => row);
      this.kept = this.all;
      this.sort = order;
      this.start = 0;
      this.heads = columns.map((column, at) => {
        const button = el("button", { type: "button", onclick: () => this.by(at) }, column.name, el("span", { "aria-hidden": "true" }));
        return el("th", { scope: "col", class: [column.class, column.wide && "wide"].filter(Boolean).join(" ") || null }, button);
      });
      this.body = el("tbody");
      this.empty = el("p", { class: "nothing", hidden: true }, "Nothing matches.");
      this.where = el("span", { role: "status" });
      this.before = el("button", { type: "button", onclick: () => this.page(-1) }, "Previous");
      this.after = el("button", { type: "button", onclick: () => this.page(1) }, "Next");
      this.pager = el("nav", { class: "pager", "aria-label": `${caption}: pages` }, this.before, this.after, this.where);
      const table = el("table", { class: "list" }, el("caption", { class: "sr" }, caption), el("thead", null, el("tr", null, ...this.heads)), this.body);
      root.replaceChildren(table, this.empty, this.pager);
      this.arrange();
    }
    by(column, up) {
      const same = this.sort[0] === column;
      this.sort = [column, up !== undefined ? up : same ? !this.sort[1] : this.columns[column].up || false];
      this.arrange();
    }
    keep(rows) {
      this.kept = rows;
      this.arrange();
    }
    page(step) {
      this.start += step * this.rows;
      this.draw();
    }
    arrange() {
      const [at, up] = this.sort;
      const { value } = this.columns[at];
      const keys = new Map(this.kept.map((row) => [row, value(row)]));
      const sign = up ? 1 : -1;
      this.shown = [...this.kept].sort((one, two_) => {
        const [a, b] = [keys.get(one), keys.get(two_)];
        if (a === b) return one - two_;
        if (a === null) return 1;
        if (b === null) return -1;
        return (typeof a === "string" ? compareNames(a, b) : a - b) * sign;
      });
      this.start = 0;
      this.heads.forEach((head, column) => {
        if (column === at) head.setAttribute("aria-sort", up ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
        head.querySelector("span").textContent = column === at ? (up ? " ↑" : " ↓") : "";
      });
      this.draw();
    }
    draw() {
      const end = Math.min(this.start + this.rows, this.shown.length);
      this.body.replaceChildren(...this.shown.slice(this.start, end).map((row) => this.line(row)));
      this.empty.hidden = this.shown.length > 0;
      this.pager.hidden = this.shown.length <= this.rows;
      this.where.textContent = `${number(this.start + 1)}–${number(end)} of ${number(this.shown.length)}`;
      this.before.disabled = this.start === 0;
      this.after.disabled = end === this.shown.length;
      this.changed(this);
    }
    line(row) {
      return el("tr", null, ...this.columns.map((column, at) =>
        el(at ? "td" : "th", { class: [column.class, column.wide && "wide"].filter(Boolean).join(" ") || null, scope: at ? null : "row" }, column.cell(row))));
    }
  }
  const compareNames = new Intl.Collator("en", { numeric: true }).compare;

  // The list of stories --------------------------------------------------------------------------------------------

  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const storyAddress = (row) => `#story=${encodeURIComponent(stories.id[row])}`;
  const numbers = new Map(stories.id.map((id, row) => [id, row]));
  let sought = null;
  let list = null;

  function sources() {
    if (sought === null) {
      sought = stories.id.map((id, row) => {
        const members = row < details.length ? details[row].members.map((member) => `${member[0]} ${member[1]}`) : [];
        const names = new Set(row < details.length ? details[row].members.map((member) => member[2]) : stories.named[row]);
        return folded([id, stories.title[row], ...[...names].map((name) => outlets[name]), ...members].join("\n"));
      });
    }
    return sought;
  }

  function search() {
    const wanted = folded(byId("search").value).split(/\s+/).filter(Boolean);
    const texts = sources();
    list.keep(wanted.length ? list.all.filter((row) => wanted.every((word) => texts[row].includes(word))) : list.all);
  }

  function drawStories() {
    const root = byId("story-table");
    if (!root) return;
    const span = (row) => (stories.first[row] === null ? null : stories.last[row] - stories.first[row]);
    const columns = [
      { name: "Title", class: "title", up: true, value: (row) => stories.title[row], cell: (row) => el("a", { href: storyAddress(row) }, bdi(stories.title[row])) },
      { name: "Articles", class: "number", value: (row) => stories.size[row], cell: (row) => number(stories.size[row]) },
      { name: "Outlets", class: "number", wide: true, value: (row) => stories.outlets[row], cell: (row) => (stories.outlets[row] ? number(stories.outlets[row]) : "–") },
      { name: "Began", class: "when", wide: true, value: (row) => stories.first[row], cell: (row) => moment(stories.first[row]) },
      { name: "Span", class: "number", wide: true, value: span, cell: (row) => (span(row) === null ? "–" : lasting(span(row))) },
      { name: "Ledger", class: "ledger-cell", wide: true, value: (row) => stories.shares[row][COPIED], cell: (row) => bar(stories.shares[row], told(stories.percents[row])) },
      { name: "Unique", class: "number", value: (row) => own(stories.shares[row]), cell: (row) => percent(stories.percents[row][kinds.length]) },
    ];
    const labels = [["title, A to Z", "title, Z to A"], ["most articles", "fewest articles"], ["most outlets", "fewest outlets"], ["newest", "oldest"], ["longest span", "shortest span"], ["most copied", "least copied"], ["most unique", "least unique"]];
    const choice = byId("sort");
    labels.forEach((names, column) => names.forEach((name, turned) => {
      const up = Boolean(columns[column].up) !== Boolean(turned);
      choice.append(el("option", { value: `${column} ${up ? 1 : 0}` }, name));
    }));
    const all = stories.id.length;
    list = new Table(root, {
      columns, count: all, order: [1, false], rows: 25, caption: "Stories",
      changed: (table) => {
        const some = table.kept.length < all;
        byId("found").textContent = some ? `${number(table.kept.length)} of ${number(all)}` : `${number(all)} in all`;
        choice.value = `${table.sort[0]} ${table.sort[1] ? 1 : 0}`;
      },
    });
    choice.addEventListener("change", () => {
      const [column, up] = choice.value.split(" ").map(Number);
      list.by(column, Boolean(up));
    });
    byId("search").addEventListener("input", search);
  }

  // Outlets --------------------------------------------------------------------------------------------------------

  function ownWork(row) {
    const [least, most] = data.table[row].slice(7, 9);
    if (least === null) return "–";
    return most === least ? percent(least) : `${whole(least)}–${percent(most)}`;
  }

  function drawOutlets() {
    const at = (column) => (row) => data.table[row][column];
    const name = (row) => outlets[data.table[row][0]];
    const plain = (column) => (row) => number(data.table[row][column]);
    new Table(byId("outlet-table"), {
      caption: "Outlets", count: data.table.length, rows: 15, order: [1, false],
      columns: [
        {
          name: "Outlet", up: true, value: (row) => name(row),
          cell: (row) => (name(row) ? el("button", { type: "button", class: "linked", onclick: () => lookFor(name(row)) }, sr("search for "), bdi(name(row))) : "without an outlet"),
        },
        { name: "Articles", class: "number", value: at(1), cell: plain(1) },
        { name: "In stories", class: "number", wide: true, value: at(2), cell: plain(2) },
        { name: "Own work", class: "number", value: at(3), cell: ownWork },
        { name: "Copies others", class: "number", value: at(5), cell: plain(5) },
        { name: "Copied by others", class: "number", value: at(6), cell: plain(6) },
      ],
    });
  }

  function lookFor(name) {
    const box = byId("search");
    if (!box) return;
    box.value = name;
    search();
    byId("stories").scrollIntoView();
    box.focus({ preventScroll: true });
  }

  function drawHeld() {
    const compared = details.filter((detail) => detail.texts).length;
    const all = stories.id.length;
    const there = data.there;
    const lines = [];
    if (all < there) lines.push(`The list has the ${number(all)} largest of ${number(there)}.`);
    if (details.length < all) lines.push(`The ${number(details.length)} largest show their articles here.`);
    if (compared < details.length && !data.missing) lines.push(`Texts to compare are here for the ${number(compared)} largest, which keeps this file small.`);
    if (lines.length) byId("held").append(el("p", { class: "note" }, lines.join(" "), ` \`dedup report OUT --html FILE --stories ${there}\` makes a file with all.`));
  }

  // A story --------------------------------------------------------------------------------------------------------

  const EVIDENCE = {
    credited: "other members credit it",
    "own credit": "its own dateline or credit names its outlet",
    coverage: "it holds the most of the others, word for word",
    earliest: "it was the earliest",
  };

  function membersOf(row) {
    return details[row].members.map((member, place) => {
      const made = Object.fromEntries(NAMES.map((name, at) => [name, member[at]]));
      return { ...made, place, title: made.title || made.id, from: outlets[made.outlet] || "" };
    });
  }
  function makeUp(groups, single) {
    if (!groups) return "no copies";
    return `${counted(groups, "copy group")}${single ? `, ${number(single)} without copies` : ""}`;
  }
  const label = (member) => member.from || member.title;

  function shape(relation, x, y) {
    const name = relation < 0 ? "none" : relations[relation];
    const size = 6;
    const points = {
      identical: [[-5.5, -5.5], [5.5, -5.5], [5.5, 5.5], [-5.5, 5.5]],
      near: [[0, -7.5], [7.5, 0], [0, 7.5], [-7.5, 0]],
      excerpt: [[0, -7], [7, 5.5], [-7, 5.5]],
    }[name];
    if (!points) return svg("circle", { class: `mark ${name}`, cx: x, cy: y, r: size - (name === "rewrite" ? 1 : 0) });
    return svg("polygon", { class: `mark ${name}`, points: points.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ") });
  }
  const icon = (relation) => svg("svg", { viewBox: "-9 -9 18 18", "aria-hidden": "true" }, shape(relation, 0, 0));

  function relationOf(member, all, first) {
    if (member.relation < 0) return all.some((other) => other !== member && other.group === member.group) ? "longest" : member.place === first ? "first" : "start";
    const name = relations[member.relation];
    return name === "identical" || member.score === null ? name : `${name} ${member.score.toFixed(2)}`;
  }

  function openStory(row, compared) {
    const root = byId("story");
    const title = el("h1", { id: "story-title", tabindex: "-1" }, bdi(stories.title[row]));
    const parts = [counted(stories.size[row], "article")];
    if (stories.outlets[row]) parts.push(counted(stories.outlets[row], "outlet"));
    if (stories.groups[row] > 1) parts.push(makeUp(stories.groups[row] - stories.single[row], stories.single[row]));
    parts.push(period(stories.first[row], stories.last[row]));
    root.replaceChildren(
      el("a", { class: "back", href: "#stories" }, "← All stories"), title,
      el("p", { class: "facts" }, parts.join(" · "), " · ", bdi(stories.id[row])), bar(stories.shares[row], told(stories.percents[row])),
      el("p", { class: "facts" }, told(stories.percents[row])));
    if (row >= details.length) {
      root.append(el("p", { class: "note" }, "Only the largest stories show their articles in this file. ", el("code", null, `dedup report OUT --html FILE --stories ${row + 1}`), " includes this one."));
    } else {
      const members = membersOf(row);
      root.append(originsOf(details[row], members), publication(members, details[row].first), articlesOf(row, members), compareOf(row, members, compared));
    }
    document.title = `${stories.title[row]} · dedup`;
    return title;
  }

  function originsOf(detail, members) {
    const lines = [];
    const at = (place) => bdi(label(members[place]));
    if (detail.origin >= 0) lines.push(["Origin: ", el("b", null, at(detail.origin)), `, most likely: ${EVIDENCE[detail.evidence] || "by its place among the others"} (confidence ${detail.sure.toFixed(2)}).`]);
    else lines.push(["Origin: times and credits do not say."]);
    if (detail.first >= 0 && detail.first !== detail.origin) lines.push(["First published: ", el("b", null, at(detail.first)), `, ${moment(members[detail.first].time)} UTC.`]);
    const [least, most] = detail.independent;
    const range = least === most ? counted(least, "independent origin") : `${least} to ${number(most)} independent origins`;
    lines.push([`${range}`, el("span", { class: "meaning" }, " (members of which less than half stands in earlier ones)"), "."]);
    return el("ul", { class: "origins" }, ...lines.map((line) => el("li", null, ...line)));
  }

  // Publication on a line of time ------------------------------------------------------------------------------------

  const STEPS = [60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 31536000, 315360000];

  const UNMATCHED = { longest: "longest: the longest of its copies", first: "first: the first published, to which the others were joined", start: "start: the others were joined to it" };

  function publication(members, first) {
    const dated = members.filter((member) => member.time !== null);
    const figure = el("figure", { class: "story-time" }, el("figcaption", null, "Publication"));
    if (!dated.length) return figure.append(el("p", { class: "meaning" }, "No article has a date.")), figure;
    if (dated.every((member) => member.time === dated[0].time)) {
      const many = dated.length > 1 ? ", all of them: time does not say who was first" : "";
      return figure.append(el("p", { class: "meaning" }, `${moment(dated[0].time)} UTC${many}.`)), figure;
    }
    const holder = el("div");
    const draw = () => holder.replaceChildren(timeline(members, dated, first, Math.max(260, holder.clientWidth || 900)));
    new ResizeObserver(() => requestAnimationFrame(draw)).observe(holder);
    draw();
    const missing = members.length - dated.length;
    const found = [...new Set(dated.map((member) => member.relation))].sort((a, b) => a - b);
    const unmatched = [...new Set(dated.filter((member) => member.relation < 0).map((member) => UNMATCHED[relationOf(member, members, first)]))].join("; ");
    const keys = el("ul", { class: "keys" }, ...found.map((relation) => el("li", null, icon(relation), relation < 0 ? unmatched : relations[relation])),
      el("li", null, "lines: the article that each was matched with"),
      missing ? el("li", null, `${counted(missing, "article")} without a date`) : null);
    figure.append(holder, keys);
    return figure;
  }

  const EDGE = 14;
  const TOP = 26;
  const LANE = 20;
  const NEXT = 17; // between two marks of a lane
  const LANES = 12;

  // Copies stand in a lane of their own where there is room for all groups; else each mark stands where it fits.
  function lanesOf(dated, x) {
    const ordered = [...dated].sort((a, b) => a.time - b.time || a.place - b.place);
    const fit = (lanes, member, from) => {
      let lane = lanes.findIndex((end, at) => at >= from && end + NEXT <= x(member.time));
      if (lane < 0) lane = lanes.length;
      lanes[lane] = x(member.time);
      return lane;
    };
    const places = new Map();
    let lanes = [];
    for (const group of new Set(ordered.map((member) => member.group))) {
      const from = lanes.length;
      for (const member of ordered) if (member.group === group) places.set(member.place, fit(lanes, member, from));
    }
    if (lanes.length <= LANES) return [places, lanes.length];
    lanes = [];
    for (const member of ordered) places.set(member.place, fit(lanes, member, 0) % (2 * LANES));
    return [places, Math.min(lanes.length, 2 * LANES)];
  }

  function timeline(members, dated, first, width) {
    const [low, high] = [Math.min(...dated.map((m) => m.time)), Math.max(...dated.map((m) => m.time))];
    const x = (time) => EDGE + ((time - low) / (high - low)) * (width - 2 * EDGE);
    const [lanes, count] = lanesOf(dated, x);
    const at = (member) => [x(member.time), TOP + lanes.get(member.place) * LANE];
    const height = TOP + count * LANE + 20;
    const about = `${counted(dated.length, "article")}, ${period(low, high)}; the list below says which`;
    const out = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": about });
    const step = STEPS.find((one) => (high - low) / one <= Math.max(2, width / 130)) || STEPS.at(-1);
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
      const date = new Date(tick * 1000);
      const anchor = x(tick) < 45 ? "start" : x(tick) > width - 45 ? "end" : "middle";
      out.append(svg("line", { class: "tick", x1: x(tick), x2: x(tick), y1: 2, y2: height - 18 }),
        svg("text", { x: x(tick), y: height - 4, "text-anchor": anchor }, step >= 86400 || tick % 86400 === 0 ? day(date) : hour(date)));
    }
    for (const member of dated) {
      if (!lanes.has(member.witness)) continue;
      const [[x1, y1], [x2, y2]] = [at(members[member.witness]), at(member)];
      const bend = Math.abs(x2 - x1) < 24 ? Math.min(x1, x2) - 14 : (x1 + x2) / 2;
      out.append(svg("path", { class: "tie", d: `M${x1},${y1} C${bend},${y1} ${bend},${y2} ${x2},${y2}` }));
    }
    for (const member of dated) {
      const [mx, my] = at(member);
      const text = `${label(member)}, ${moment(member.time)} UTC: ${relationOf(member, members, first)}`;
      out.append(svg("g", { "data-place": member.place, onclick: () => point(member.place) }, svg("title", null, text), shape(member.relation, mx, my), nameBeside(member, dated, lanes, x, my, width)));
    }
    return out;
  }

  // The outlet's name stands beside its mark where nothing else does.
  function nameBeside(member, dated, lanes, x, y, width) {
    const name = label(member).slice(0, 28);
    const long = name.length * 7 + 14;
    const others = dated.filter((other) => other !== member && lanes.get(other.place) === lanes.get(member.place)).map((other) => x(other.time));
    const here = x(member.time);
    const next = Math.min(width, ...others.filter((other) => other >= here).map((other) => other - 10));
    const last = Math.max(0, ...others.filter((other) => other <= here).map((other) => other + 10));
    if (here + long <= next) return svg("text", { class: "name", x: here + 11, y: y + 4 }, isolated(name));
    if (!others.some((other) => other <= here) && here - long >= last) return svg("text", { class: "name", x: here - 11, y: y + 4, "text-anchor": "end" }, isolated(name));
    // Who was first is named in any case, above.
    return here <= Math.min(...dated.map((other) => x(other.time))) && lanes.get(member.place) === 0 ? svg("text", { class: "name", x: here - 7, y: y - 12 }, isolated(name)) : null;
  }

  function point(place) {
    document.querySelectorAll(".articles .pointed").forEach((item) => item.classList.remove("pointed"));
    const item = document.querySelector(`.articles [data-member="${place}"]`);
    item.classList.add("pointed");
    item.scrollIntoView({ block: "center" });
  }

  // The articles of a story ------------------------------------------------------------------------------------------

  function articlesOf(row, members) {
    const first = Math.min(...members.map((member) => (member.time === null ? Infinity : member.time)));
    const sizes = new Map();
    for (const member of members) sizes.set(member.group, (sizes.get(member.group) || 0) + 1);
    const head = el("li", { class: "head", "aria-hidden": "true" }, ...["Article", "Published", "Relation", "Ledger", "Role and credit", ""].map((name) => el("span", null, name)));
    const items = members.map((member) => article(row, member, members, first, sizes.get(member.group) > 1 && sizes.size > 1));
    const hidden = stories.size[row] - members.length;
    return el("section", { "aria-labelledby": "articles-title" }, el("h2", { id: "articles-title" }, "Articles"),
      hidden ? el("p", { class: "note" }, `${number(members.length)} of ${counted(stories.size[row], "article")} are listed: the origin, the first of each copy group, then the first published. \`dedup show OUT STORY\` lists all.`) : null,
      el("ol", { class: "articles" }, head, ...items));
  }

  function article(row, member, members, first, grouped) {
    const delay = member.time === null || member.time === first ? "" : ` (+${lasting(member.time - first)})`;
    const address = safe(member.url);
    const title = address ? el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, bdi(member.title)) : bdi(member.title);
    const witness = member.witness >= 0 ? members[member.witness] : null;
    const of = witness ? el("span", { class: "quieter" }, " of ", bdi(label(witness))) : null;
    const tags = [member.role ? el("span", { class: member.role === "original" ? "tag strong" : "tag" }, member.role) : null,
      member.credit === null ? null : member.verdict.startsWith("own") ? el("span", { class: "tag" }, "own credit") : el("span", { class: "tag credit" }, "credits ", bdi(member.credit || "agencies")),
      member.verdict === "uncredited" ? el("span", { class: "tag uncredited" }, "no credit") : null];
    const other = witness || members.find((one) => one.place === details[row].origin && one !== member) || members.find((one) => one !== member);
    return el("li", { "data-member": member.place, class: grouped ? "grouped" : null },
      el("div", { class: "who" }, el("span", { class: "outlet" }, bdi(member.from || "unknown outlet")), grouped ? sr(`, copy group ${member.group + 1}`) : null, " ", el("span", { class: "title" }, title)),
      el("div", { class: "when" }, moment(member.time), delay),
      el("div", { class: "relation" }, icon(member.relation), relationOf(member, members, details[row].first), of),
      el("div", { class: "ledger-part" }, bar(member.shares, amounts(member)), el("span", { class: "shares" }, `${counted(member.words, "word")}: ${amounts(member)}`)),
      el("div", { class: "role" }, ...tags.flatMap((tag) => (tag ? [tag, " "] : []))),
      el("div", { class: "act" }, other ? el("a", { href: `${storyAddress(row)}&compare=${other.place},${member.place}`, "aria-label": `Compare ${label(member)} with ${label(other)}` }, "Compare") : null));
  }

  function safe(url) {
    try {
      return ["http:", "https:"].includes(new URL(url).protocol) ? url : "";
    } catch {
      return "";
    }
  }

  // Side by side -----------------------------------------------------------------------------------------------------

  const unpacked = new Map();

  function textsOf(row) {
    if (!unpacked.has(row)) unpacked.set(row, unpack(details[row].texts));
    return unpacked.get(row);
  }

  async function unpack(pack) {
    const bytes = Uint8Array.from(atob(pack), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const found = JSON.parse(await new Response(stream).text());
    const texts = new Map();
    found.of.forEach((place, at) => {
      const numbers_ = found.spans[at];
      const spans = [];
      for (let start = 0; start < numbers_.length; start += 7) {
        const [low, high, kind, other, otherLow, otherHigh, score] = numbers_.slice(start, start + 7);
        spans.push({ low, high, kind, other, otherLow, otherHigh, score });
      }
      texts.set(place, { text: found.texts[at], more: found.more[at], spans });
    });
    return { texts, matches: found.matches };
  }

  // A passage is a place in both texts: one says that it has it from the other, or both have it from a third member.
  function passages(texts, left, right) {
    const found = [];
    const add = (a, b, kind, score, by, third) => {
      if (a[1] <= a[0] || b[1] <= b[0]) return;
      const held = found.some((one) => one.a[0] <= a[0] && one.a[1] >= a[1] && one.b[0] <= b[0] && one.b[1] >= b[1]);
      if (!held) found.push({ a, b, kind, score, by, third });
    };
    const [one, two_] = [texts.get(left).spans, texts.get(right).spans];
    for (const span of one) if (span.other === right) add([span.low, span.high], [span.otherLow, span.otherHigh], span.kind, span.score, left, -1);
    for (const span of two_) if (span.other === left) add([span.otherLow, span.otherHigh], [span.low, span.high], span.kind, span.score, right, -1);
    const byThird = new Map();
    for (const span of two_) {
      if (span.other < 0 || span.other === left) continue;
      if (!byThird.has(span.other)) byThird.set(span.other, []);
      byThird.get(span.other).push(span);
    }
    for (const span of one) {
      for (const other of byThird.get(span.other) || []) {
        const low = Math.max(span.otherLow, other.otherLow);
        const high = Math.min(span.otherHigh, other.otherHigh);
        if (high <= low) continue;
        const kind = span.kind === COPIED && other.kind === COPIED ? COPIED : REWORDED;
        add(within(span, low, high), within(other, low, high), kind, Math.min(span.score, other.score), -1, span.other);
      }
    }
    return found.sort((p, q) => p.a[0] - q.a[0] || p.a[1] - q.a[1]);
  }

  // What is copied from a third member stands there word for word: a part of it is found by its offset.
  function within(span, low, high) {
    if (span.kind !== COPIED) return [span.low, span.high];
    const scale = (span.high - span.low) / (span.otherHigh - span.otherLow);
    const at = (place) => Math.round(span.low + (place - span.otherLow) * scale);
    return [Math.max(span.low, at(low)), Math.min(span.high, at(high))];
  }

  function pieces(entry, places) {
    const cuts = new Set();
    const end = entry.text.length;
    for (const span of entry.spans) cuts.add(span.low).add(Math.min(span.high, end));
    for (const [low, high] of places) cuts.add(Math.min(low, end)).add(Math.min(high, end));
    cuts.add(0).add(end);
    const bounds = [...cuts].sort((a, b) => a - b);
    const made = [];
    let at = 0;
    for (let cut = 0; cut + 1 < bounds.length; cut += 1) {
      const [low, high] = [bounds[cut], bounds[cut + 1]];
      while (at < entry.spans.length && entry.spans[at].high <= low) at += 1;
      const span = at < entry.spans.length && entry.spans[at].low <= low ? entry.spans[at] : null;
      const held = span && span.kind <= REWORDED ? places.flatMap(([from, to], passage) => (from <= low && high <= to ? [passage] : [])) : [];
      made.push({ low, high, span, passages: held });
    }
    return made;
  }

  function compareOf(row, members, compared) {
    const section = el("section", { class: "compare", "aria-labelledby": "compare-title" }, el("h2", { id: "compare-title", tabindex: "-1" }, "Side by side"));
    const { texts } = details[row];
    if (!texts) {
      const why = data.missing ? "The texts are not in this file: the corpus of this result could not be read when it was made." : `The texts of this story are not in this file, which keeps it small. \`dedup report OUT --html FILE --stories ${row + 1}\` includes them.`;
      section.append(el("p", { class: "note" }, why));
      return section;
    }
    const body = el("div", null, el("p", { class: "meaning" }, "Reading …"));
    section.append(body);
    if (typeof DecompressionStream === "undefined") {
      body.replaceChildren(el("p", { class: "note" }, "This browser cannot unpack the texts (it lacks DecompressionStream, in browsers since 2023)."));
      return section;
    }
    textsOf(row).then((known) => drawCompare(row, members, known, body, compared));
    return section;
  }

  function drawCompare(row, members, known, body, compared) {
    const there = members.filter((member) => known.texts.has(member.place));
    const usable = (place) => known.texts.has(place);
    const origin = details[row].origin;
    let left = usable(origin) ? origin : there[0].place;
    let right = (there.find((member) => member.place !== left && member.witness === left) || there.find((member) => member.place !== left) || there[0]).place;
    if (compared && compared.every(usable)) [left, right] = compared;
    const choice = (name, value, set) => {
      const id = `compare-${name.toLowerCase()}`;
      const select = el("select", { id, onchange: (event) => set(Number(event.target.value)) },
        ...there.map((member) => el("option", { value: member.place }, `${isolated(label(member))} · ${moment(member.time)}${member.from ? ` · ${isolated(member.title.slice(0, 60))}` : ""}`)));
      select.value = String(value);
      return [el("div", null, el("label", { for: id }, name), select), select];
    };
    const go = (one, other) => {
      history.replaceState(null, "", `${storyAddress(row)}&compare=${one},${other}`);
      [left, right] = [one, other];
      selectLeft.value = String(left);
      selectRight.value = String(right);
      draw();
    };
    const [labelLeft, selectLeft] = choice("Left", left, (place) => go(place, right));
    const [labelRight, selectRight] = choice("Right", right, (place) => go(left, place));
    const shown = el("div");
    const draw = () => shown.replaceChildren(...pair(row, members, known, left, right));
    const missing = stories.size[row] - there.length;
    body.replaceChildren(
      missing ? el("p", { class: "note" }, `${number(there.length)} of the ${counted(stories.size[row], "article")} have their texts in this file: the origin, the first of each copy group, then the first published.`) : "",
      el("div", { class: "choose" }, labelLeft, el("button", { type: "button", onclick: () => go(right, left) }, "Swap"), labelRight), shown);
    draw();
    if (compared) {
      byId("compare-title").scrollIntoView();
      byId("compare-title").focus({ preventScroll: true });
    }
  }

  function why(known, members, left, right) {
    const [a, b] = [members[left], members[right]];
    const found = known.matches.find(([one, two_]) => (one === left && two_ === right) || (one === right && two_ === left));
    if (left === right) return ["The same article on both sides."];
    if (!found) return ["No direct match: both belong to the story through other members."];
    const [one, other, relation, resemblance, oneInOther, otherInOne, probability] = found;
    const name = (place) => bdi(label(place === left ? a : b));
    const part = (value) => `${Math.round(value * 100)}\u00a0%`;
    if (relations[relation] === "identical") return ["Identical: the same words, boilerplate apart."];
    if (relations[relation] === "near") return [`Near copies: of the phrases that either has, ${part(resemblance)} are in both (resemblance ${resemblance.toFixed(2)}).`];
    if (relations[relation] === "excerpt") {
      const [inner, outer, share] = otherInOne >= oneInOther ? [other, one, otherInOne] : [one, other, oneInOther];
      return [`Excerpt: ${part(share)} of the phrases of `, name(inner), " stand in ", name(outer), ` (containment ${share.toFixed(2)}).`];
    }
    return [`Rewrite: they tell the same story with probability ${probability.toFixed(2)}, by sentences that have counterparts, names and numbers.`];
  }

  function pair(row, members, known, left, right) {
    const found = left === right ? [] : passages(known.texts, left, right);
    const status = el("p", { class: "status", role: "status" }, found.length ? "Point at a marked passage, or move to one with Tab and the arrow keys: its counterpart lights up." : "No passage of these two has a counterpart in the other.");
    const sides = [[left, "a"], [right, "b"]].map(([place, side]) => textSide(members[place], known.texts.get(place), found.map((passage) => passage[side]), side));
    const linked = sides.map((side) => side.linked);
    const lit = (side, at) => light(found, sides, side, at, status, members, left, right);
    sides.forEach((side, which) => side.wire((at) => lit(which, at)));
    const amount = (which) => `${linked[which]} of ${counted(members[which ? right : left].words, "word")}`;
    const legend = el("ul", { class: "keys", "aria-label": "Marks" },
      el("li", null, el("span", { class: "span copied shared" }, "copied"), " word for word"), el("li", null, el("span", { class: "span reworded shared" }, "reworded")),
      el("li", null, el("span", { class: "span boilerplate" }, "boilerplate")), el("li", null, el("span", { class: "span unique" }, "unique")),
      el("li", null, el("span", { class: "span copied" }, "line without colour"), " shared with another member, not with this one"));
    return [el("p", { class: "why" }, ...why(known, members, left, right), found.length ? ` About ${amount(0)} on the left and ${amount(1)} on the right have a counterpart.` : ""),
      legend, el("div", { class: "sides" }, ...sides.map((side) => side.node)), status];
  }

  function textSide(member, entry, places, side) {
    const nodes = [];
    const body = el("div", { class: "text", tabindex: "0", role: "region", dir: "auto", "aria-label": `Text of ${label(member)}` });
    let count = 0;
    let all = 0;
    for (const piece of pieces(entry, places)) {
      const text = entry.text.slice(piece.low, piece.high);
      if (!piece.span) {
        body.append(text);
        continue;
      }
      const kind = kinds[piece.span.kind];
      all += text.length;
      if (!piece.passages.length) {
        body.append(el("span", { class: `span ${kind}`, title: kind }, text));
        continue;
      }
      count += text.length;
      const node = el("span", { class: `span ${kind} shared`, role: "button", tabindex: nodes.length ? "-1" : "0", "aria-roledescription": `${kind} passage` }, text);
      nodes.push({ node, passages: piece.passages });
      body.append(node);
    }
    if (entry.more) body.append(el("p", { class: "meaning" }, `… ${number(entry.more)} more characters`));
    const node = el("section", { class: "side", "aria-label": `Article on the ${side === "a" ? "left" : "right"}` },
      el("header", null, el("h3", null, bdi(member.title)), el("p", null, bdi(member.from || "unknown outlet"), ` · ${moment(member.time)}`), bar(member.shares, amounts(member))), body);
    const wire = (lit) => {
      const at = (event) => nodes.findIndex((one) => one.node === event.target.closest(".shared"));
      body.addEventListener("mouseover", (event) => at(event) >= 0 && lit(at(event)));
      body.addEventListener("focusin", (event) => at(event) >= 0 && lit(at(event)));
      body.addEventListener("click", (event) => at(event) >= 0 && lit(at(event)));
      body.addEventListener("keydown", (event) => {
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        const here = at(event);
        if (here < 0) return;
        if (step && nodes[here + step]) {
          event.preventDefault();
          nodes[here].node.setAttribute("tabindex", "-1");
          nodes[here + step].node.setAttribute("tabindex", "0");
          nodes[here + step].node.focus();
        } else if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          document.querySelector(".counterpart")?.focus();
        }
      });
    };
    return { node, body, nodes, wire, linked: number(Math.round((member.words * count) / Math.max(1, all))) };
  }

  function light(found, sides, side, at, status, members, left, right) {
    const { node, passages: held } = sides[side].nodes[at];
    const size = (passage) => passage.a[1] - passage.a[0] + passage.b[1] - passage.b[0];
    const chosen = held.reduce((best, one) => (size(found[one]) < size(found[best]) ? one : best));
    const passage = found[chosen];
    for (const one of sides) for (const piece of one.nodes) piece.node.classList.remove("lit", "counterpart");
    node.classList.add("lit");
    const other = sides[1 - side];
    const there = other.nodes.filter((piece) => piece.passages.includes(chosen));
    for (const piece of there) piece.node.classList.add("lit", "counterpart");
    if (there.length) bringIntoView(other.body, there[0].node);
    status.replaceChildren(...inWords(passage, members, left, right));
  }

  function inWords(passage, members, left, right) {
    const name = (place) => bdi(label(members[place]));
    const via = passage.third >= 0 ? [" Both have it from ", name(passage.third), "."] : [];
    if (passage.kind === COPIED) return ["Copied: the same words in both.", ...via];
    const teller = passage.by >= 0 ? [name(passage.by), " retells the other's sentence"] : ["Both retell one sentence, or one of them does"];
    return ["Reworded: ", ...teller, `; ${Math.round(passage.score / 10)}\u00a0% of it, weighted by rarity, is found there.`, ...via];
  }

  function bringIntoView(panel, node) {
    const place = node.getBoundingClientRect().top - panel.getBoundingClientRect().top;
    if (place < 0 || place > panel.clientHeight - 40) panel.scrollTop += place - panel.clientHeight / 3;
  }

  // Where we are -----------------------------------------------------------------------------------------------------

  const home = document.title;
  let came = null;

  function route() {
    const wanted = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
    const row = wanted.has("story") ? numbers.get(wanted.get("story")) : undefined;
    const places = (wanted.get("compare") || "").split(",").map(Number);
    const compared = row !== undefined && row < details.length && places.length === 2 && places.every((place) => details[row].members[place]) && wanted.has("compare") ? places : null;
    const opened = row !== undefined;
    if (opened && byId("story").hidden) came = { scroll: scrollY, focus: document.activeElement };
    byId("home").hidden = opened;
    byId("story").hidden = !opened;
    if (opened) {
      const title = openStory(row, compared);
      if (!compared) {
        scrollTo(0, 0);
        title.focus({ preventScroll: true });
      }
      return;
    }
    document.title = home;
    byId("story").replaceChildren();
    if (came) {
      scrollTo(0, came.scroll);
      if (came.focus && came.focus.isConnected) came.focus.focus({ preventScroll: true });
      came = null;
    } else if (location.hash) {
      byId(location.hash.slice(1))?.scrollIntoView();
    }
  }

  // Light and dark ---------------------------------------------------------------------------------------------------

  function theme() {
    const button = byId("theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
    const name = () => {
      button.textContent = dark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Use ${dark() ? "light" : "dark"} colours`);
    };
    const kept = remembered();
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      remember(document.documentElement.dataset.theme);
      name();
    });
    system.addEventListener("change", name);
    name();
  }
  // A browser may refuse storage to a file; then the choice lasts as long as the page.
  function remembered() {
    try {
      return localStorage.getItem("dedup-theme");
    } catch {
      return null;
    }
  }
  function remember(value) {
    try {
      localStorage.setItem("dedup-theme", value);
    } catch {
      return;
    }
  }

  theme();
  drawStories();
  drawOutlets();
  drawHeld();
  document.querySelectorAll("[data-story]").forEach((anchor) => anchor.setAttribute("href", storyAddress(Number(anchor.dataset.story))));
  addEventListener("hashchange", route);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && byId("search") && !byId("home").hidden) {
      event.preventDefault();
      byId("search").focus();
    }
  });
  route();
})();
