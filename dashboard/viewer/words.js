// The reader's language: English stands in the code, other words come with the message.

let words = {};

function speak(given) { words = given ?? {}; }

// `t("Image {n} of {frames}", { n: 1, frames: 3 })`; the first argument is always a literal.
function t(english, values = {}) {
  return (words[english] ?? english).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
