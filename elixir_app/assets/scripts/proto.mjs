// Generates gen/telemetry_pb.ts from the schema of the frames, if that is newer.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const assets = dirname(dirname(fileURLToPath(import.meta.url)));
const schemas = join(assets, "..", "..", "proto");
const schema = join(schemas, "telemetry.proto");
const made = join(assets, "gen", "telemetry_pb.ts");

if (!existsSync(made) || statSync(made).mtimeMs < statSync(schema).mtimeMs) {
  mkdirSync(dirname(made), { recursive: true });
  execFileSync(
    "protoc",
    [
      `--plugin=protoc-gen-es=${join(assets, "node_modules", ".bin", "protoc-gen-es")}`,
      `--es_out=${dirname(made)}`,
      "--es_opt=target=ts",
      `--proto_path=${schemas}`,
      schema,
    ],
    { stdio: "inherit" },
  );
}
