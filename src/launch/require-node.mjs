// The first import of the package: whatever of ingle would fail on an older Node comes after it.
import { requireNode } from "./node-version.mjs";

requireNode();
