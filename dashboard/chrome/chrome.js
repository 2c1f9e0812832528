// The reader's theme and language, told to the document around the page.
//
// Streamlit chooses its theme in its own menu, which this dashboard does not show. A choice here is
// made there, so widgets and page change together and nothing is loaded anew. Streamlit keeps a
// choice for one page's address only; OWN_KEY keeps it for all.

const OWN_KEY = "consilium-theme";
const MODES = ["dark", "light", "system"];
const MENU_ITEMS = { dark: "Dark", light: "Light", system: "System" };
const STREAMLIT_KEY = /^stActiveTheme-.*-(v\d+)$/;
const LOOKS = 60; // animation frames until Streamlit's menu must be there

const app = () => document.querySelector("[data-testid=stApp]");
const schemeShown = () => (getComputedStyle(app()).colorScheme === "light" ? "light" : "dark");
const schemeOf = (mode) =>
  mode === "system" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : mode;

function stored() {
  const mode = localStorage.getItem(OWN_KEY);
  return MODES.includes(mode) ? mode : null;
}

function keep(mode) {
  localStorage.setItem(OWN_KEY, mode);
  const version = Object.keys(localStorage).map((key) => STREAMLIT_KEY.exec(key)?.[1]).find(Boolean);
  if (!version) return;
  const pages = [...document.querySelectorAll(".st-key-co-nav a")].map((a) => new URL(a.href).pathname);
  for (const path of new Set([location.pathname, ...pages])) {
    localStorage.setItem(`stActiveTheme-${path}-${version}`, JSON.stringify(MENU_ITEMS[mode]));
  }
}

async function seen(selector) {
  for (let look = 0; look < LOOKS; look += 1) {
    const found = document.querySelector(selector);
    if (found) return found;
    await new Promise(requestAnimationFrame);
  }
  return null;
}

// A press of ours is nobody's click beside an open menu: no listener of the document hears it.
function press(button) {
  const keep = (event) => event.stopPropagation();
  document.body.addEventListener("click", keep);
  button.click();
  document.body.removeEventListener("click", keep);
}

async function choose(mode) {
  keep(mode);
  const focused = document.activeElement;
  const menu = await seen("[data-testid=stMainMenuButton]");
  if (!menu) return;
  if (menu.getAttribute("aria-expanded") !== "true") press(menu);
  const item = await seen(`[data-testid="stMainMenuItem-theme-${MENU_ITEMS[mode]}"]`);
  if (item) press(item);
  await new Promise(requestAnimationFrame);
  if (menu.getAttribute("aria-expanded") === "true") press(menu);
  await new Promise(requestAnimationFrame);
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  keep(mode);
}

// What is typed into a field is a patient's: a browser must not keep it to restore its tabs.
function keepNothing() {
  for (const field of document.querySelectorAll("textarea, input:not([type=file])")) {
    if (field.getAttribute("autocomplete") !== "off") field.setAttribute("autocomplete", "off");
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  document.documentElement.lang = data.language;
  const skip = document.querySelector("[data-testid=stSkipToContent]")?.firstChild; // Streamlit's
  if (skip instanceof Text) skip.data = data.words.skip;
  const [name, choice] = data.cookie;
  if (choice) document.cookie = `${name}=${choice}; path=/; max-age=31536000; samesite=strict`;
  const group = parentElement.querySelector("[role=radiogroup]");
  const buttons = [...group.querySelectorAll("button")];
  group.setAttribute("aria-label", data.words.theme);

  const mark = (mode) => {
    for (const button of buttons) {
      const isOn = button.dataset.mode === mode;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
  };
  const take = async (mode) => {
    mark(mode);
    await choose(mode);
  };
  for (const [place, button] of buttons.entries()) {
    button.title = data.words[button.dataset.mode];
    button.setAttribute("aria-label", data.words[button.dataset.mode]);
    button.onclick = () => take(button.dataset.mode);
    button.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = buttons[(place + step + buttons.length) % buttons.length];
      next.focus();
      take(next.dataset.mode);
    };
  }

  const wanted = stored() ?? "dark";
  mark(wanted);
  if (schemeShown() !== schemeOf(wanted)) choose(wanted);

  // Charts are drawn on the server, in the colours of the theme that it was told of last.
  let told = data.scheme;
  const tell = () => {
    const shown = schemeShown();
    if (shown === told || shown !== schemeOf(stored() ?? "dark")) return;
    told = shown;
    setTriggerValue("scheme", shown);
  };
  const watcher = new MutationObserver(tell);
  watcher.observe(app(), { attributes: true, attributeFilter: ["class"] });
  tell();
  const fields = new MutationObserver(keepNothing);
  fields.observe(app(), { childList: true, subtree: true });
  keepNothing();
  return () => {
    watcher.disconnect();
    fields.disconnect();
  };
}
