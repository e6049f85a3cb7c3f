// What `durasync build` makes is imported as a compiled module.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
