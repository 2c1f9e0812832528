// What goes back to the server: marks, windows and layout, so that they outlive the page; and
// pictures for the report. All else stays here.

const KEEP_AFTER = 800;  // milliseconds without a further change

const plainView = ({ center, width, preset, frame, zoom, panX, panY, turn, isFlipped }) =>
  ({ center, width, preset, frame, zoom, pan: [panX, panY], turn, is_flipped: isFlipped });

function keptOf(whole) {
  const images = { ...whole.kept.images };
  for (const pane of whole.shownPanes.filter((one) => one.pixels)) {
    images[pane.header.stack] = { view: plainView(pane.view), marks: plainMarks(pane) };
  }
  const { layout, second, is_linked } = whole.kept;
  return { layout, second, is_linked, images };
}

function keepSoon(whole) {
  clearTimeout(whole.keepTimer);
  whole.keepTimer = setTimeout(() => keepNow(whole), KEEP_AFTER);
}

function keepNow(whole) {
  clearTimeout(whole.keepTimer);
  const isBusy = whole.panes.some((p) => p.grasp || p.unfinished || p.placing || p.cine);
  if (isBusy) return;  // what ends it asks again
  const kept = keptOf(whole);
  const text = JSON.stringify(kept);
  if (text === whole.keptText) return;
  Object.assign(whole, { kept, keptText: text });
  whole.send.setStateValue?.("kept", kept);
}

// Put an image back as it was left.
function recall(pane) {
  const kept = pane.whole.kept.images[pane.header.stack];
  if (!kept) return;
  const { view } = kept;
  const last = pane.pixels.shape[0] - 1;
  pane.marks = marksFrom(kept.marks.filter((mark) => mark.frame <= last));
  pane.change({ center: view.center, width: view.width, preset: view.preset,
    frame: Math.min(last, view.frame), zoom: view.zoom, panX: view.pan[0], panY: view.pan[1],
    turn: view.turn, isFlipped: view.is_flipped });
}

// Report and PDF hold our own map: what another method draws stays on the screen.
const showsOthersMap = (whole) =>
  whole.shownPanes.some((pane) => pane.isMapped && pane.header.overlay.method);
const toReport = () => t("Add what is shown to the report, without the patient's name (K)");
const onlyOurs = () =>
  t("The report holds our own map alone. Choose it as the method, or switch the map off.");

// Send what is shown to the report. The patient's name is left out: the report has its own place
// for it.
function addToReport(whole) {
  const { pane } = whole;
  if (showsOthersMap(whole)) {
    announce(whole, onlyOurs());
    return;
  }
  if (!pane.pixels || whole.header.report.left <= 0) {
    announce(whole, t("The report holds as many pictures as it may."));
    return;
  }
  const { view, header } = pane;
  const here = pane.marks.filter((mark) => mark.frame === view.frame);
  whole.send.setTriggerValue?.("key_image", {
    png: pictureOf(whole, { isNamed: false }).toDataURL("image/png"),
    stack: header.stack, frame: view.frame, center: view.center, width: view.width,
    is_mapped: Boolean(pane.isMapped), mode: view.mode,
    measures: here.map((mark) => markWords(pane, mark)),
    beside: whole.shownPanes.find((one) => one !== pane)?.header.label ?? "",
  });
  announce(whole, t("Added to the report."));
}
