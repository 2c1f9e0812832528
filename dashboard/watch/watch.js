// Is there a hand on the page? Told to the server now and then, since most work with an image never
// reaches it. When there was none for long enough, the line being typed is left first, which enters
// it, and then the server is asked to lock the page.

const SEEN = "consilium-seen"; // when any window of this browser last felt a hand
const EVENTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const EARLY = 3000; // milliseconds before the server would lock by itself
const ENTER = 800; // milliseconds for the line being typed to arrive

function leave() {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  one?.blur?.();
}

export default function ({ data, setTriggerValue }) {
  const wait = Math.max(data.seconds * 1000 - EARLY, data.seconds * 500);
  const every = Math.min(60_000, data.seconds * 250);
  let told = Date.now();
  let locking = false;
  localStorage.setItem(SEEN, String(told));

  const feel = () => {
    const now = Date.now();
    if (now - Number(localStorage.getItem(SEEN)) > 1000) localStorage.setItem(SEEN, String(now));
  };
  for (const event of EVENTS) document.addEventListener(event, feel, { capture: true, passive: true });

  const look = () => {
    const seen = Number(localStorage.getItem(SEEN));
    if (Date.now() - seen >= wait) {
      if (locking) return;
      locking = true;
      leave();
      setTimeout(() => setTriggerValue("idle", Date.now()), ENTER);
    } else if (seen > told && Date.now() - told >= every) {
      told = Date.now();
      setTriggerValue("active", told);
    }
  };
  const timer = setInterval(look, Math.min(1000, data.seconds * 100));
  return () => {
    clearInterval(timer);
    for (const event of EVENTS) document.removeEventListener(event, feel, { capture: true });
  };
}
