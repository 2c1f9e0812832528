// What is on the stage as a PNG. The patient stands in it only while the texts are shown.

const BURNED_IN = "Not for diagnosis. Research use only.";

function drawPicture(viewer) {
  const { canvas, stage, view } = viewer;
  viewer.paint();
  const picture = document.createElement("canvas");
  const ratio = canvas.width / stage.clientWidth;
  Object.assign(picture, { width: canvas.width, height: canvas.height });
  const context = picture.getContext("2d");
  context.drawImage(canvas, 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const around = stage.getBoundingClientRect();
  context.shadowColor = "#000";
  context.shadowBlur = 3;
  context.fillStyle = "#f3f7fa";
  context.font = "13px system-ui, sans-serif";
  const texts = [...Object.values(viewer.corner), ...Object.values(viewer.sides)];
  for (const node of texts.filter((n) => !n.hidden)) {
    const box = node.getBoundingClientRect();
    const isRight = node.classList.contains("top-right") || node.classList.contains("bottom-right");
    const lines = node.children.length ? [...node.children].map((n) => n.textContent) : [node.textContent];
    context.textAlign = isRight ? "right" : "start";
    lines.forEach((line, n) => context.fillText(line,
      (isRight ? box.right - 6 : box.left + 6) - around.left, box.top - around.top + 15 + 17.5 * n));
  }
  const told = [BURNED_IN];
  if (viewer.isMapped) {
    told.push(`Map of what moved the model: ${viewer.header.overlay.display}, `
      + `${view.mode === "both" ? "orange for, blue against" : view.mode}`);
  }
  context.textAlign = "center";
  context.font = "600 13px system-ui, sans-serif";
  context.fillStyle = "#f0d871";
  told.forEach((line, n) => context.fillText(line, stage.clientWidth / 2,
    (viewer.sides.top.hidden ? 20 : 44) + 17 * n));
  return picture;
}

function savePicture(viewer) {
  if (!viewer.pixels) return;
  drawPicture(viewer).toBlob((blob) => {
    const href = URL.createObjectURL(blob);
    const name = `consilium-${viewer.header.stack.slice(0, 16)}-image-${viewer.view.frame + 1}.png`;
    make("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10000);
  }, "image/png");
}
