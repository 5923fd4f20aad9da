// Saves a figure as CSV (its data), SVG (as shown) or PNG (drawn twice as large).
document.addEventListener("click", (event) => {
  const kind = event.target.dataset.save;
  if (!kind) return;
  const figure = event.target.closest("figure");
  const name = figure.dataset.name;
  const save = (blob, ending) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  if (kind === "csv") {
    save(new Blob([figure.querySelector("script").textContent], { type: "text/csv" }), kind);
    return;
  }
  const svg = new XMLSerializer().serializeToString(figure.querySelector("svg"));
  const picture = new Blob([svg], { type: "image/svg+xml" });
  if (kind === "svg") {
    save(picture, kind);
    return;
  }
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * image.width;
    canvas.height = 2 * image.height;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, kind));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
});
