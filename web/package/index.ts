/** The package: registers the element, with its models beside this file. */

import { configure, register } from "../app/playground";

// Not written out in `new URL`, which the bundler would take for a file to copy.
const here = import.meta.url;
configure({ models: new URL("./models/", here), recorded: new URL("./recorded/", here) });
register();

export { configure, register, Playground, type Configuration } from "../app/playground";
