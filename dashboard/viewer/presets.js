// Windows: the file's, one from its greys, the usual ones of CT, and the reader's own. The reader's
// own say nothing of a patient and stay in this browser; without its storage, in this page.

const OWN_PRESETS = "consilium.windows";
const ownInPage = [];

function ownPresets() {
  try {
    const found = JSON.parse(localStorage.getItem(OWN_PRESETS) ?? "[]");
    return found.filter((p) => typeof p.name === "string" && Number.isFinite(p.center)
      && Number.isFinite(p.width));
  } catch {
    return ownInPage;
  }
}

function storePresets(presets) {
  try {
    localStorage.setItem(OWN_PRESETS, JSON.stringify(presets));
  } catch {
    ownInPage.splice(0, Infinity, ...presets);
  }
}

// Own windows are offered on images with the same unit of values only.
function presetsOf({ header, pixels }) {
  if (header.is_color) return [];
  return [...header.windows, { name: "Auto", says: t("Auto"), ...autoWindow(pixels, 0) },
    ...(header.unit === "HU" ? ctPresets() : []),
    ...ownPresets().filter((p) => p.unit === header.unit)
      .map((p) => ({ ...p, says: `★ ${p.name}`, name: `own ${p.name}`, own: p.name }))];
}

function savePreset(pane, name) {
  const { center, width } = pane.view;
  const kept = ownPresets().filter((p) => p.name !== name || p.unit !== pane.header.unit);
  storePresets([...kept, { name, center, width, unit: pane.header.unit }]);
  pane.whole.renewPresets();
  pane.usePreset(`own ${name}`);
}

function forgetPreset(pane) {
  const chosen = pane.presets.find((p) => p.name === pane.view.preset && p.own);
  if (!chosen) return;
  storePresets(ownPresets().filter((p) => p.name !== chosen.own || p.unit !== pane.header.unit));
  pane.whole.renewPresets();
  pane.set({ preset: "" });
}
