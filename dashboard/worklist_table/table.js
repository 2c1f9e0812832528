// A table of cases: arrows move, Enter opens, Space chooses. Every text is put in as text.

const held = new WeakMap(); // by table: the row in hand, what is chosen, and what listens

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function cellOf(column, row, data, act) {
  const cell = make(column.id === "patient" ? "th" : "td", undefined, column.id);
  const value = row[column.id] ?? {};
  if (column.id === "patient") {
    cell.scope = "row";
    const button = make("button", value.text);
    button.type = "button";
    button.tabIndex = -1;
    button.onclick = () => act.open(row.id);
    cell.append(button);
  } else if (column.id === "status") {
    cell.append(make("span", value.text, `badge ${value.tone}`));
  } else if (column.id === "priority") {
    if (row.urgent) cell.append(make("span", data.words.urgent, "urgent"));
    if (value.text) cell.append(make("span", value.text, `finding ${value.tone}`));
    if (value.flag) {
      const flag = make("span", data.words.flag, "flag");
      flag.title = data.words.flagTip;
      cell.append(flag);
    }
  } else if (column.id === "priors" && value.text) {
    const button = make("button", value.text);
    button.type = "button";
    button.tabIndex = -1;
    button.setAttribute("aria-label", data.words.priorsOf.replace("{name}", row.patient.text));
    button.onclick = () => act.priors(row.id);
    cell.append(button);
  } else {
    cell.append(make("span", value.text ?? "", value.tone));
  }
  if (value.more) cell.append(make("small", value.more));
  return cell;
}

function headOf(data, act, keep) {
  const row = make("tr");
  const all = make("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", data.words.all);
  all.checked = data.rows.length > 0 && data.rows.every((one) => keep.chosen.has(one.id));
  all.onchange = () => act.all(all.checked);
  const first = make("td");
  first.append(all);
  row.append(first);
  for (const column of data.columns) {
    const cell = make("th", column.sort ? undefined : column.label);
    cell.scope = "col";
    if (column.sort) {
      const button = make("button", column.label);
      button.type = "button";
      button.onclick = () => act.sort(column.sort);
      if (column.sort === data.sort.by) {
        cell.setAttribute("aria-sort", data.sort.down ? "descending" : "ascending");
        button.append(make("span", data.sort.down ? " ↓" : " ↑"));
        button.lastChild.setAttribute("aria-hidden", "true");
      }
      cell.append(button);
    }
    row.append(cell);
  }
  return row;
}

function rowOf(row, data, act, keep) {
  const line = make("tr");
  line.dataset.case = row.id;
  line.dataset.status = row.status.tone;
  line.dataset.testid = "worklist-row";
  line.setAttribute("aria-selected", keep.chosen.has(row.id));
  line.tabIndex = -1;
  const box = make("input");
  box.type = "checkbox";
  box.tabIndex = -1;
  box.checked = keep.chosen.has(row.id);
  box.setAttribute("aria-label", data.words.choose.replace("{name}", row.patient.text));
  box.onchange = () => act.choose(row.id, box.checked);
  const first = make("td");
  first.append(box);
  line.append(first, ...data.columns.map((column) => cellOf(column, row, data, act)));
  line.ondblclick = () => act.open(row.id);
  line.onfocus = () => act.hold(row.id);
  line.onclick = (event) => {
    if (!event.target.closest("button, input")) line.focus();
  };
  return line;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const table = parentElement.querySelector("table");
  const [head, body] = [table.tHead, table.tBodies[0]];
  const keep = held.get(table) ?? { chosen: new Set(), inHand: null };
  held.set(table, keep);
  const here = new Set(data.rows.map((row) => row.id));
  const isFocused = parentElement.contains(document.activeElement)
    || Boolean(table.getRootNode().activeElement?.closest?.("tbody"));

  const told = () => setStateValue("chosen", [...keep.chosen]);
  const before = keep.chosen.size;
  keep.chosen = new Set([...keep.chosen].filter((id) => here.has(id)));
  if (keep.chosen.size !== before) told();

  const line = (id) => body.querySelector(`[data-case="${CSS.escape(id ?? "")}"]`);
  const act = {
    open: (id) => setTriggerValue("open", id),
    priors: (id) => setTriggerValue("priors", id),
    sort: (by) => setTriggerValue("sort", by),
    turn: (by) => setTriggerValue("turn", by),
    hold: (id) => {
      line(keep.inHand)?.setAttribute("tabindex", "-1");
      keep.inHand = id;
      line(id)?.setAttribute("tabindex", "0");
    },
    choose: (id, is) => {
      keep.chosen[is ? "add" : "delete"](id);
      draw();
      told();
    },
    all: (is) => {
      for (const row of data.rows) keep.chosen[is ? "add" : "delete"](row.id);
      draw();
      told();
    },
  };

  function draw() {
    const focused = table.getRootNode().activeElement?.closest?.("tr")?.dataset.case;
    head.replaceChildren(headOf(data, act, keep));
    body.replaceChildren(...data.rows.map((row) => rowOf(row, data, act, keep)));
    if (!here.has(keep.inHand)) keep.inHand = data.rows[0]?.id ?? null;
    line(keep.inHand)?.setAttribute("tabindex", "0");
    if (focused) line(here.has(focused) ? focused : keep.inHand)?.focus({ preventScroll: true });
  }

  table.caption.textContent = data.words.caption;
  table.setAttribute("aria-rowcount", data.total + 1);
  parentElement.querySelector(".keys").textContent = data.words.keys;
  draw();
  if (isFocused && !table.contains(table.getRootNode().activeElement)) {
    line(keep.inHand)?.focus({ preventScroll: true });
  }

  table.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = event.target.closest("tbody tr");
    if (!row || event.target.closest("button, input")) return;
    const move = {
      ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling,
      Home: body.firstElementChild,
      End: body.lastElementChild,
    };
    const does = {
      Enter: () => act.open(row.dataset.case),
      " ": () => act.choose(row.dataset.case, !keep.chosen.has(row.dataset.case)),
      PageDown: () => act.turn("after"),
      PageUp: () => act.turn("before"),
      p: () => row.querySelector(".priors button")?.click(),
    };
    if (event.key in move) {
      move[event.key]?.focus();
      move[event.key]?.scrollIntoView({ block: "nearest" });
    } else if (event.key in does) does[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
