/** The script that every widget brings: small, because a page keeps each one that it was ever given. */

import { bundle } from "./bundle";
import { type Model, filesOf } from "./model";

interface Given {
  model: Model;
  el: HTMLElement;
}

export default (): object => {
  // A view has a model of its own, which ends with it; this one lives as long as the widget.
  let own: Model | undefined;
  return {
    initialize({ model }: Given): void {
      own = model;
    },
    async render({ model, el }: Given): Promise<() => void> {
      const { show } = await bundle(model.get("_build"), () => filesOf(model));
      return show(own ?? model, el);
    },
  };
};
