// The map of `explain --html`: a treemap (Bruls, Huizing and van Wijk, "Squarified Treemaps") of the lines in
// the page, laid out for the room there is. Text only ever becomes text, never markup.
"use strict";
(() => {
  const id = name => document.getElementById(name);
  const data = JSON.parse(id("data").textContent);
  const make = (tag, text, attributes) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    return made;
  };
  const human = bytes => {
    if (bytes < 1024) return bytes + " B";
    let unit = -1;
    for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
    return bytes.toFixed(1) + " " + ["KiB", "MiB", "GiB", "TiB"][unit];
  };

  // ---- The tree. What a store path holds itself is a box of its own where it brings others as well.
  const top = { n: data.title, s: 0, below: [], top: true };
  const nodes = data.lines.map((line, at) => ({ ...line, at, below: [] }));
  for (const node of nodes) {
    node.up = node.u === null ? top : nodes[node.u];
    node.up.below.push(node);
  }
  top.s = top.below.reduce((sum, node) => sum + node.s, 0);
  for (const node of nodes) {
    const brings = node.below.filter(one => one.k);
    if (!node.p || brings.length === 0 || node.o === 0) continue;
    const own = { n: "itself", s: node.o, up: node, of: node, below: node.below.filter(one => !one.k) };
    for (const part of own.below) part.up = own;
    node.below = [own, ...brings];
  }
  const tidy = node => {
    const rest = node.s - node.below.reduce((sum, one) => sum + one.s, 0);
    if (node.below.length > 0 && rest > 0) node.below.push({ n: "the rest", s: rest, up: node, of: node, below: [] });
    node.below.sort((a, b) => b.s - a.s);
    node.below.forEach(tidy);
  };
  tidy(top);

  // ---- Colours: the largest reasons have one each, all others share grey.
  const hues = [210, 30, 145, 285, 55, 340, 185, 100];
  const paint = (node, group) => {
    node.group = group;
    node.below.forEach(one => paint(one, group));
  };
  top.below.forEach((group, at) => paint(group, at));
  const colour = (element, group, depth) => {
    const known = group !== undefined && group < hues.length;
    element.style.setProperty("--h", known ? hues[group] : 0);
    element.style.setProperty("--c", known ? 1 : 0);
    element.style.setProperty("--d", Math.min(depth, 4));
  };

  // ---- Layout: rows along the shorter side, each as long as its worst tile gets better.
  const squarify = (list, x, y, w, h, put) => {
    const sum = list.reduce((total, one) => total + one.s, 0);
    if (sum <= 0 || w <= 0 || h <= 0) return;
    const scale = (w * h) / sum;
    for (let from = 0; from < list.length;) {
      const side = Math.min(w, h);
      let to = from, row = 0, best = Infinity;
      while (to < list.length) {
        const grown = row + list[to].s * scale;
        const long = list[from].s * scale, short = list[to].s * scale;
        const worst = Math.max((side * side * long) / (grown * grown), (grown * grown) / (side * side * short));
        if (to > from && worst > best) break;
        [row, best] = [grown, worst];
        to++;
      }
      const depth = side > 0 ? row / side : 0;
      let along = 0;
      for (; from < to; from++) {
        const length = depth > 0 ? (list[from].s * scale) / depth : 0;
        if (w >= h) put(list[from], x, y + along, depth, length);
        else put(list[from], x + along, y, length, depth);
        along += length;
      }
      if (w >= h) { x += depth; w -= depth; } else { y += depth; h -= depth; }
    }
  };

  const map = id("map"), about = id("about");
  let focus = top, shown = [], lit;
  const draw = () => {
    shown = [];
    const made = document.createDocumentFragment();
    const place = (node, x, y, w, h, depth) => {
      // Thinner than can be seen; what it is in keeps its colour there.
      if (w < 0.6 || h < 0.6) return;
      const tile = make("div", undefined, { class: "t", "data-at": shown.length });
      tile.style.cssText = `left:${x}px;top:${y}px;width:${w}px;height:${h}px`;
      colour(tile, node.group, depth);
      if (w > 3 && h > 3) tile.classList.add("e");
      made.append(tile);
      shown.push({ node, tile });
      const roomy = w >= 46 && h >= 17;
      if (node.below.length === 0 || w < 9 || h < 9) {
        if (roomy) tile.append(make("b", node.n));
        if (roomy && h >= 34) tile.append(make("i", human(node.s)));
        return;
      }
      tile.classList.add("inner");
      const titled = roomy && h >= 40;
      if (titled) tile.append(make("b", `${node.n} \u00b7 ${human(node.s)}`));
      const gap = w > 60 && h > 60 ? 2 : 0, head = titled ? 17 : gap;
      squarify(node.below, x + gap, y + head, w - 2 * gap, h - head - gap,
        (one, ...box) => place(one, ...box, depth + 1));
    };
    const { width, height } = map.getBoundingClientRect();
    if (focus.below.length === 0) place(focus, 0, 0, width, height, 1);
    else squarify(focus.below, 0, 0, width, height, (one, ...box) => place(one, ...box, 0));
    map.replaceChildren(made);
    find();
  };

  // ---- What is told of one.
  const tell = node => {
    const list = make("dl");
    const say = (term, ...values) => list.append(make("dt", term), ...values.map(value => {
      const entry = make("dd");
      entry.append(value);
      return entry;
    }));
    const whole = node.of || node;
    const path = (() => { let one = whole; while (one && !one.p && !one.top) one = one.up.of || one.up; return one; })();
    const share = top.s > 0 && !node.top ? ` (${((100 * node.s) / top.s).toFixed(1)} % of the image)` : "";
    say(node.k ? "goes with it" : "size", human(node.top ? data.total : node.s) + share);
    if (node.p && node.o !== node.s) say("itself", human(node.o));
    if (path && path.p) {
      if (path !== whole) say("in", path.n);
      say("path", path.p);
      if (path.a) say("its contents are at", path.a);
      say("shortest way to it", path.c.join(" \u2192 "));
    }
    const kept = (path && path.k) || whole.k;
    const largest = node.below.filter(one => !one.of).slice(0, 8);
    if (largest.length > 1) {
      const few = make("ul", undefined, { class: "sizes" });
      for (const one of largest) {
        const entry = make("li");
        entry.append(make("span", one.n), make("small", human(one.s)));
        few.append(entry);
      }
      say("the largest in it", few);
    }
    if (kept && kept.length > 0) {
      const all = make("ul");
      for (const at of kept) all.append(make("li", data.reasons[at]));
      say(kept.length === 1 ? "kept by" : `kept by all of these ${kept.length}`, all);
    }
    const name = whole === node ? node.n : `${whole.n}: ${node.n}`;
    about.replaceChildren(make("h2", name), list);
  };

  // ---- Moving about. The place is in the address, so that the browser's own way back works, too.
  const way = id("way");
  const address = node => (node.top ? "#" : "#" + node.at);
  const go = node => {
    while (node.at === undefined && !node.top) node = node.up;
    if (location.hash === address(node) || (node.top && location.hash === "")) arrive();
    else location.hash = address(node);
  };
  const arrive = () => {
    focus = nodes[/^#\d+$/.test(location.hash) ? Number(location.hash.slice(1)) : -1] || top;
    const steps = [];
    for (let node = focus; node; node = node.up) if (node.top || node.at !== undefined) steps.unshift(node);
    way.replaceChildren(...steps.flatMap((node, at) => {
      const step = make("button", node.n, { type: "button" });
      if (node === focus) step.setAttribute("aria-current", "location");
      step.addEventListener("click", () => go(node));
      return at > 0 ? [make("span", "\u203a", { "aria-hidden": "true" }), step] : [step];
    }));
    light(undefined);
    draw();
    tell(focus);
  };
  const under = event => {
    const tile = event.target.closest(".t");
    return tile ? shown[Number(tile.dataset.at)] : undefined;
  };
  const light = one => {
    if (lit) lit.classList.remove("lit");
    lit = one && one.tile;
    if (lit) lit.classList.add("lit");
  };
  map.addEventListener("mousemove", event => {
    const one = under(event);
    if (!one || one.tile === lit) return;
    light(one);
    tell(one.node);
  });
  map.addEventListener("mouseleave", () => { light(undefined); tell(focus); });
  map.addEventListener("click", event => {
    const one = under(event);
    if (one) go(one.node);
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && event.target !== id("find") && focus.up) go(focus.up);
  });
  window.addEventListener("hashchange", arrive);

  // ---- The legend.
  const legend = id("legend");
  top.below.slice(0, hues.length).forEach((group, at) => {
    const entry = make("button", undefined, { type: "button", title: group.n });
    const swatch = make("span", undefined, { class: "s" });
    colour(swatch, at, 0);
    entry.append(swatch, make("span", group.n, { class: "w" }), make("small", human(group.s)));
    entry.addEventListener("click", () => go(group));
    legend.append(entry);
  });
  const others = top.below.slice(hues.length);
  if (others.length > 0) {
    const entry = make("button", undefined, { type: "button" });
    const swatch = make("span", undefined, { class: "s" });
    colour(swatch, undefined, 0);
    const text = others.length === 1 ? others[0].n : `${others.length} other reasons`;
    const size = human(others.reduce((sum, one) => sum + one.s, 0));
    entry.append(swatch, make("span", text, { class: "w" }), make("small", size));
    entry.addEventListener("click", () => go(others.length === 1 ? others[0] : top));
    legend.append(entry);
  }

  // ---- Finding, in the map and in the table.
  const rows = [...document.querySelectorAll("tr[data-n]")];
  for (const row of rows) {
    const cell = row.querySelector("th"), button = make("button", cell.textContent, { type: "button" });
    button.addEventListener("click", () => {
      go(nodes[row.dataset.n]);
      id("view").scrollIntoView();
    });
    cell.replaceChildren(button);
  }
  const find = () => {
    const wanted = id("find").value.trim().toLowerCase();
    map.classList.toggle("finding", wanted !== "");
    for (const { node, tile } of shown) {
      const hit = wanted !== "" && !node.of && (node.n + " " + (node.p || "")).toLowerCase().includes(wanted);
      tile.classList.toggle("found", hit);
    }
    for (const row of rows) row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
  };
  id("find").addEventListener("input", find);

  id("view").hidden = false;
  new ResizeObserver(draw).observe(map);
  arrive();
})();
