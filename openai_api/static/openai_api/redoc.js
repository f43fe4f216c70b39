"use strict";
// Redoc shows its maker's logo from another host, and has no option for that: it is left away.
const foreign = (value) => String(value).startsWith("https://cdn.redoc.ly/");
const { setAttribute } = Element.prototype;
Element.prototype.setAttribute = function (name, value) {
  if (name !== "src" || !foreign(value)) setAttribute.call(this, name, value);
};
const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(value) {
    if (!foreign(value)) source.set.call(this, value);
  },
});
