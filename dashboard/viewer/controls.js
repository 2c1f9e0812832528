// The controls around the canvas. Every one is a native, labelled element.

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith("aria-") || name === "role" || name === "for") node.setAttribute(name, value);
    else node[name] = value;
  }
  Object.assign(node.dataset, dataset ?? {});
  node.append(...children);
  return node;
}

function button(text, label, testid, onclick) {
  return make("button", { type: "button", title: label, "aria-label": label, onclick,
    dataset: { testid } }, text);
}

// One of several, as a group of pressed buttons.
function choice(label, testid, options, onchange) {
  const group = make("div", { className: "choice", role: "group", "aria-label": label,
    dataset: { testid } });
  const show = (value) => {
    for (const b of group.children) b.setAttribute("aria-pressed", b.dataset.value === value);
  };
  for (const [value, text] of options) {
    group.append(make("button", { type: "button", dataset: { value, testid: `${testid}-${value}` },
      onclick: () => onchange(value) }, text));
  }
  return { node: group, show };
}

function slider(label, testid, { min, max, step }, oninput) {
  const input = make("input", { type: "range", min, max, step, "aria-label": label,
    dataset: { testid } });
  input.oninput = () => oninput(Number(input.value));
  const node = make("label", { className: "slider" }, make("span", {}, label), input);
  return { node, show: (value) => { input.value = value; }, input };
}

function numberBox(label, testid, onchange) {
  const input = make("input", { type: "number", step: "any", "aria-label": label,
    dataset: { testid } });
  input.onchange = () => Number.isFinite(input.valueAsNumber) && onchange(input.valueAsNumber);
  const node = make("label", { className: "number" }, make("span", {}, label), input);
  const show = (value) => {  // a paint meanwhile leaves alone what is being typed
    if (input.getRootNode().activeElement !== input) input.value = Math.round(value * 100) / 100;
  };
  return { node, show };
}

function picker(label, testid, onchange) {
  const select = make("select", { "aria-label": label, dataset: { testid } });
  select.onchange = () => onchange(select.value);
  const node = make("label", { className: "picker" }, make("span", {}, label), select);
  const fill = (options) => {
    select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  };
  return { node, fill, show: (value) => { select.value = value; } };
}

// A button that asks for a name in its place.
function naming(text, label, testid, onname) {
  const input = make("input", { type: "text", maxLength: 30, hidden: true, placeholder: t("Name"),
    "aria-label": t("Name of the window"), dataset: { testid: `${testid}-name` } });
  const ask = (isAsking) => {
    input.hidden = !isAsking;
    input.value = "";
    if (isAsking) input.focus();
  };
  const open = button(text, label, testid, () => ask(input.hidden));
  input.onkeydown = (event) => {
    if (event.key === "Enter" && input.value.trim()) onname(input.value.trim());
    if (event.key === "Enter" || event.key === "Escape") ask(false);
  };
  return make("span", { className: "naming" }, open, input);
}
