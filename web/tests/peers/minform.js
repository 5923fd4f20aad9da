// The page of minform: its engine in a worker, on the same file and text.
const worker = new Worker("/peers/minform-worker.js", { type: "module" });

/** Seconds until the first scores, then milliseconds of each round. */
window.compare = (task) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
    worker.postMessage(task);
  });
