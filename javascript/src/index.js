export { ControlError } from "./control.js";
export { Simulator } from "./simulator.js";
export { World } from "./world.js";
