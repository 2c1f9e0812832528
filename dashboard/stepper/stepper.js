// Go from phrase to phrase of a note, the strongest first, by button or by N and P.

const RANKED = "[data-rank]";
const listening = new WeakMap(); // what listens for a group of buttons

export default function ({ data, parentElement }) {
  const group = parentElement.querySelector(".steps");
  const [before, after] = group.querySelectorAll("button");
  const place = group.querySelector("output");
  const note = () => document.querySelector(`[data-note="${CSS.escape(data.note)}"]`);
  const phrases = () =>
    [...(note()?.querySelectorAll(RANKED) ?? [])].sort((a, b) => a.dataset.rank - b.dataset.rank);

  group.setAttribute("aria-label", data.words.group);
  before.querySelector(".word").textContent = data.words.before;
  after.querySelector(".word").textContent = data.words.after;
  before.disabled = after.disabled = data.count === 0;

  const tell = (phrase) => {
    const all = phrases();
    const number = all.indexOf(phrase) + 1;
    place.textContent = number === 0 ? data.words.all : data.words.place
      .replace("{number}", number).replace("{count}", all.length).replace("{tip}", phrase.dataset.tip);
  };
  const step = (by) => {
    const all = phrases();
    if (all.length === 0) return;
    const here = all.indexOf(document.activeElement?.closest?.(RANKED));
    const last = here === -1 ? Number(group.dataset.last ?? (by > 0 ? -1 : 0)) : here;
    const next = (last + by + all.length) % all.length;
    group.dataset.last = next;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
    tell(all[next]);
  };
  const focused = (event) => {
    const phrase = event.target.closest?.(RANKED);
    if (!phrase || !note()?.contains(phrase)) return;
    group.dataset.last = phrases().indexOf(phrase);
    tell(phrase);
  };
  const key = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { n: 1, p: -1 }[event.key.toLowerCase()];
    const path = event.composedPath();
    if (!by || !(path.includes(group) || path.includes(note()))) return;
    event.preventDefault();
    event.stopPropagation();
    step(by);
  };

  // A run that was overtaken may end late, or not at all: one press must not step twice.
  listening.get(group)?.abort();
  const here = new AbortController();
  listening.set(group, here);
  for (const button of [before, after]) button.onclick = () => step(Number(button.dataset.step));
  tell(null);
  document.addEventListener("focusin", focused, { signal: here.signal });
  document.addEventListener("keydown", key, { capture: true, signal: here.signal });
  return () => here.abort();
}
