// What is new in the inbox, for all pages of this browser.
import { shared } from "./shared-stream.js";

export const follow = shared("nh-inbox", ["notification", "read", "count"]);
