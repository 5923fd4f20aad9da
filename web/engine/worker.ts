/** The worker, where an engine usually sits. */

import { attend } from "./attend";
import type { Port } from "./rpc";

attend(self as unknown as Port);
