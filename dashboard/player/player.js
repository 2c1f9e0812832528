// A recording: its waveform and its spectrogram under one playhead that follows the sound.

const PLAY = "M4 2.4v11.2L13 8z";
const PAUSE = "M3.6 2.5h3.2v11H3.6zM9.2 2.5h3.2v11H9.2z";
const STEP_S = 0.5; // arrow keys
const TICK_STEPS = [0.5, 1, 2, 5, 10];
const MOST_TICKS = 9;
const SLOW_MS = 250; // between two places of the playhead where motion is not wanted

const players = new WeakMap();

function player(root) {
  const find = (selector) => root.querySelector(selector);
  const part = {
    play: find(".play"), icon: find(".play path"), word: find(".play span"), clock: find(".clock"),
    facts: find(".facts"), map: find(".map"), mapOn: find(".map input"), mapWord: find(".map span"),
    place: find(".pictures"), wave: find(".wave"), plain: find(".plain"), mapped: find(".mapped"),
    head: find(".head"), marks: find(".marks"), hertz: find(".hertz"), seconds: find(".seconds"),
    alt: find(".alt"),
  };
  const audio = new Audio();
  const urls = new Map(); // of one recording's sound and pictures
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  let header = null, waveform = null, soundId = null, at = 0, frame = 0, drawnAt = 0, isDragging = false;

  const url = (name, bytes, type) => {
    if (urls.has(name)) URL.revokeObjectURL(urls.get(name));
    urls.set(name, URL.createObjectURL(new Blob([bytes], { type })));
    return urls.get(name);
  };
  const clamp = (second) => Math.min(Math.max(second, 0), header.seconds);
  const written = (second) => second.toFixed(1);

  function drawPlace() {
    part.head.style.left = `${(100 * at) / header.seconds}%`;
    const told = header.words.place_value
      .replace("{now}", written(at)).replace("{length}", written(header.seconds));
    part.clock.textContent = told;
    part.place.setAttribute("aria-valuenow", written(at));
    part.place.setAttribute("aria-valuetext", told);
    root.dataset.time = at.toFixed(3);
  }

  function drawState() {
    const isPlaying = !audio.paused;
    root.dataset.playing = String(isPlaying);
    part.icon.setAttribute("d", isPlaying ? PAUSE : PLAY);
    part.word.textContent = isPlaying ? header.words.pause : header.words.play;
  }

  function drawWave() {
    const scale = devicePixelRatio || 1;
    const width = Math.max(1, Math.round(part.wave.clientWidth * scale));
    const height = Math.max(1, Math.round(part.wave.clientHeight * scale));
    part.wave.width = width;
    part.wave.height = height;
    const pen = part.wave.getContext("2d");
    pen.fillStyle = getComputedStyle(part.wave).color;
    const columns = waveform.shape[1], values = waveform.values;
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor((x * columns) / width);
      const last = Math.max(first + 1, Math.floor(((x + 1) * columns) / width));
      let low = 1, high = -1;
      for (let column = first; column < last; column += 1) {
        low = Math.min(low, values[column]);
        high = Math.max(high, values[columns + column]);
      }
      const top = ((1 - high) / 2) * height, bottom = ((1 - low) / 2) * height;
      pen.fillRect(x, top, 1, Math.max(bottom - top, scale));
    }
  }

  function drawAxes() {
    part.hertz.replaceChildren(word("b", header.words.hertz), ...header.ticks_hz.map(([hertz, height]) => {
      const tick = word("span", String(hertz));
      tick.style.top = `${100 * (1 - height)}%`;
      return tick;
    }));
    const step = TICK_STEPS.find((s) => header.seconds / s <= MOST_TICKS) ?? TICK_STEPS.at(-1);
    const ticks = [];
    for (let second = 0; second <= header.seconds + 1e-6; second += step) {
      const tick = word("span", String(Number(second.toFixed(1))));
      tick.style.left = `${(100 * second) / header.seconds}%`;
      ticks.push(tick);
    }
    part.seconds.replaceChildren(...ticks, word("b", header.words.seconds));
  }

  function word(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  }

  function drawMarks() {
    part.marks.replaceChildren(...header.cells.map((cell) => {
      const made = word("button", String(cell.number));
      made.type = "button";
      made.className = cell.signed > 0 ? "for" : "against";
      made.title = cell.words;
      made.setAttribute("aria-label", `${cell.number}: ${cell.words}`);
      made.style.left = `${(100 * cell.second) / header.seconds}%`;
      made.style.top = `${100 * (1 - cell.height)}%`;
      made.onclick = () => go(cell.second);
      return made;
    }));
  }

  function drawMap() {
    const isOn = header.has_map && part.mapOn.checked;
    part.mapped.hidden = part.marks.hidden = !isOn;
    part.plain.hidden = isOn;
    root.dataset.map = String(isOn);
  }

  function go(second) {
    at = clamp(second);
    audio.currentTime = at;
    drawPlace();
  }

  function follow(now) {
    if (!isCalm.matches || now - drawnAt >= SLOW_MS) {
      at = clamp(audio.currentTime);
      drawnAt = now;
      drawPlace();
    }
    if (!audio.paused) frame = requestAnimationFrame(follow);
  }

  async function toggle() {
    if (!audio.paused) {
      audio.pause();
      return;
    }
    if (at >= header.seconds - 0.05) go(0);
    await audio.play().catch(() => undefined); // a browser may refuse; the button then says Play
    drawState();
  }

  function secondAt(event) {
    const box = part.place.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * header.seconds;
  }

  audio.onplay = () => { drawState(); cancelAnimationFrame(frame); frame = requestAnimationFrame(follow); };
  audio.onpause = () => { at = clamp(audio.currentTime); drawPlace(); drawState(); };
  audio.onended = () => { at = header.seconds; drawPlace(); drawState(); };
  part.play.onclick = toggle;
  part.mapOn.onchange = drawMap;
  part.place.onpointerdown = (event) => {
    if (event.button !== 0) return;
    isDragging = true;
    part.place.setPointerCapture(event.pointerId);
    go(secondAt(event));
  };
  part.place.onpointermove = (event) => { if (isDragging) go(secondAt(event)); };
  part.place.onpointerup = part.place.onpointercancel = () => { isDragging = false; };
  part.place.onkeydown = (event) => {
    const places = {
      ArrowRight: at + STEP_S, ArrowUp: at + STEP_S, ArrowLeft: at - STEP_S, ArrowDown: at - STEP_S,
      PageUp: at + 4 * STEP_S, PageDown: at - 4 * STEP_S, Home: 0, End: header.seconds,
    };
    if (event.key === " ") toggle();
    else if (event.key in places) go(places[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const resized = new ResizeObserver(() => { if (waveform) drawWave(); });
  resized.observe(part.wave);

  return {
    show(message) {
      const { header: told, arrays } = unpack(message);
      header = told;
      waveform = arrays.waveform;
      if (soundId !== header.id) {
        soundId = header.id;
        audio.pause();
        audio.src = url("sound", arrays.wav.values, "audio/wav");
        at = 0;
      }
      part.plain.src = url("picture", arrays.picture.values, "image/png");
      if (header.has_map) part.mapped.src = url("mapped", arrays.mapped.values, "image/png");
      part.map.hidden = !header.has_map;
      part.mapWord.textContent = header.words.map;
      part.facts.textContent = header.facts;
      part.alt.textContent = header.alt;
      part.place.setAttribute("aria-label", header.words.place);
      part.place.setAttribute("aria-valuemin", "0");
      part.place.setAttribute("aria-valuemax", written(header.seconds));
      drawAxes();
      drawMarks();
      drawMap();
      drawWave();
      drawPlace();
      drawState();
    },
    end() {
      audio.pause();
      audio.removeAttribute("src");
      resized.disconnect();
      cancelAnimationFrame(frame);
      for (const address of urls.values()) URL.revokeObjectURL(address);
      urls.clear();
    },
  };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".player");
  const known = players.get(root) ?? { player: player(root), run: 0 };
  const run = (known.run += 1); // a run that was overtaken may end after the next has begun
  players.set(root, known);
  known.player.show(data);
  return () => {
    if (known.run !== run) return;
    known.player.end();
    players.delete(root);
  };
}
