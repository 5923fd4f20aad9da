/* What the book adds to mdBook's own behaviour. */

// What may be wider than its place can be scrolled with the keyboard.
for (const part of document.querySelectorAll("pre > code, .table-wrapper, .formula")) part.tabIndex = 0;

// The label that opens the contents is a button to everybody.
{
  const toggle = document.getElementById("mdbook-sidebar-toggle");
  toggle.setAttribute("role", "button");
  toggle.tabIndex = 0;
  toggle.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle.click();
  });
}

// The playground follows the theme that is chosen here, not only that of the system.
{
  const root = document.documentElement;
  const follow = () => {
    const theme = ["navy", "coal", "ayu"].some((dark) => root.classList.contains(dark)) ? "dark" : "light";
    for (const playground of document.querySelectorAll("minform-playground")) playground.setAttribute("theme", theme);
  };
  follow();
  new MutationObserver(follow).observe(root, { attributeFilter: ["class"] });
}

// mdBook 0.5.4 asks for this at every key and does not define it: keys in the playground are not for the search.
window.mdbook_something_else_has_focus = (event) => event.target instanceof Element && event.target.closest("minform-playground") !== null;
