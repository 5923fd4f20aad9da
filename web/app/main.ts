/** The page: registers the element that holds everything. `?embed` is for a frame inside another page. */

import { keepOffline } from "../offline/register";
import { configure, register } from "./playground";

const element = document.querySelector("minform-playground");
if (element !== null && new URLSearchParams(location.search).has("embed")) {
  element.setAttribute("embedded", "");
  element.setAttribute("state", location.hash);
  configure({ page: location.origin + location.pathname });
}
register();
keepOffline();
