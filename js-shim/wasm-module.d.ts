// SPDX-License-Identifier: MIT
// An imported .wasm file is a compiled module, in workerd as in the tests.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
