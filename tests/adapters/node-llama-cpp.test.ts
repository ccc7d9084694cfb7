import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";

adapterSuite("node-llama-cpp in this process, tiny model", { ...TINY, adapter: nodeLlamaCpp() });
