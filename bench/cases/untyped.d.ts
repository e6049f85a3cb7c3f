// SPDX-License-Identifier: MIT
// What comes without types, as far as it is used here.
declare module "jsdom" {
  export class JSDOM {
    constructor(html: string);
    readonly window: Window;
  }
}
declare module "react-dom/profiling" {
  export { createRoot } from "react-dom/client";
}
