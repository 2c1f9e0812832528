// Two panes that move together: window, zoom, place and, by as many images, scroll.

const PLACE = ["zoom", "panX", "panY"];

// Of images in Hounsfield units the window is the same. Other values are not comparable between
// devices, so there each window moves by the same part of its image's own first one.
function linkedWindow(from, to) {
  const { preset } = from.view;
  const same = preset && to.presets.find((p) => p.name === preset);
  if (same) return { preset, center: same.center, width: same.width };
  const a = from.presets[0], b = to.presets[0];
  const isSame = from.header.unit === "HU" && to.header.unit === "HU";
  const ratio = isSame ? 1 : b.width / a.width;
  return { preset: "", width: Math.max(1, from.view.width * ratio),
    center: isSame ? from.view.center : b.center + (from.view.center - a.center) * ratio };
}

// What a change of one pane means for another that is linked to it. `apart`: by how many images
// the other is ahead.
function linkedChanges(from, to, changes, apart) {
  const linked = {};
  for (const name of PLACE) if (name in changes) linked[name] = changes[name];
  const isWindow = ("center" in changes || "width" in changes)
    && !from.header.is_color && !to.header.is_color;
  if (isWindow) Object.assign(linked, linkedWindow(from, to));
  if ("frame" in changes) {
    linked.frame = Math.min(to.pixels.shape[0] - 1, Math.max(0, from.view.frame + apart));
  }
  return linked;
}
