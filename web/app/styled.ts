/**
 * Styles of an element, set property by property.
 *
 * Lit's own `styleMap` writes a `style` attribute on the first drawing, which a content security policy without
 * `unsafe-inline` blocks.
 */

import { noChange } from "lit";
import { Directive, type ElementPart, type PartInfo, PartType, directive } from "lit/directive.js";

export type Styles = Readonly<Record<string, string>>;

class Styled extends Directive {
  #set: Styles = {};

  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error("styled belongs to an element, not to an attribute");
  }

  override render(_styles: Styles): typeof noChange {
    return noChange;
  }

  override update({ element }: ElementPart, [styles]: [Styles]): typeof noChange {
    const { style } = element as HTMLElement | SVGElement;
    for (const name of Object.keys(this.#set)) if (!(name in styles)) style.removeProperty(name);
    for (const [name, value] of Object.entries(styles)) if (this.#set[name] !== value) style.setProperty(name, value);
    this.#set = styles;
    return noChange;
  }
}

export const styled = directive(Styled);
