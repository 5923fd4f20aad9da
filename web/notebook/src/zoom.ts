/** How large the playground is in a notebook, whose text is smaller than that of a page. */
export const ZOOM = "0.85";
