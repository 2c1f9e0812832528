// Measurements as plain values, and the steps between them that can be undone and done again.

const MOST_STEPS = 100;

const plainMarks = (pane) => pane.marks.map(({ kind, frame, points }) =>
  ({ kind, frame, points: points.map(({ row, column }) => [row, column]) }));

const marksFrom = (plain) => plain.map(({ kind, frame, points }) =>
  ({ kind, frame, points: points.map(([row, column]) => ({ row, column })) }));

function forgetSteps(pane) { Object.assign(pane, { past: [], future: [], before: null }); }

// A change of marks stands between `begin` and `commit`; one still under way is no step yet.
function begin(pane) { pane.before ??= JSON.stringify(plainMarks(pane)); }

function commit(pane) {
  const { before } = pane;
  if (before === null || pane.unfinished || pane.placing) return;
  pane.before = null;
  if (before === JSON.stringify(plainMarks(pane))) return;
  pane.past = [...pane.past, before].slice(-MOST_STEPS);
  pane.future = [];
  keepSoon(pane.whole);
}

function step(pane, isBack) {
  dropUnfinished(pane);
  commit(pane);
  const [from, to] = isBack ? [pane.past, pane.future] : [pane.future, pane.past];
  if (!from.length) return;
  to.push(JSON.stringify(plainMarks(pane)));
  pane.marks = marksFrom(JSON.parse(from.pop()));
  pane.chosenMark = pane.held = null;
  pane.paintSoon();
  keepSoon(pane.whole);
  announce(pane.whole, isBack ? t("Undone") : t("Done again"));
}
