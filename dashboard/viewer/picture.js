// What is on the stage as a PNG. The patient stands in it only while the texts are shown.

const burnedIn = () => t("Not for diagnosis. Research use only.");

function drawPicture(viewer, { isNamed }) {
  const { canvas, stage, view } = viewer;
  paintPane(viewer);
  const picture = document.createElement("canvas");
  const ratio = canvas.width / stage.clientWidth;
  Object.assign(picture, { width: canvas.width, height: canvas.height });
  const context = picture.getContext("2d");
  context.drawImage(canvas, 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const around = stage.getBoundingClientRect();
  const back = (x, y, wide, high) => {  // so that words read on white too
    context.fillStyle = "rgba(0, 0, 0, .5)";
    context.fillRect(x, y, wide, high);
  };
  context.font = "13px system-ui, sans-serif";
  const texts = [...Object.values(viewer.corner), ...Object.values(viewer.sides)]
    .filter((node) => isNamed || node !== viewer.corner["top-left"]);
  for (const node of texts.filter((n) => !n.hidden)) {
    const box = node.getBoundingClientRect();
    const isRight = node.classList.contains("top-right") || node.classList.contains("bottom-right");
    const lines = node.children.length ? [...node.children].map((n) => n.textContent) : [node.textContent];
    context.textAlign = isRight ? "right" : "start";
    if (lines.some(Boolean)) back(box.left - around.left, box.top - around.top, box.width, box.height);
    context.fillStyle = "#f3f7fa";
    lines.forEach((line, n) => context.fillText(line,
      (isRight ? box.right - 6 : box.left + 6) - around.left, box.top - around.top + 15 + 17.5 * n));
  }
  const told = [burnedIn()];
  if (viewer.isMapped) {
    const { display, method } = viewer.header.overlay;
    told.push(method ? t("For comparison, untested: map by {method}, {display}", { method, display }) : {
      both: t("Map of what moved the model: {display}, orange for, blue against", { display }),
      for: t("Map of what moved the model: {display}, for", { display }),
      against: t("Map of what moved the model: {display}, against", { display }),
    }[view.mode]);
  }
  context.textAlign = "center";
  context.font = "600 13px system-ui, sans-serif";
  told.forEach((line, n) => {
    const y = (viewer.sides.top.hidden ? 20 : 44) + 44 * n;  // the second below the corner texts
    const wide = context.measureText(line).width + 12;
    back((stage.clientWidth - wide) / 2, y - 14, wide, 19);
    context.fillStyle = "#f0d871";
    context.fillText(line, stage.clientWidth / 2, y);
  });
  return picture;
}

// All panes side by side, as they are shown.
function pictureOf(whole, { isNamed }) {
  const pictures = whole.shownPanes.filter((pane) => pane.pixels)
    .map((pane) => drawPicture(pane, { isNamed }));
  if (pictures.length === 1) return pictures[0];
  const all = document.createElement("canvas");
  all.width = pictures.reduce((sum, one) => sum + one.width, 0);
  all.height = Math.max(...pictures.map((one) => one.height));
  let x = 0;
  for (const one of pictures) {
    all.getContext("2d").drawImage(one, x, 0);
    x += one.width;
  }
  return all;
}

function savePicture(whole) {
  const { pane } = whole;
  if (!pane.pixels) return;
  pictureOf(whole, { isNamed: true }).toBlob((blob) => {
    const href = URL.createObjectURL(blob);
    const name = `consilium-${pane.header.stack.slice(0, 16)}-image-${pane.view.frame + 1}.png`;
    make("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10000);
  }, "image/png");
}
