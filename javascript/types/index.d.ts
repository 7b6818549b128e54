export { ControlError } from "./control.js";
export { Simulator } from "./simulator.js";
export { World } from "./world.js";
export type { StartOptions } from "./child.js";
export type * from "./openapi.js";
